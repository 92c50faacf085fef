"""The Pareto front: the trials that no other beats in every objective."""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite

from toprung.api.experiment import ExperimentSpec
from toprung.planning.incumbent import evaluation, scores_of
from toprung.planning.records import TrialRecord

MAX_FRONT = 64
"""Trials of the front that a status has room for."""

Scores = tuple[float, ...]
Member = tuple[TrialRecord, Scores]


def front_status(trials: Iterable[TrialRecord], spec: ExperimentSpec) -> list[Mapping[str, object]] | None:
    """Give status.front: members of the front by the first objective, the best first; None with one objective."""
    if spec.objectives is None:
        return None
    scored = [(trial, scores) for trial in trials if (scores := scores_of(trial, spec))]
    members = [scored[position] for position in front([scores for _, scores in scored])]
    return [
        {
            "trial": trial.name,
            "values": {
                aim.metric: one if aim.type == "maximize" else -one for aim, one in zip(spec.aims, scores, strict=True)
            },
            "parameters": dict(evaluation(trial, spec).parameters),
        }
        for trial, scores in _spread(members)
    ]


def front(scored: Sequence[Scores]) -> list[int]:
    """Give the positions of the scores that no other dominates; what has one that is not finite is left out.

    Larger is better. Members come by their first score, the best first; ties by the next ones, then by position. Equal
    ones are all members.
    """
    finite = (position for position, scores in enumerate(scored) if all(map(isfinite, scores)))
    members: list[int] = []
    # in this order nobody is dominated by a later one, and most are by the latest member; of two objectives all are
    for position in sorted(finite, key=lambda position: (*(-one for one in scored[position]), position)):
        if not any(dominates(scored[member], scored[position]) for member in reversed(members)):
            members.append(position)
    return members


def dominates(one: Scores, other: Scores) -> bool:
    """Whether the one is nowhere worse than the other, and somewhere better."""
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))


def _spread(members: Sequence[Member]) -> Sequence[Member]:
    """Choose MAX_FRONT of them, both ends included, at even distances."""
    if len(members) <= MAX_FRONT:
        return members
    return [members[number * (len(members) - 1) // (MAX_FRONT - 1)] for number in range(MAX_FRONT)]
