"""Computes the incumbent over time and the rungs of an Experiment, for tables and plots."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from math import isfinite

from toprung.api.v1alpha1.early_stopping import ComparingRule, MedianSettings, RungSettings
from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.api.v1alpha1.objectives import Objective
from toprung.api.v1alpha1.trial import TrialState
from toprung.early_stopping.rungs import rung_levels
from toprung.metrics.progress import score
from toprung.objects.trial import RungVerdict, TrialRecord

Point = tuple[datetime, float]


def incumbent_curve(trials: Iterable[TrialRecord], objective: Objective) -> tuple[Point, ...]:
    """Return (time, value) of each new incumbent, in order of time: the any-time performance.

    The points are the observations that are stored with a time: the rungs, the best and the latest value of each trial.
    With the strategy `last`, only the last value of an ended trial is used. Failed trials are left out.
    """
    maximize = objective.type == "maximize"
    points = [point for trial in trials for point in _observations(trial, objective)]
    curve: list[Point] = []
    # of observations at the same time, only the best is a point
    for time, value in sorted(points, key=lambda point: (point[0], -score(point[1], maximize=maximize))):
        if not curve or score(value, maximize=maximize) > score(curve[-1][1], maximize=maximize):
            curve.append((time, value))
    return tuple(curve)


def rung_levels_of(spec: ExperimentSpec) -> tuple[int, ...]:
    """Return the rung levels of the most aggressive bracket; empty if the rule has no rungs."""
    rule = _rule(spec)
    if not isinstance(rule, RungSettings):
        return ()
    return rung_levels(rule.min_resource, rule.max_resource, rule.reduction_factor, 0)


def last_step(spec: ExperimentSpec) -> int | None:
    """Return the last step of a trial, or None if the Experiment does not set it."""
    rule = _rule(spec)
    return rule.max_resource if isinstance(rule, RungSettings | MedianSettings) else None


def trials_at_rung(trials: Iterable[TrialRecord], level: int) -> int:
    """Count the trials that have reached a rung, without those that failed before it."""
    return sum(
        any(rung.resource == level and rung.verdict is not RungVerdict.FAILED for rung in trial.rungs)
        for trial in trials
    )


def resource_name(spec: ExperimentSpec) -> str:
    """Return the name of a step, such as epoch."""
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
            yield (
                max(trial.completion_time or last.time, last.time),
                last.value,
            )  # whole seconds
        return
    yield from ((rung.time, rung.value) for rung in trial.rungs if rung.value is not None)
    yield from ((seen.time, seen.value) for seen in (best, latest) if seen is not None and isfinite(seen.value))
