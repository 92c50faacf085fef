"""What is kept of a trial's reports: every one counted once, however often its log is read."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import inf, isfinite, nan

from toprung.metrics.types import MAX_CURVE_POINTS, Crossing, Mean, Observation, Progress, Report

Curve = tuple[tuple[int, float], ...]


def score(value: float, *, maximize: bool) -> float:
    """Normalise the direction, here and nowhere else: larger is better, and what is not finite is -inf."""
    if not isfinite(value):
        return -inf
    return value if maximize else -value


@dataclass(slots=True)
class StepCounter:
    """Gives each report of one reading of an attempt's log its step; begins anew where the log is read anew.

    Lines that say their step have it. Lines that do not are counted, those with the objective, from 1, until some line
    says its step: a program that reports steps may well print a summary without one.

    Attributes:
        metric: name of the objective's metric.
    """

    metric: str
    _lines: int = 0
    _said: bool = False

    def step_of(self, report: Report) -> int | None:
        """Give the report's step, that of the objective to come where the line has none; None: it does not count."""
        if report.step is not None:
            self._said = True
            return report.step
        if self._said:
            return None
        if self.metric not in report.values:
            return self._lines + 1
        self._lines += 1
        return self._lines


def observe(
    progress: Progress,
    step: int,
    values: Mapping[str, float],
    *,
    time: datetime,
    metric: str,
    maximize: bool,
    levels: tuple[int, ...] = (),
    others: frozenset[str] = frozenset(),
) -> Progress:
    """Count one report; gives `progress` itself back where it changes nothing.

    Steps up to the latest are ignored, so a log may be read again from any line and a retried trial repeat itself. Of
    several values of a metric at a step the first counts, for the same reason; metrics on other lines than the
    objective's join it, before (they wait in `pending`) or after.

    Args:
        progress: all that was counted so far.
        step: resource consumed, from :meth:`StepCounter.step_of`.
        values: metric name -> value, NaN and infinities included.
        time: when the line was printed.
        metric: name of the objective's metric; the others are additional.
        maximize: the objective's direction.
        levels: rung levels of the trial's bracket, ascending; every one in (latest step, step] is crossed.
        others: names of the objectives beside the first.
    """
    extra = {name: value for name, value in values.items() if name != metric}
    if progress.latest is not None and step <= progress.latest.step:
        return _join_latest(progress, extra, others) if step == progress.latest.step else progress
    if metric not in values:
        return _wait(progress, step, extra)
    pending = progress.pending
    waited = pending[1] if pending is not None and pending[0] == step else {}
    observation = Observation(step=step, value=values[metric], time=time, metrics={**extra, **waited})
    best = _better(progress.best, observation, maximize=maximize)
    mean = progress.mean.with_one_more(observation.value) if isfinite(observation.value) else progress.mean
    crossed = _crossed(progress, step, levels)
    return Progress(
        latest=observation,
        best=best,
        curve=thin((*progress.curve, (step, observation.value))),
        crossings={**progress.crossings, **dict.fromkeys(crossed, _crossing(observation, best, mean))}
        if crossed
        else progress.crossings,
        pending=pending if pending is not None and pending[0] > step else None,
        mean=mean,
        complete=observation if _has_all(observation, others) else progress.complete,
    )


def since(progress: Progress, step: int, *, maximize: bool) -> Progress:
    """Give latest, best and curve of the reports after a step: the best of them all, or else of those in the curve."""
    latest, best = progress.latest, progress.best
    if latest is None or latest.step <= step:
        return Progress()
    curve = tuple(point for point in progress.curve if point[0] > step)
    if best is None or best.step <= step:
        best = None
        for at, value in curve:
            best = _better(best, Observation(at, value, latest.time), maximize=maximize)
    return Progress(latest=latest, best=best, curve=curve)


def thin(curve: Curve) -> Curve:
    """Keep at most MAX_CURVE_POINTS points, evenly over the steps: the first of every 2^k steps, and the latest.

    k is the least that suffices for the span of the steps. Intervals of 2^(k+1) are made of two of 2^k, so thinning as
    points come gives what thinning all of them at once does.
    """
    first, latest = curve[0][0], curve[-1][0]
    span = latest - first
    if span < MAX_CURVE_POINTS:
        return curve
    exponent = (span // (MAX_CURVE_POINTS - 1)).bit_length()
    kept: dict[int, tuple[int, float]] = {}
    for point in curve[:-1]:
        kept.setdefault((point[0] - first) >> exponent, point)
    return (*kept.values(), curve[-1])


def _crossed(progress: Progress, step: int, levels: tuple[int, ...]) -> tuple[int, ...]:
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


def _join_latest(progress: Progress, extra: Mapping[str, float], others: frozenset[str]) -> Progress:
    latest = progress.latest
    if latest is None or extra.keys() <= latest.metrics.keys():
        return progress
    joined = replace(latest, metrics={**extra, **latest.metrics})
    best = joined if progress.best is not None and progress.best.step == latest.step else progress.best
    complete = joined if _has_all(joined, others) else progress.complete
    return replace(progress, latest=joined, best=best, complete=complete)


def _wait(progress: Progress, step: int, extra: Mapping[str, float]) -> Progress:
    pending = progress.pending
    if pending is None or step > pending[0]:
        return replace(progress, pending=(step, extra))
    if step < pending[0] or extra.keys() <= pending[1].keys():
        return progress
    return replace(progress, pending=(step, {**extra, **pending[1]}))
