"""Parses and formats times in RFC 3339, as Kubernetes writes them."""

from datetime import UTC, datetime


def parse_time(text: str | None) -> datetime | None:
    """Parse an RFC 3339 time; None if there is none."""
    return datetime.fromisoformat(text) if text else None


def timestamp(time: datetime) -> str:
    """Format an aware time as metav1.Time: in UTC, in whole seconds."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_timestamp(time: datetime) -> str:
    """Format an aware time as metav1.MicroTime: in UTC, in microseconds."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
