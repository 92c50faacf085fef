"""Quotas count the objects of a namespace and reject what exceeds them, with the messages of Kubernetes."""

import pytest

from localkube.apiserver.errors import Forbidden
from support.api_server import STUDIES, changed, config, make_store, pod, study


def with_quota(path=None, **hard):
    store = make_store(path, study=True)
    if not store.exists("resourcequotas", "default", "team"):
        limits = {name.replace("__", "/").replace("_", "."): amount for name, amount in hard.items()}
        store.create("resourcequotas", {"metadata": {"name": "team", "namespace": "default"}, "spec": {"hard": limits}})
    return store


def used(store):
    return store.get("resourcequotas", "default", "team")["status"]["used"]


def resources(requests=None, limits=None):
    return changed(
        pod(),
        "spec.containers",
        [{"name": "main", "image": "i", "resources": {"requests": requests or {}, "limits": limits or {}}}],
    )


def test_pods_are_counted_while_they_are_alive():
    """A Pod counts from its creation until it has ended or is gone, including its termination."""
    store = with_quota(pods="2", requests_nvidia_com__gpu="4")
    store.create("pods", pod("a", gpus=3, nodeName="n"))
    assert used(store) == {"pods": "1", "requests.nvidia.com/gpu": "3"}
    store.delete("pods", "default", "a")
    assert used(store) == {"pods": "1", "requests.nvidia.com/gpu": "3"}
    store.patch("pods", "default", "a", {"status": {"phase": "Failed"}}, subresource="status")
    assert used(store) == {"pods": "0", "requests.nvidia.com/gpu": "0"}


def test_exceeding_a_quota_is_rejected():
    """The message names the quota and the three amounts."""
    store = with_quota(requests_nvidia_com__gpu="4")
    store.create("pods", pod("a", gpus=3))
    text = 'pods "b" is forbidden: exceeded quota: team, requested: requests.nvidia.com/gpu=2, used: requests.nvidia.com/gpu=3, limited: requests.nvidia.com/gpu=4'
    with pytest.raises(Forbidden) as refused:
        store.create("pods", pod("b", gpus=2))
    assert refused.value.message == text
    store.create("pods", pod("b", gpus=1))


def test_custom_objects_are_counted():
    """count/<resource>.<group> limits objects of any kind."""
    store = with_quota(**{"count/studies.example.dev": "1"})
    store.create(STUDIES, study("one"))
    with pytest.raises(
        Forbidden, match=r"requested: count/studies\.example\.dev=1, used: count/studies\.example\.dev=1"
    ):
        store.create(STUDIES, study("two"))
    store.delete(STUDIES, "default", "one")
    store.create(STUDIES, study("two"))


def test_limited_resources_must_be_specified():
    """A Pod that omits a limited resource is rejected with the missing fields."""
    store = with_quota(requests_cpu="2", limits_memory="1Gi")
    with pytest.raises(
        Forbidden,
        match=r"failed quota: team: must specify limits\.memory for: main; must specify requests\.cpu for: main",
    ):
        store.create("pods", pod())
    store.create("pods", resources({"cpu": "500m"}, {"memory": "512Mi"}))
    assert used(store) == {"requests.cpu": "500m", "limits.memory": "512Mi"}


def test_a_rejected_object_is_not_counted():
    """Rejected objects do not add up."""
    store = with_quota(pods="1")
    store.create("pods", pod("a"))
    for _ in range(3):
        with pytest.raises(Forbidden):
            store.create("pods", pod("b"))
    assert used(store) == {"pods": "1"}


def test_a_new_quota_counts_existing_objects():
    """Objects older than the quota count too, and a changed limit is visible immediately."""
    store = make_store()
    store.create("configmaps", config())
    store.create(
        "resourcequotas", {"metadata": {"name": "team", "namespace": "default"}, "spec": {"hard": {"configmaps": "5"}}}
    )
    assert used(store) == {"configmaps": "1"}
    store.patch("resourcequotas", "default", "team", {"spec": {"hard": {"configmaps": "7", "secrets": "1"}}})
    quota = store.get("resourcequotas", "default", "team")
    assert quota["status"] == {"hard": {"configmaps": "7", "secrets": "1"}, "used": {"configmaps": "1", "secrets": "0"}}


def test_a_quota_limits_only_its_namespace():
    """A quota limits its own namespace only."""
    store = with_quota(pods="0")
    store.create("namespaces", {"metadata": {"name": "free"}})
    store.create("pods", pod(namespace="free"))
    with pytest.raises(Forbidden):
        store.create("pods", pod())


def test_totals_are_recomputed_after_a_restart(tmp_path):
    """The totals are computed from the stored objects."""
    store = with_quota(tmp_path / "db", pods="1")
    store.create("pods", pod("a"))
    store.close()
    again = with_quota(tmp_path / "db")
    with pytest.raises(Forbidden, match="used: pods=1"):
        again.create("pods", pod("b"))
    again.close()
