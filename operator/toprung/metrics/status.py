"""Progress as Trial.status carries it: JSON, which has no NaN."""

from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite, nan
from typing import Any

from toprung.metrics.types import Mean, Observation, Progress


def progress_to_status(progress: Progress) -> dict[str, Any]:
    """Give the fields latest, best, complete, mean and curve of Trial.status; absent where there is nothing to say.

    What is not finite becomes null, and an observation of it `finite: false`. Crossings are status.rungs, which the
    planner writes with the verdicts; metrics that wait for their objective come again when the log is read anew.
    """
    status: dict[str, Any] = {}
    if progress.latest is not None:
        status["latest"] = _to_json(progress.latest)
        status["curve"] = [[step, _finite(value)] for step, value in progress.curve]
    if progress.best is not None:
        status["best"] = _to_json(progress.best)
        status["mean"] = {"count": progress.mean.count, "value": _finite(progress.mean.value)}
    if progress.complete is not None:
        status["complete"] = _to_json(progress.complete)
    return status


def progress_from_status(status: Mapping[str, Any]) -> Progress:
    """Read a Trial's status, the inverse of :func:`progress_to_status`; null is read as NaN.

    `crossings` then holds only what is crossed from here on: what was crossed before is in status.rungs.
    """
    latest, best, mean = status.get("latest"), status.get("best"), status.get("mean")
    complete = status.get("complete")
    return Progress(
        latest=_from_json(latest) if latest else None,
        best=_from_json(best) if best else None,
        curve=tuple((step, _number(value)) for step, value in status.get("curve") or ()),
        mean=Mean(mean["count"], _number(mean.get("value"))) if mean else Mean(),
        complete=_from_json(complete) if complete else None,
    )


def format_time(time: datetime) -> str:
    """Write an aware time as RFC 3339 in UTC with microseconds: 2026-01-02T03:04:05.123456Z."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def brief(value: float) -> str | None:
    """Write a value to six digits, for the printer columns, which show whatever they are given; None: not finite."""
    return f"{value:.6g}" if isfinite(value) else None


def _to_json(observation: Observation) -> dict[str, Any]:
    return {
        "step": observation.step,
        "value": _finite(observation.value),
        "brief": brief(observation.value),
        "finite": isfinite(observation.value),
        "time": format_time(observation.time),
        "metrics": {name: _finite(value) for name, value in observation.metrics.items()},
    }


def _from_json(observation: Mapping[str, Any]) -> Observation:
    return Observation(
        step=observation["step"],
        value=_number(observation.get("value")),
        time=datetime.fromisoformat(observation["time"]),
        metrics={name: _number(value) for name, value in (observation.get("metrics") or {}).items()},
    )


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def _number(value: float | None) -> float:
    return nan if value is None else float(value)
