"""Parses and formats RFC 3339 times."""

from datetime import datetime


def parse_time(text: str | None) -> datetime | None:
    """Parse an RFC 3339 time; None if there is none."""
    return datetime.fromisoformat(text) if text else None


def timestamp(moment: datetime) -> str:
    """Format a time as Kubernetes does in metav1.Time: RFC 3339 in UTC, whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
