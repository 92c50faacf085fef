"""Durations in Go's syntax."""

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
    """Units add up."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "4", "4 h", "h", "-1h", "1d", "1h ", "1h\n", "1us", ".5h", "٣h", 4, None, "9" * 31 + "h"]
)
def test_what_is_no_duration_is_refused(text: object):
    """The pattern of the schema is the whole grammar."""
    with pytest.raises(ValueError, match="Use a"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=10**12))
def test_what_was_written_is_read_back(milliseconds: int):
    """Formatting loses nothing that matters."""
    duration = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(duration)) == duration
