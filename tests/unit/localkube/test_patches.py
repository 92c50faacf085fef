"""Each type of patch changes what it names and nothing else."""

import copy

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localkube import json_utils
from localkube.apiserver import patching, server_side_apply, strategic_merge
from localkube.apiserver.errors import BadRequest, Conflict, Invalid, UnsupportedMediaType
from support.api_server import STUDIES, make_store, study

POD = {
    "containers": [{"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}, {"name": "b", "image": "1"}],
    "args": ["x", "y"],
}


@pytest.mark.parametrize(
    ("patch", "path", "expected"),
    [
        pytest.param({"containers": [{"name": "a", "image": "2"}]}, ("containers", 0, "image"), "2", id="merged-by-key"),
        pytest.param({"containers": [{"name": "a", "image": "2"}]}, ("containers", 1, "image"), "1", id="others-stay"),
        pytest.param({"containers": [{"name": "c"}]}, ("containers", 2, "name"), "c", id="added"),
        pytest.param({"containers": [{"name": "a", "$patch": "delete"}]}, ("containers",), [{"name": "b", "image": "1"}], id="deleted"),
        pytest.param({"containers": [{"name": "z"}, {"$patch": "replace"}]}, ("containers",), [{"name": "z"}], id="replaced"),
        pytest.param({"containers": [{"name": "a", "env": [{"name": "Y", "value": "2"}]}]}, ("containers", 0, "env"), [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}], id="nested"),
        pytest.param({"args": ["z"]}, ("args",), ["z"], id="plain-list"),
        pytest.param({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}, ("containers", 0, "name"), "b", id="order"),
        pytest.param({"$deleteFromPrimitiveList/args": ["x"]}, ("args",), ["y"], id="from-primitive-list"),
        pytest.param({"finalizers": ["new"]}, ("finalizers",), ["new"], id="set"),
        pytest.param({"$retainKeys": ["args"], "args": ["q"]}, (), {"args": ["q"]}, id="retain-keys"),
        pytest.param({"args": None}, (), {"containers": POD["containers"]}, id="removed"),
        pytest.param({"new": {"$patch": "replace", "a": 1}}, ("new",), {"a": 1}, id="replace-map"),
    ],
)  # fmt: skip
def test_strategic_merge_patches(patch, path, expected):
    """Lists of the table merge by their key, others are replaced, and directives are executed."""
    before = copy.deepcopy(POD)
    result = strategic_merge.apply(POD, patch)
    for step in path:
        result = result[step]
    assert result == expected
    assert before == POD


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text("ab", max_size=2)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text("abc", min_size=1, max_size=1), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(target=JSON, patch=st.dictionaries(st.text("abc", min_size=1, max_size=1), JSON, max_size=3))
def test_merge_patch_is_idempotent_and_pure(target, patch):
    """Applying a merge patch twice equals applying it once, and its arguments are unchanged."""
    before = copy.deepcopy((target, patch))
    once = json_utils.merge(target, patch)
    assert json_utils.merge(once, patch) == once
    assert (target, patch) == before


@given(value=JSON)
def test_clone_is_equal_and_separate(value):
    """A clone shares no list and no dict with its original."""
    other = json_utils.clone(value)
    assert other == value

    def parts(node):
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        return ([id(node)] if isinstance(node, dict | list) else []) + [i for part in inner for i in parts(part)]

    assert not set(parts(value)) & set(parts(other))


@pytest.fixture
def kind():
    return make_store(study=True).registry.stored(STUDIES)


@pytest.mark.parametrize(
    ("patch", "media", "error"),
    [
        ([{"op": "test", "path": "/spec/most", "value": 1}], patching.JSON_PATCH, Invalid),
        ([{"op": "remove", "path": "/nope"}], patching.JSON_PATCH, Invalid),
        ({"op": "remove"}, patching.JSON_PATCH, (BadRequest, Invalid)),
        ([], patching.MERGE_PATCH, BadRequest),
        ({}, patching.STRATEGIC_PATCH, UnsupportedMediaType),
        ({}, "text/plain", UnsupportedMediaType),
    ],
)
def test_invalid_patches_are_rejected(kind, patch, media, error):
    """A malformed patch, or one of a type that the kind does not support, is rejected."""
    with pytest.raises(error):
        patching.patched(kind, study(), patch, media)


def test_json_patches(kind):
    """RFC 6902, including list positions."""
    patch = jsonpatch.JsonPatch([{"op": "add", "path": "/spec/parameters/-", "value": {"name": "b"}}]).patch
    assert [p["name"] for p in patching.patched(kind, study(), patch, patching.JSON_PATCH)["spec"]["parameters"]] == [
        "lr",
        "b",
    ]


def applied(name="lr", **more):
    return {
        "apiVersion": "example.dev/v1",
        "kind": "Study",
        "metadata": {"name": "s"},
        "spec": {"parameters": [{"name": name, "max": 1}], **more},
    }


def by(kind, live, config, manager, *, force=False):
    return server_side_apply.server_side(kind, live, config, manager=manager, force=force, now="2026-01-01T00:00:00Z")


def test_apply_removes_fields_that_are_no_longer_applied(kind):
    """A field that its only owner omits is removed; a field without an owner stays."""
    live = by(kind, None, applied(most=3, seed=1), "me")
    live["spec"]["parallel"] = 4
    assert by(kind, live, applied(seed=1), "me")["spec"] == {
        "parameters": [{"name": "lr", "max": 1}],
        "seed": 1,
        "parallel": 4,
    }


def test_apply_merges_keyed_lists(kind):
    """Two managers own one item each of a list; each removes its own."""
    live = by(kind, by(kind, None, applied("a"), "one"), applied("b"), "two")
    assert [p["name"] for p in live["spec"]["parameters"]] == ["a", "b"]
    without = {**applied(), "spec": {}}
    assert [p["name"] for p in by(kind, live, without, "one")["spec"]["parameters"]] == ["b"]


def test_apply_conflicts_name_the_owner(kind):
    """Another manager's value changes only when forced; an equal value is shared."""
    live = by(kind, None, applied(most=3), "one")
    with pytest.raises(Conflict, match=r'conflict with "one": \.spec\.most'):
        by(kind, live, applied(most=4), "two")
    forced = by(kind, live, applied(most=4), "two", force=True)
    assert forced["spec"]["most"] == 4
    shared = by(kind, live, applied(most=3), "two")
    assert [entry["manager"] for entry in shared["metadata"]["managedFields"]] == ["one", "two"]
    assert by(kind, shared, applied(), "one")["spec"]["most"] == 3


def test_forcing_takes_the_field_away_from_its_owner(kind):
    """After a forced change the former owner no longer owns the field, so its next apply conflicts."""
    forced = by(kind, by(kind, None, applied(most=3), "one"), applied(most=4), "two", force=True)
    with pytest.raises(Conflict, match=r'conflict with "two": \.spec\.most'):
        by(kind, forced, applied(most=3), "one")
    assert "f:most" not in forced["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]


def test_applying_the_same_again_changes_nothing(kind):
    """An apply is idempotent to the byte, including its time."""
    live = by(kind, None, applied(), "me")
    assert (
        server_side_apply.server_side(kind, live, applied(), manager="me", force=False, now="2027-01-01T00:00:00Z")
        == live
    )
