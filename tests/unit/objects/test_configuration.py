"""Compact configurations."""

import pytest

from toprung.objects import configuration
from toprung.objects.configuration import LONGEST_SHARED, CompactConfiguration


@pytest.mark.parametrize(
    ("length", "kept"),
    [
        pytest.param(LONGEST_SHARED, 1, id="a value"),
        pytest.param(LONGEST_SHARED + 1, 0, id="too long for an Experiment"),
    ],
)
def test_long_values_are_not_kept_after_their_trial(length, kept):
    """A user can create Trials with values of a megabyte, and delete them."""
    configuration._interned.cache_clear()
    assert CompactConfiguration({"x": "v" * length}) == {"x": "v" * length}
    assert configuration._interned.cache_info().currsize == kept
