"""Quantities and ages are parsed and formatted as in Kubernetes."""

from datetime import timedelta
from decimal import Decimal

import pytest

from localkube.apiserver import formats
from podspec import quantities


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500m", "0.5"),
        ("1", "1"),
        (2, "2"),
        ("1Gi", str(2**30)),
        ("1.5k", "1500"),
        ("2e3", "2000"),
        ("1E", "1e18"),
        ("100n", "1e-7"),
        ("1Ei", str(2**60)),
    ],
)
def test_quantity_parses(text, value):
    """A quantity is an exact number."""
    assert quantities.parse(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "1 Gi", "Gi", "1kk", "one", "1e", "--1"])
def test_invalid_quantities_are_rejected(text):
    """The error of an invalid quantity contains the expected format."""
    with pytest.raises(ValueError, match="quantities must match"):
        quantities.parse(text)


@pytest.mark.parametrize(
    ("value", "like", "shown"),
    [
        ("0.5", "1", "500m"),
        ("3", "1", "3"),
        (str(3 * 2**20), "1Gi", "3Mi"),
        ("0", "1Gi", "0"),
        ("1.5", "2", "1500m"),
        ("1025", "1Ki", "1025"),
    ],
)
def test_quantity_prints(value, like, shown):
    """Sums have the suffix family of the limit that they are compared with."""
    assert quantities.show(Decimal(value), like) == shown


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
        ("byte", "YQ==", True), ("byte", "?", False), ("uuid", "x", False), ("unheard-of", "anything", True),
    ],
)  # fmt: skip
def test_formats(name, text, right):
    """Known formats are validated; unknown formats accept every string."""
    assert formats.matches(name, text) == right
