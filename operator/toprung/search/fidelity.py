"""Which of the trials a model is fitted on, and with what scores: one answer for every model-based sampler.

Runs are compared only where they have been given the same resource. So the scores are those at one rung: the highest
that has at least (number of parameters + 2) records, as in BOHB (Falkner et al., ICML 2018, section 4.1). Trials that
were stopped there count as much as those that went on.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from toprung.search.types import Evaluation, Standing


@dataclass(frozen=True, slots=True)
class Records:
    """What a model may learn from.

    Attributes:
        scores: index of the trial -> its score, finite, larger is better; ascending indices.
        poor: indices of the trials that have none, and near which nothing new should be tried: those that still run
            (the constant liar's lie), those that failed, and those whose score is not finite. A failure is thus
            as bad as can be, but can never become a good example, however many trials fail.
        seen: how many trials have a finite score at all, at whatever rung.
        enough: whether the rung has records enough to fit a model on; draw at random where not.
    """

    scores: Mapping[int, float]
    poor: tuple[int, ...]
    seen: int
    enough: bool


def records(history: Mapping[int, Evaluation], parameters: int) -> Records:
    """Choose the rung and read the scores there.

    Where no trial has rungs, the final scores of complete trials are taken. A complete trial that ended before the
    chosen rung counts with its final score; one that was stopped below it is left out: others did better there, but
    by how much at this rung nobody knows.

    Args:
        history: index -> evaluation, in any order.
        parameters: the number of parameters of the space.
    """
    ordered = [history[index] for index in sorted(history)]
    level, enough = _level(ordered, parameters + 2)
    scores: dict[int, float] = {}
    poor = []
    seen = 0
    for evaluation in ordered:
        seen += _seen(evaluation)
        score = None if evaluation.standing is Standing.FAILED else _score(evaluation, level)
        if score is not None and isfinite(score):
            scores[evaluation.index] = score
        elif score is not None or evaluation.standing in (Standing.RUNNING, Standing.FAILED):
            poor.append(evaluation.index)
    return Records(scores, tuple(poor), seen, enough)


def _level(evaluations: list[Evaluation], least: int) -> tuple[int | None, bool]:
    """Give the rung to fit on, None where there are no rungs, and whether it has enough records."""
    counts: Counter[int] = Counter()
    for evaluation in evaluations:
        counts.update(level for level, score in evaluation.rungs if isfinite(score))
    rich = [level for level, count in counts.items() if count >= least]
    return (max(rich), True) if rich else (min(counts, default=None), not counts)


def _score(evaluation: Evaluation, level: int | None) -> float | None:
    at_level = next((score for rung, score in evaluation.rungs if rung == level), None)
    if at_level is None and evaluation.standing is Standing.COMPLETE:
        return evaluation.score
    return at_level


def _seen(evaluation: Evaluation) -> bool:
    """Say whether anything finite is known of a trial that has not failed."""
    if evaluation.standing is Standing.FAILED:
        return False
    final = evaluation.score if evaluation.standing is Standing.COMPLETE else None
    return any(isfinite(score) for _, score in evaluation.rungs) or (final is not None and isfinite(final))
