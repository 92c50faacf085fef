"""Counts the reports of a trial, each once, however often its log is read."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from math import frexp, inf, isfinite, isnan, nan

from toprung.metrics.types import (
    MAX_CURVE_POINTS,
    MAX_EXCESS,
    Crossing,
    Observation,
    Pending,
    Progress,
    Settled,
    Tracking,
)

Curve = tuple[tuple[float, float], ...]


def score(value: float, *, maximize: bool) -> float:
    """Return the normalized score: larger is better, and -inf for non-finite values. No other code normalizes."""
    if not isfinite(value):
        return -inf
    return value if maximize else -value


def observe(
    progress: Progress, step: float, values: Mapping[str, float], *, time: datetime, tracking: Tracking
) -> Progress:
    """Count one report of the objective. Return `progress` itself if nothing changes.

    A report of the latest step replaces that step's value: in the best, in the mean and in the curve. A rung that the
    first report of the step crossed keeps that report. Every rung level in (latest step, step] is crossed. Reports
    after the first one at or beyond the last level do not count.

    Args:
        progress: all that was counted so far.
        step: resource consumed, from :func:`toprung.metrics.steps.next_step`; not below the latest one.
        values: metric name -> value, NaN and infinities included; has the objective.
        time: when the line was printed.
        tracking: the objective, the other objectives, and the rung levels.
    """
    latest, levels = progress.latest, tracking.levels
    if latest is not None and levels and step > latest.step >= levels[-1]:
        return replace(progress, excess=progress.excess + 1) if progress.excess < MAX_EXCESS else progress
    value, extra = values[tracking.metric], {name: each for name, each in values.items() if name != tracking.metric}
    again = latest is not None and step <= latest.step
    if again and _repeats(progress, value, extra):
        return progress
    waited, pending = _split_pending(progress.pending, step)
    observation = Observation(step, value, time, {**waited, **extra})
    counted = _with_observation(progress, observation, again=again, maximize=tracking.maximize)
    return replace(
        counted,
        crossings=_crossings(progress.latest, counted, observation, levels),
        pending=pending,
        latest_complete=observation if _has_all(observation, tracking.others) else progress.latest_complete,
    )


def _with_observation(progress: Progress, observation: Observation, *, again: bool, maximize: bool) -> Progress:
    """Return the progress with the latest observation; `again`: it replaces the one before."""
    settled = progress.settled if again else Settled(progress.best, progress.mean)
    curve = progress.curve[:-1] if again else progress.curve
    return replace(
        progress,
        latest=observation,
        best=_better(settled.best, observation, maximize=maximize),
        mean=settled.mean.with_value(observation.value),
        curve=thin((*curve, (observation.step, observation.value))),
        settled=settled,
    )


def _split_pending(pending: Pending | None, step: float) -> tuple[Mapping[str, float], Pending | None]:
    """Return the additional metrics that belong to a report of this step, and those that wait for a later one."""
    if pending is None:
        return {}, None
    expected, metrics = pending
    if expected is None or expected == step:
        return metrics, None
    return {}, pending if expected > step else None


def join(
    progress: Progress, step: float | None, extra: Mapping[str, float], *, others: frozenset[str] = frozenset()
) -> Progress:
    """Count a report without the objective: it belongs to the objective before it, or to the next one.

    It belongs to the report before it if that lacks these metrics, and has the same step where both lines have one.
    Otherwise it waits for the next report: programs print their metrics in the same order each time.
    """
    latest = progress.latest
    if latest is not None and step is not None and step < latest.step:
        return progress
    here = latest is not None and step in (latest.step, None)
    if latest is not None and here and latest.metrics.keys().isdisjoint(extra):
        joined = replace(latest, metrics={**latest.metrics, **extra})
        best = joined if progress.best is not None and progress.best.step == latest.step else progress.best
        complete = joined if _has_all(joined, others) else progress.latest_complete
        return replace(progress, latest=joined, best=best, latest_complete=complete)
    pending = progress.pending
    waited = pending[1] if pending is not None and pending[0] == step else {}
    return replace(progress, pending=(step, {**waited, **extra}))


def thin(curve: Curve) -> Curve:
    """Return at most MAX_CURVE_POINTS points; of more, the first of every 2^k steps, and the latest.

    k is the least that suffices for the span of the steps; it is negative where steps are fractions. Intervals of
    2^(k+1) consist of two of 2^k, so the points stay even as more come.
    """
    if len(curve) <= MAX_CURVE_POINTS:
        return curve
    first, latest = curve[0][0], curve[-1][0]
    fraction, exponent = frexp((latest - first) / (MAX_CURVE_POINTS - 1))
    width = 2.0 ** (exponent - (fraction == 0.5))  # noqa: PLR2004 - an exact power of two
    kept: dict[float, tuple[float, float]] = {}
    for point in curve[:-1]:
        kept.setdefault((point[0] - first) // width, point)
    return (*kept.values(), curve[-1])


def _repeats(progress: Progress, value: float, extra: Mapping[str, float]) -> bool:
    """Return whether a report equals the latest one, as of a progress bar that is drawn again."""
    latest = progress.latest
    if latest is None or not _same(latest.value, value):
        return False
    return all(name in latest.metrics and _same(latest.metrics[name], extra[name]) for name in extra)


def _same(one: float, other: float) -> bool:
    return one == other or (isnan(one) and isnan(other))


def _crossings(
    latest: Observation | None, counted: Progress, observation: Observation, levels: tuple[int, ...]
) -> Mapping[int, Crossing]:
    """Return the crossings with those of a new observation; `latest` is the observation before it."""
    before = bisect_right(levels, latest.step) if latest is not None else 0
    crossed = levels[before : bisect_right(levels, observation.step)]
    if not crossed:
        return counted.crossings
    crossing = Crossing(
        step=observation.step,
        value=observation.value,
        time=observation.time,
        metrics=observation.metrics,
        best=counted.best.value if counted.best is not None else nan,
        mean=counted.mean.value if counted.mean.count else nan,
    )
    return {**counted.crossings, **dict.fromkeys(crossed, crossing)}


def _better(best: Observation | None, new: Observation, *, maximize: bool) -> Observation | None:
    if not isfinite(new.value):
        return best
    if best is None or score(new.value, maximize=maximize) > score(best.value, maximize=maximize):
        return new
    return best


def _has_all(observation: Observation, others: frozenset[str]) -> bool:
    return bool(others) and others <= observation.metrics.keys()
