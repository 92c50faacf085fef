"""Text formats of values: the string formats of schemas, and times, durations and ages as Kubernetes writes them."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def duration(text: str) -> timedelta:
    """Parse a Go duration such as `1h30m`. Raises ValueError."""
    body = text.removeprefix("-").removeprefix("+")
    parts = _DURATION.findall(body)
    if (body != "0" and "".join(number + unit for number, unit in parts) != body) or not body:
        raise ValueError(f"{text!r} is not a duration such as 1h30m")
    value = timedelta(seconds=sum(float(number) * _SECONDS[unit] for number, unit in parts))
    return -value if text.startswith("-") else value


def timestamp(text: str) -> datetime:
    """Parse an RFC 3339 time. Raises ValueError."""
    if "T" not in text.upper():
        raise ValueError(f"{text!r} is not a time such as 2006-01-02T15:04:05Z")
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError(f"{text!r} lacks a time zone")
    return value


def _date(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error


_PARSERS: dict[str, Callable[[str], Any]] = {
    "duration": duration,
    "date-time": timestamp,
    "date": _date,
    "byte": _base64,
    "uuid": uuid.UUID,
    "cidr": ip_network,
}
_NATIVE = frozenset({"duration", "date-time", "date", "byte"})


def matches(name: str, text: str) -> bool:
    """Return whether a string has the format. An unknown format accepts every string."""
    parser = _PARSERS.get(name)
    if parser is None:
        return True
    try:
        parser(text)
    except ValueError:
        return False
    return True


def native(name: str, value: Any) -> Any:
    """Return the value that CEL uses: a time, a duration or bytes for strings of these formats."""
    return _PARSERS[name](value) if name in _NATIVE and isinstance(value, str) else value


def stamp(time: datetime) -> str:
    """Format a metav1.Time: RFC 3339 in whole seconds."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400


def human_duration(span: timedelta) -> str:
    """Format a duration in at most two units, coarser as it grows: `45s`, `3m12s`, `5d`.

    As k8s.io/apimachinery `duration.HumanDuration`.
    """
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


def age(text: str | None, now: datetime) -> str:
    """Format the age of a timestamp; `<unknown>` where there is none."""
    return human_duration(now - timestamp(text)) if text else "<unknown>"
