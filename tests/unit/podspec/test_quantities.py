"""Quantities are parsed and formatted as in Kubernetes."""

from decimal import Decimal

import pytest

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
