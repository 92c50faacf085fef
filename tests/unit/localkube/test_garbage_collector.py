"""Deletion removes dependents and contents, and no other object."""

import pytest

from localkube.apiserver.errors import Forbidden
from support.api_server import CRDS, STUDIES, config, make_store, pod, study


@pytest.fixture
def store():
    return make_store(study=True)


def names(store, resource="configmaps", namespace="default"):
    return [o["metadata"]["name"] for o in store.list(resource, namespace)[0]]


def test_dependents_follow_their_owner(store):
    """The whole tree is deleted at any depth; Pods end within their grace."""
    root = store.create(STUDIES, study())
    middle = store.create("configmaps", config("m", owners=[root]))
    store.create("configmaps", config("leaf", owners=[middle]))
    store.create("configmaps", config("bystander"))
    store.create("pods", pod(owner=middle, nodeName="n"))
    store.delete(STUDIES, "default", "s")
    assert names(store) == ["bystander"]
    assert store.get("pods", "default", "p")["metadata"]["deletionTimestamp"]


def test_an_owner_is_matched_by_uid(store):
    """A new object with the name of the deleted owner does not adopt its dependents."""
    first = store.create(STUDIES, study())
    store.delete(STUDIES, "default", "s")
    store.create(STUDIES, study())
    store.create("configmaps", config("orphan", owners=[first]))
    assert names(store) == []


def test_an_owner_of_another_namespace_does_not_count(store):
    """Owner references do not apply across namespaces."""
    store.create("namespaces", {"metadata": {"name": "other"}})
    owner = store.create(STUDIES, study(namespace="other"))
    store.create("configmaps", config(owners=[owner]))
    assert names(store) == []
    assert names(store, STUDIES, "other") == ["s"]


def test_one_remaining_owner_keeps_an_object(store):
    """An object with two owners outlives the first and loses the reference to it."""
    one, two = store.create(STUDIES, study("one")), store.create(STUDIES, study("two"))
    store.create("configmaps", config(owners=[one, two]))
    store.delete(STUDIES, "default", "one")
    left = store.get("configmaps", "default", "c")["metadata"]["ownerReferences"]
    assert [owner["name"] for owner in left] == ["two"]
    store.delete(STUDIES, "default", "two")
    assert names(store) == []


def test_foreground_deletion_waits_for_blocking_dependents(store):
    """The owner stays, marked, until the last blocking dependent is gone."""
    owner = store.create(STUDIES, study())
    store.create("pods", pod(owner=owner, nodeName="n"))
    marked = store.delete(STUDIES, "default", "s", propagation="Foreground")
    assert marked["metadata"]["finalizers"] == ["foregroundDeletion"]
    store.delete("pods", "default", "p", grace=0)
    assert not store.exists(STUDIES, "default", "s")


def test_orphans_outlive_their_owner(store):
    """Propagation Orphan removes the reference and keeps the dependent."""
    owner = store.create(STUDIES, study())
    store.create("configmaps", config(owners=[owner]))
    store.delete(STUDIES, "default", "s", propagation="Orphan")
    assert "ownerReferences" not in store.get("configmaps", "default", "c")["metadata"]


def test_deleting_a_namespace_deletes_its_contents(store):
    """The namespace rejects new objects meanwhile, and is removed with the last Pod."""
    store.create("namespaces", {"metadata": {"name": "team"}})
    store.create("configmaps", config(namespace="team"))
    store.create("pods", pod(namespace="team", nodeName="n"))
    assert store.delete("namespaces", None, "team")["status"]["phase"] == "Terminating"
    assert names(store, namespace="team") == []
    with pytest.raises(Forbidden, match="because it is being terminated"):
        store.create("configmaps", config(namespace="team"))
    store.delete("pods", "team", "p", grace=0)
    assert not store.exists("namespaces", None, "team")


def test_deleting_a_definition_deletes_its_objects(store):
    """A definition waits for the finalizers of its objects."""
    held = study()
    held["metadata"]["finalizers"] = ["a/b"]
    store.create(STUDIES, held)
    assert store.delete(CRDS, None, STUDIES) is not None
    store.patch(STUDIES, "default", "s", {"metadata": {"finalizers": None}})
    assert not store.exists(CRDS, None, STUDIES)


def test_deletions_are_completed_after_a_crash(tmp_path):
    """Dependents whose owner is gone are collected when the store opens again."""
    store = make_store(tmp_path / "db", study=True)
    owner = store.create(STUDIES, study())
    store.create("configmaps", config(owners=[owner]))
    store.create("namespaces", {"metadata": {"name": "team"}})
    store.create("configmaps", config("inside", "team"))
    store._collector.react = lambda _change: None
    store.delete(STUDIES, "default", "s")
    store.delete("namespaces", None, "team")
    assert names(store) == ["c"]
    store.close()
    again = make_store(tmp_path / "db")
    assert names(again) == []
    assert not again.exists("namespaces", None, "team")
    again.close()


@pytest.mark.parametrize("name", ["default", "kube-system"])
def test_system_namespaces_cannot_be_deleted(store, name):
    """The namespaces of every cluster cannot be deleted."""
    with pytest.raises(Forbidden, match="this namespace may not be deleted"):
        store.delete("namespaces", None, name)
