"""Formats are validated and ages are formatted as in Kubernetes."""

from datetime import timedelta

import pytest

from localkube.apiserver import formats


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (185, "3m5s"),
        (660, "11m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 120, "3h2m"),
        (47 * 3600, "47h"),
        (50 * 3600, "2d2h"),
        (9 * 86400 + 3600, "9d"),
        (800 * 86400, "2y70d"),
        (-60, "<invalid>"),
    ],
)
def test_age(seconds, shown):
    """Ages have at most two units, coarser as they grow."""
    assert formats.human_duration(timedelta(seconds=seconds)) == shown


@pytest.mark.parametrize(
    ("name", "text", "right"),
    [
        ("duration", "1h30m", True), ("duration", "4 hours", False), ("duration", "", False), ("duration", "-5s", True), ("duration", "5", False),
        ("date-time", "2026-01-01T00:00:00Z", True), ("date-time", "2026-01-01", False), ("date-time", "2026-01-01T00:00:00", False),
        ("byte", "YQ==", True), ("byte", "?", False), ("uuid", "x", False), ("unknown", "anything", True),
    ],
)  # fmt: skip
def test_formats(name, text, right):
    """Known formats are validated; unknown formats accept every string."""
    assert formats.matches(name, text) == right
