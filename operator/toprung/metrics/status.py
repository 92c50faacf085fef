"""Converts progress to and from Trial.status, which is JSON and has no NaN."""

from collections.abc import Mapping
from datetime import datetime
from math import isfinite, nan
from typing import Any

from toprung.metrics.types import (
    Ignored,
    IgnoredReports,
    Mean,
    Observation,
    Pending,
    Position,
    Progress,
    Reading,
    Settled,
    integral,
)
from toprung.timestamps import micro_timestamp

_READING_NUMBERS = "base", "offset", "first", "last", "epoch", "counted"


def progress_to_status(progress: Progress) -> dict[str, Any]:
    """Return latest, best, latestComplete, mean, curve and reports of Trial.status; empty ones are absent.

    A non-finite value becomes null, and its observation gets `finite: false`. Crossings are in status.rungs, which the
    planner writes with the verdicts.
    """
    status: dict[str, Any] = {}
    if progress.latest is not None:
        status["latest"] = _to_json(progress.latest)
        status["curve"] = [[integral(step), _finite(value)] for step, value in progress.curve]
    if progress.best is not None:
        status["best"] = _to_json(progress.best)
        status["mean"] = {"count": progress.mean.count, "value": _finite(progress.mean.value)}
    if progress.latest_complete is not None:
        status["latestComplete"] = _to_json(progress.latest_complete)
    if progress.ignored or progress.reading is not None:
        status["reports"] = _reports(progress)
    return status


def progress_from_status(status: Mapping[str, Any]) -> Progress:
    """Parse a Trial's status, the inverse of :func:`progress_to_status`; null becomes NaN.

    `crossings` then holds only later crossings; earlier ones are in status.rungs.
    """
    latest, best, mean = status.get("latest"), status.get("best"), status.get("mean")
    complete, reports = status.get("latestComplete"), status.get("reports") or {}
    known_best = _from_json(best) if best else None
    return Progress(
        latest=_from_json(latest) if latest else None,
        best=known_best,
        curve=tuple((integral(step), _number(value)) for step, value in status.get("curve") or ()),
        mean=_mean(mean),
        latest_complete=_from_json(complete) if complete else None,
        pending=_pending(reports.get("pending")),
        settled=_settled(reports, known_best, latest),
        reading=_reading(reports.get("reading")),
        excess=reports.get("excess") or 0,
        ignored={
            Ignored(each["reason"]): IgnoredReports(each["count"], each["example"])
            for each in reports.get("ignored") or ()
        },
    )


def display_value(value: float) -> str | None:
    """Format a value with six digits for the printer columns; None if it is not finite."""
    return f"{value:.6g}" if isfinite(value) else None


def _reports(progress: Progress) -> dict[str, Any]:
    """Return the state that is needed to continue reading the log, and the reports that did not count."""
    reports: dict[str, Any] = {}
    if progress.ignored:
        reports["ignored"] = [
            {"reason": str(reason), "count": each.count, "example": each.example}
            for reason, each in progress.ignored.items()
        ]
    reading, settled = progress.reading, progress.settled
    if reading is not None:
        reports["reading"] = _reading_to_json(reading)
    if progress.pending is not None:
        step, metrics = progress.pending
        reports["pending"] = {"metrics": {name: _finite(value) for name, value in metrics.items()}}
        if step is not None:
            reports["pending"]["step"] = integral(step)
    if settled.best is not None and settled.best is not progress.best:
        reports["previousBest"] = _to_json(settled.best)
    if settled.mean.count:
        reports["previousMean"] = {"count": settled.mean.count, "value": _finite(settled.mean.value)}
    if progress.excess:
        reports["excess"] = progress.excess
    return reports


def _reading_to_json(reading: Reading) -> dict[str, Any]:
    position = reading.position
    fields = {
        "attempt": reading.attempt,
        "time": micro_timestamp(position.time) if position is not None else None,
        "place": position.place if position is not None else None,
        "base": reading.base,
        "name": reading.name or None,
        "offset": reading.offset or None,
        "first": reading.first or None,
        "last": reading.last or None,
        "epoch": reading.epoch,
        "counted": reading.counted or None,
        "stepped": reading.stepped or None,
    }
    return {
        name: integral(value) if isinstance(value, float) else value
        for name, value in fields.items()
        if value is not None
    }


def _reading(fields: Mapping[str, Any] | None) -> Reading | None:
    if not fields:
        return None
    numbers = {name: integral(fields[name]) for name in _READING_NUMBERS if fields.get(name) is not None}
    time = fields.get("time")
    position = Position(datetime.fromisoformat(time), fields.get("place", 0)) if time else None
    stepped, name = bool(fields.get("stepped")), fields.get("name") or ""
    return Reading(attempt=fields["attempt"], position=position, name=name, stepped=stepped, **numbers)


def _pending(fields: Mapping[str, Any] | None) -> Pending | None:
    if not fields:
        return None
    step = fields.get("step")
    metrics = {name: _number(value) for name, value in (fields.get("metrics") or {}).items()}
    return (None if step is None else integral(step), metrics)


def _settled(reports: Mapping[str, Any], best: Observation | None, latest: Mapping[str, Any] | None) -> Settled:
    previous = reports.get("previousBest")
    if previous:
        before: Observation | None = _from_json(previous)
    else:
        before = best if best is not None and latest and best.step < latest["step"] else None
    return Settled(before, _mean(reports.get("previousMean")))


def _mean(fields: Mapping[str, Any] | None) -> Mean:
    return Mean(fields["count"], _number(fields.get("value"))) if fields else Mean()


def _to_json(observation: Observation) -> dict[str, Any]:
    return {
        "step": integral(observation.step),
        "value": _finite(observation.value),
        "displayValue": display_value(observation.value),
        "finite": isfinite(observation.value),
        "time": micro_timestamp(observation.time),
        "metrics": {name: _finite(value) for name, value in observation.metrics.items()},
    }


def _from_json(observation: Mapping[str, Any]) -> Observation:
    return Observation(
        step=integral(observation["step"]),
        value=_number(observation.get("value")),
        time=datetime.fromisoformat(observation["time"]),
        metrics={name: _number(value) for name, value in (observation.get("metrics") or {}).items()},
    )


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def _number(value: float | None) -> float:
    return nan if value is None else float(value)
