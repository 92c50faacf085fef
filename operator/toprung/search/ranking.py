"""Ranks trials that consumed different resources."""

from math import isfinite

from toprung.search.types import Evaluation, EvaluationState

Rank = tuple[bool, int, float]
"""(complete, last rung reached, score there): larger is better."""


def rank(evaluation: Evaluation) -> Rank | None:
    """Return the rank of a trial in its experiment; None without a comparable score.

    Complete trials come first, by their score; then those that were stopped or still run, by the last rung they reached
    and their score there: the trials that continued past a rung were better than those that ended on it. Failed trials,
    trials with a non-finite last score, and running trials without a record have no rank.
    """
    reached, score = evaluation.rungs[-1] if evaluation.rungs else (0, evaluation.score)
    complete = evaluation.state is EvaluationState.COMPLETE
    if complete:
        reached, score = 0, evaluation.score
    unknown = evaluation.state is EvaluationState.RUNNING and not evaluation.rungs
    if unknown or evaluation.state is EvaluationState.FAILED or score is None or not isfinite(score):
        return None
    return complete, reached, score


def has_result(evaluation: Evaluation) -> bool:
    """Return whether the trial has ended, failed trials included, or has a record at a rung while it runs."""
    return evaluation.state is not EvaluationState.RUNNING or bool(evaluation.rungs)
