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
    Mean,
    Observation,
    Progress,
    Reading,
    Settled,
)

Curve = tuple[tuple[float, float], ...]


def score(value: float, *, maximize: bool) -> float:
    """Return the normalized score: larger is better, and -inf for non-finite values. No other code normalizes."""
    if not isfinite(value):
        return -inf
    return value if maximize else -value


def observe(
    progress: Progress,
    step: float,
    values: Mapping[str, float],
    *,
    time: datetime,
    metric: str,
    maximize: bool,
    levels: tuple[int, ...] = (),
    others: frozenset[str] = frozenset(),
    reading: Reading | None = None,
) -> Progress:
    """Count one report of the objective. Return `progress` itself if nothing changes.

    A report of the latest step replaces that step's value: in the best, in the mean and in the curve. A rung that the
    first report of the step crossed keeps that report.

    Args:
        progress: all that was counted so far.
        step: resource consumed, from :func:`toprung.metrics.steps.next_step`; not below the latest one.
        values: metric name -> value, NaN and infinities included; has the objective.
        time: when the line was printed.
        metric: name of the objective's metric; the others are additional.
        maximize: the objective's direction.
        levels: rung levels of the trial's bracket, ascending; every one in (latest step, step] is crossed. Reports
            after the first one at or beyond the last level do not count.
        others: names of the objectives beside the first.
        reading: state of reading the log after the report; None: unchanged.
    """
    extra = {name: value for name, value in values.items() if name != metric}
    latest = progress.latest
    if latest is not None and levels and step > latest.step >= levels[-1]:
        return progress if progress.excess >= MAX_EXCESS else replace(progress, excess=progress.excess + 1)
    again = latest is not None and step <= latest.step
    if again and _repeats(progress, values[metric], extra):
        return progress
    pending = progress.pending
    waited = pending[1] if pending is not None and pending[0] in (step, None) else {}
    observation = Observation(step=step, value=values[metric], time=time, metrics={**waited, **extra})
    settled = progress.settled if again else Settled(progress.best, progress.mean)
    best = _better(settled.best, observation, maximize=maximize)
    mean = settled.mean.with_value(observation.value) if isfinite(observation.value) else settled.mean
    crossed = _crossed(progress, step, levels)
    crossings = dict.fromkeys(crossed, _crossing(observation, best, mean)) if crossed else {}
    return replace(
        progress,
        latest=observation,
        best=best,
        curve=thin((*(progress.curve[:-1] if again else progress.curve), (step, observation.value))),
        crossings={**progress.crossings, **crossings} if crossings else progress.crossings,
        pending=pending if pending is not None and pending[0] is not None and pending[0] > step else None,
        mean=mean,
        latest_complete=observation if _has_all(observation, others) else progress.latest_complete,
        settled=settled,
        reading=progress.reading if reading is None else reading,
    )


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


def _crossed(progress: Progress, step: float, levels: tuple[int, ...]) -> tuple[int, ...]:
    before = bisect_right(levels, progress.latest.step) if progress.latest is not None else 0
    return levels[before : bisect_right(levels, step)]


def _crossing(observation: Observation, best: Observation | None, mean: Mean) -> Crossing:
    return Crossing(
        step=observation.step,
        value=observation.value,
        time=observation.time,
        metrics=observation.metrics,
        best=best.value if best is not None else nan,
        mean=mean.value if mean.count else nan,
    )


def _better(best: Observation | None, new: Observation, *, maximize: bool) -> Observation | None:
    if not isfinite(new.value):
        return best
    if best is None or score(new.value, maximize=maximize) > score(best.value, maximize=maximize):
        return new
    return best


def _has_all(observation: Observation, others: frozenset[str]) -> bool:
    return bool(others) and others <= observation.metrics.keys()
