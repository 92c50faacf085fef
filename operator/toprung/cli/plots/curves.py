"""What the curves show: the incumbent over time, and the rungs."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from math import isfinite

from toprung.api.v1alpha1.early_stopping import ComparingRule, MedianSettings, RungSettings
from toprung.api.v1alpha1.experiment import ExperimentSpec, Objective
from toprung.api.v1alpha1.trial import TrialState
from toprung.early_stopping.rungs import rung_levels
from toprung.metrics.progress import score
from toprung.objects.trial import RungVerdict, TrialRecord

Point = tuple[datetime, float]


def any_time_curve(trials: Iterable[TrialRecord], objective: Objective) -> tuple[Point, ...]:
    """Give (time, value) of each new incumbent, by time: any-time performance as the recorded observations tell it.

    A trial's observations that are kept with their times are its rungs, its best and its latest; by strategy `last`
    only the latest counts, once the trial has ended. Failed trials never count.
    """
    maximize = objective.type == "maximize"
    points = [point for trial in trials for point in _observations(trial, objective)]
    curve: list[Point] = []
    # of what is seen at the same time only the best shows
    for time, value in sorted(points, key=lambda point: (point[0], -score(point[1], maximize=maximize))):
        if not curve or score(value, maximize=maximize) > score(curve[-1][1], maximize=maximize):
            curve.append((time, value))
    return tuple(curve)


def levels(spec: ExperimentSpec) -> tuple[int, ...]:
    """Give the rung levels of the most aggressive bracket, none where trials are not compared at rungs."""
    rule = _rule(spec)
    if not isinstance(rule, RungSettings):
        return ()
    return rung_levels(rule.min_resource, rule.max_resource, rule.reduction_factor, 0)


def longest(spec: ExperimentSpec) -> int | None:
    """Give the step that a trial reaches at most, None where the experiment does not say."""
    rule = _rule(spec)
    return rule.max_resource if isinstance(rule, RungSettings | MedianSettings) else None


def reached(trials: Iterable[TrialRecord], level: int) -> int:
    """Count the trials that have a record in a rung; one that failed on its way there has not reached it."""
    return sum(
        any(rung.resource == level and rung.verdict is not RungVerdict.FAILED for rung in trial.rungs)
        for trial in trials
    )


def resource_name(spec: ExperimentSpec) -> str:
    """Give the word for a step."""
    rule = _rule(spec)
    return rule.resource if rule is not None else "step"


def _rule(spec: ExperimentSpec) -> ComparingRule | None:
    return spec.early_stopping.rule if spec.early_stopping is not None else None


def _observations(trial: TrialRecord, objective: Objective) -> Iterator[Point]:
    latest, best, last = trial.progress.latest, trial.progress.best, trial.progress.last
    if trial.state is TrialState.FAILED:
        return
    if objective.strategy == "last":
        if trial.state.terminal and last is not None and isfinite(last.value):
            yield max(trial.completion_time or last.time, last.time), last.value  # the former is in whole seconds
        return
    yield from ((rung.time, rung.value) for rung in trial.rungs if rung.value is not None)
    yield from ((seen.time, seen.value) for seen in (best, latest) if seen is not None and isfinite(seen.value))
