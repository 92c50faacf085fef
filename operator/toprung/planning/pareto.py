"""Computes the Pareto front: the trials that no other trial dominates."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from math import isfinite
from operator import ge

from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.objects.sizes import MAX_CONFIGURATION, MAX_FRONT, bounded, size_of_configuration
from toprung.objects.trial import TrialRecord
from toprung.planning.scoring import evaluation, scores_of

MAX_MEMBERS = 64
"""Trials of the front that a status has room for, if their configurations are not long."""
MIN_MEMBERS = 2
"""Trials that are listed in any case: both ends."""
SIZE_OF_REST = 2048
"""Bytes of a member beside its configuration: four metrics with names of 253 characters, and the Trial's name."""

Scores = tuple[float, ...]
Scored = tuple[TrialRecord, Scores]


def front_status(trials: Iterable[TrialRecord], spec: ExperimentSpec) -> Mapping[str, object]:
    """Return status.paretoFront and status.paretoFrontSize; null with one objective."""
    if spec.objectives is None:
        return {"paretoFront": None, "paretoFrontSize": None}
    members = pareto_front(trials, spec)
    front = [
        {
            "trial": trial.name,
            "values": {
                goal.metric: value for goal, value in zip(spec.all_objectives, values_of(scores, spec), strict=True)
            },
            "parameters": bounded(evaluation(trial, spec).parameters),
        }
        for trial, scores in _members_that_fit(members, spec)
    ]
    return {"paretoFront": front, "paretoFrontSize": len(members)}


def _members_that_fit(members: Sequence[Scored], spec: ExperimentSpec) -> Sequence[Scored]:
    """Choose as many as fit into the status by number and by bytes, evenly spread and both ends included."""
    count = MAX_MEMBERS
    while True:
        chosen = _spread(members, count)
        size = sum(map(partial(_size_of, spec), chosen))
        if size <= MAX_FRONT or count <= MIN_MEMBERS:
            return chosen
        count = max(MIN_MEMBERS, min(len(chosen) - 1, len(chosen) * MAX_FRONT // size))


def _size_of(spec: ExperimentSpec, member: Scored) -> int:
    parameters = evaluation(member[0], spec).parameters
    return min(size_of_configuration(parameters), MAX_CONFIGURATION) + SIZE_OF_REST


def pareto_front(trials: Iterable[TrialRecord], spec: ExperimentSpec) -> list[Scored]:
    """Return the trials on the Pareto front, the best by the first objective first; none for one objective."""
    scored = [(trial, scores) for trial in trials if (scores := scores_of(trial, spec))]
    return [scored[position] for position in undominated([scores for _, scores in scored])]


def values_of(scores: Scores, spec: ExperimentSpec) -> Scores:
    """Return the reported values."""
    return tuple(
        value if goal.type == "maximize" else -value for goal, value in zip(spec.all_objectives, scores, strict=True)
    )


def undominated(scored: Sequence[Scores]) -> list[int]:
    """Return the positions of the non-dominated scores, without those that have a non-finite value.

    One dominates another that is nowhere better, and somewhere worse; larger is better. Equal scores are all returned.
    They come by their first score, the best first; ties by the next ones, then by position.
    """
    finite = (position for position, scores in enumerate(scored) if all(map(isfinite, scores)))
    members: list[int] = []
    rivals: list[Scores] = []  # all scores but the first of the members, where no other member's are as good
    for position in sorted(finite, key=scored.__getitem__, reverse=True):  # no score is dominated by a later one
        scores, others = scored[position], scored[position][1:]
        if not members or scores != scored[members[-1]]:
            if any(all(map(ge, rival, others)) for rival in rivals):
                continue
            rivals = [rival for rival in rivals if not all(map(ge, others, rival))] + [others]
        members.append(position)
    return members


def _spread(members: Sequence[Scored], count: int) -> Sequence[Scored]:
    """Choose so many of them, both ends included, at even distances."""
    if len(members) <= count:
        return members
    return [members[number * (len(members) - 1) // (count - 1)] for number in range(count)]
