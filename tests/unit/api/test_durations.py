"""Durations in the syntax of Go."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toprung.api.v1alpha1.base import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("45m", 2700), ("1h30m", 5400), ("1.5h", 5400), ("250ms", 0.25), ("1h0.5s", 3600.5), ("0s", 0)],
)
def test_a_duration_is_read(text: str, seconds: float):
    """The units are added."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "4", "4 h", "h", "-1h", "1d", "1h ", "1h\n", "1us", ".5h", "٣h", 4, None, "9" * 31 + "h"]
)
def test_an_invalid_duration_is_rejected(text: object):
    """The pattern of the schema is the whole grammar."""
    with pytest.raises(ValueError, match="Use a"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=10**12))
def test_a_formatted_duration_is_read_back(milliseconds: int):
    """Formatting and parsing return the duration, in milliseconds."""
    duration = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(duration)) == duration
