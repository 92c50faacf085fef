"""The formats of numbers, configurations and durations."""

from datetime import timedelta

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from toprung.cli.display.format import duration, flow, number
from toprung.cli.files.yaml_documents import read_documents
from toprung.objects.configuration import format_configuration

scalars = (
    st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.booleans()
)
names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}x", fullmatch=True)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0s"), (0.9, "0s"), (59, "59s"), (60, "1m00s"), (3599, "59m59s"), (3600, "1h00m00s"), (90061, "25h01m01s")],
)
def test_a_duration_has_whole_seconds(seconds, text):
    """It is never negative."""
    assert duration(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(("value", "text"), [(None, "-"), (0.123456789, "0.12346"), (3.0, "3"), (1e-7, "1e-07")])
def test_a_number_has_five_significant_digits(value, text):
    """A missing value is a dash."""
    assert number(value) == text


def test_a_configuration_is_one_line():
    """Its numbers are rounded."""
    assert format_configuration({"lr": 0.00312345, "opt": "adam", "layers": 3}) == "lr=0.003123 opt=adam layers=3"


@given(st.dictionaries(names, scalars, max_size=4))
def test_a_configuration_in_yaml_is_read_back(parameters):
    """No value changes."""
    (document,) = read_documents(flow(parameters) or "{}")
    assert document.value == parameters
    found, wanted = (
        {name: isinstance(value, bool) for name, value in each.items()} for each in (document.value, parameters)
    )
    assert found == wanted  # 1 is 1.0 in JSON, and not true


def test_words_of_yaml_are_quoted():
    """A choice named `no` is quoted, so that it stays a string."""
    assert yaml.safe_load(flow({"a": "no", "b": "1e3", "c": "sgd"})) == {"a": "no", "b": "1e3", "c": "sgd"}
