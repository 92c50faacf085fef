"""The Pareto front: the trials that no other beats in every objective."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from toprung.api.experiment import ExperimentSpec
from toprung.planning.incumbent import evaluation, scores_of
from toprung.planning.records import TrialRecord

MAX_FRONT = 64
"""Trials of the front that a status has room for."""

Scores = tuple[float, ...]
Scored = tuple[TrialRecord, Scores]


def front_status(trials: Iterable[TrialRecord], spec: ExperimentSpec) -> Mapping[str, object]:
    """Give status.front and status.frontSize; null with one objective."""
    if spec.objectives is None:
        return {"front": None, "frontSize": None}
    members = pareto_front(trials, spec)
    front = [
        {
            "trial": trial.name,
            "values": {aim.metric: one for aim, one in zip(spec.aims, values_of(scores, spec), strict=True)},
            "parameters": dict(evaluation(trial, spec).parameters),
        }
        for trial, scores in _spread(members)
    ]
    return {"front": front, "frontSize": len(members)}


def pareto_front(trials: Iterable[TrialRecord], spec: ExperimentSpec) -> list[Scored]:
    """Give the trials on the front, from the best by the first objective on; none where there is one objective."""
    scored = [(trial, scores) for trial in trials if (scores := scores_of(trial, spec))]
    return [scored[position] for position in undominated([scores for _, scores in scored])]


def values_of(scores: Scores, spec: ExperimentSpec) -> Scores:
    """Give the values that were reported, whichever way they are to go."""
    return tuple(one if aim.type == "maximize" else -one for aim, one in zip(spec.aims, scores, strict=True))


def undominated(scored: Sequence[Scores]) -> list[int]:
    """Give the positions of the scores that no other dominates; what has one that is not finite is left out.

    One dominates another that is nowhere better, and somewhere worse; larger is better. Of equal ones all are given.
    They come by their first score, the best first; ties by the next ones, then by position.
    """
    if not scored:
        return []
    scores: NDArray[np.float64] = np.array(scored, dtype=float)
    order = np.lexsort(-scores.T[::-1])  # the last key is the first to sort by
    left = order[np.isfinite(scores[order]).all(axis=1)]
    members: list[int] = []
    while left.size:  # in this order nobody is dominated by a later one: the first one left is a member
        best, others = scores[left[0]], scores[left[1:]]
        members.append(int(left[0]))
        left = left[1:][(others > best).any(axis=1) | (others == best).all(axis=1)]
    return members


def _spread(members: Sequence[Scored]) -> Sequence[Scored]:
    """Choose MAX_FRONT of them, both ends included, at even distances."""
    if len(members) <= MAX_FRONT:
        return members
    return [members[number * (len(members) - 1) // (MAX_FRONT - 1)] for number in range(MAX_FRONT)]
