"""Durations as kubectl shows them: `45s`, `3m12s`, `5d`."""

from __future__ import annotations

from datetime import datetime, timedelta

from localkube.apiserver import formats

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400


def human(span: timedelta) -> str:
    """A span of time in at most two units, coarser as it grows (k8s.io/apimachinery `duration.HumanDuration`)."""
    seconds = int(span.total_seconds())
    if seconds < -1:
        return "<invalid>"
    if seconds < 2 * _MINUTE:
        return f"{max(seconds, 0)}s"
    if seconds < 3 * _HOUR:
        return _two(seconds, _MINUTE, "m", 1, "s", until=10 * _MINUTE)
    if seconds < 2 * _DAY:
        return _two(seconds, _HOUR, "h", _MINUTE, "m", until=8 * _HOUR)
    if seconds < 2 * _YEAR:
        return _two(seconds, _DAY, "d", _HOUR, "h", until=8 * _DAY)
    return _two(seconds, _YEAR, "y", _DAY, "d", until=8 * _YEAR)


def _two(seconds: int, unit: int, name: str, small: int, small_name: str, *, until: int) -> str:
    rest = seconds % unit // small
    return f"{seconds // unit}{name}" + (f"{rest}{small_name}" if rest and seconds < until else "")


def since(text: str | None, now: datetime) -> str:
    """The age of a timestamp, `<unknown>` where there is none."""
    return human(now - formats.timestamp(text)) if text else "<unknown>"
