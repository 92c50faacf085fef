"""Statuses and merge patches."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toprung.kube.merge_patch import matches, merge_patch

LEAVES = st.none() | st.booleans() | st.integers(0, 3) | st.lists(st.integers(0, 2), max_size=2)
NAMES = st.sampled_from("abc")
STATUSES = st.dictionaries(NAMES, st.recursive(LEAVES, lambda inner: st.dictionaries(NAMES, inner, max_size=3)))


def apply(target, patch):
    """Apply a merge patch (RFC 7386), as the API server does."""
    if not isinstance(patch, dict):
        return patch
    result = copy.deepcopy(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = apply(result.get(name), value)
    return result


@given(STATUSES, STATUSES)
def test_a_patched_status_needs_no_second_patch(before, wanted):
    """Fields that the patch does not mention stay."""
    there = apply({}, before)
    after = apply(there, json.loads(json.dumps(merge_patch(there, wanted))))
    assert matches(after, wanted)
    assert {name: value for name, value in after.items() if name not in wanted} == {
        name: value for name, value in there.items() if name not in wanted
    }


@pytest.mark.parametrize(
    ("there", "wanted", "same"),
    [
        pytest.param({"best": {"x": 1, "y": 2}}, {"best": {"x": 1}}, False, id="an-additional-member"),
        pytest.param({"best": {"x": 1}}, {"best": {"x": 1, "y": None}}, True, id="null-is-absent"),
        pytest.param({"state": "Running", "other": 1}, {"state": "Running"}, True, id="field-not-mentioned"),
        pytest.param({"conditions": [1, 2]}, {"conditions": [1]}, False, id="shorter-list"),
        pytest.param({}, {"best": None}, True, id="absent-as-wanted"),
    ],
)
def test_a_status_agrees_if_nothing_is_left_to_write(there, wanted, same):
    """Null and absent members are equal."""
    assert matches(there, wanted) is same
