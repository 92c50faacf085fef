"""The Store behaves as an API server does: identity, versions, conflicts, subresources, watches and persistence."""

import asyncio
import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localkube.apiserver.errors import AlreadyExists, BadRequest, Conflict, Gone, Invalid, NotFound
from localkube.apiserver.sqlite_journal import StoreInUse
from support.api_server import STUDIES, Clock, changed, config, make_store, pod, study


async def take(stream, count):
    """Return the first events of a subscription, as (type, name, version)."""
    found = []
    async for kind, obj in stream:
        found.append((kind, obj["metadata"]["name"], int(obj["metadata"]["resourceVersion"])))
        if len(found) == count:
            break
    return found


def test_create_sets_server_owned_fields():
    """A new object gets the server-owned fields, whatever the client sent."""
    store = make_store()
    sent = {**pod(), "status": {"phase": "Succeeded"}}
    sent["metadata"]["creationTimestamp"] = "1999-01-01T00:00:00Z"
    made = store.create("pods", sent)
    assert made["apiVersion"] == "v1"
    assert made["kind"] == "Pod"
    assert made["metadata"]["creationTimestamp"] == "2026-01-01T00:00:00Z"
    assert made["metadata"]["generation"] == 1
    assert made["metadata"]["uid"]
    assert made["status"]["phase"] == "Pending"
    assert int(made["metadata"]["resourceVersion"]) == store.version


def test_arguments_are_copied():
    """A caller that changes its object later does not change the stored one."""
    store = make_store()
    mine = config(data={"a": "1"})
    store.create("configmaps", mine)
    mine["data"]["a"] = "2"
    assert store.get("configmaps", "default", "c")["data"] == {"a": "1"}


def test_generated_names_differ():
    """A generateName results in a different name for each object."""
    store = make_store()
    names = {
        store.create("pods", changed(pod(name=None), "metadata.generateName", "x-"))["metadata"]["name"]
        for _ in range(5)
    }
    assert len(names) == 5
    assert all(name.startswith("x-") and len(name) == 7 for name in names)


@pytest.mark.parametrize(
    ("resource", "obj", "error", "message"),
    [
        pytest.param("pods", pod("taken"), AlreadyExists, 'pods "taken" already exists', id="taken"),
        pytest.param("pods", pod(namespace="nowhere"), NotFound, 'namespaces "nowhere" not found', id="no-namespace"),
        pytest.param("nothings", pod(), NotFound, "could not find the requested resource: nothings", id="no-kind"),
        pytest.param("pods", pod("UPPER"), Invalid, "lowercase RFC 1123 subdomain", id="bad-name"),
        pytest.param("pods", pod(name=""), Invalid, "name or generateName is required", id="no-name"),
        pytest.param("pods", pod(labels={"a": "b c"}), Invalid, "a valid label must be", id="bad-label"),
        pytest.param("pods", pod(labels={"a": "b" * 64}), Invalid, "no more than 63 characters", id="long-label"),
        pytest.param("pods", changed(pod(), "spec.containers", []), Invalid, "spec.containers: Required value", id="no-container"),
        pytest.param("pods", changed(pod(), "metadata.resourceVersion", "5"), BadRequest, "resourceVersion should not be set", id="version-on-create"),
        pytest.param("pods", {**pod(), "kind": "Node"}, BadRequest, "'Pod' is expected", id="wrong-kind"),
        pytest.param("pods", changed(pod(), "spec.activeDeadlineSeconds", 0), Invalid, "must be between 1 and", id="deadline"),
        pytest.param("pods", changed(pod(), "spec.restartPolicy", "Sometimes"), Invalid, 'supported values: "Always", "Never", "OnFailure"', id="restart-policy"),
        pytest.param("configmaps", config(data={"a": float("nan")}), BadRequest, "cannot be written as JSON", id="nan"),
    ],
)  # fmt: skip
def test_invalid_creates_are_rejected(resource, obj, error, message):
    """The message names the reason, and nothing is stored."""
    store = make_store()
    store.create("pods", pod("taken"))
    before = store.version
    with pytest.raises(error, match=message):
        store.create(resource, obj)
    assert store.version == before


def test_update_and_versions():
    """Each change has its own version; only a change of content increases the generation."""
    store = make_store(study=True)
    made = store.create(STUDIES, study())
    labelled = store.update(STUDIES, changed(made, "metadata.labels", {"a": "b"}))
    grown = store.update(STUDIES, changed(labelled, "spec.parallel", 5))
    assert [o["metadata"]["generation"] for o in (made, labelled, grown)] == [1, 1, 2]
    versions = [int(o["metadata"]["resourceVersion"]) for o in (made, labelled, grown)]
    assert versions == sorted(set(versions))


def test_an_update_without_a_change_keeps_the_version():
    """An equal write keeps the version and wakes no watch."""
    store = make_store()
    made = store.create("pods", pod())
    assert store.update("pods", copy.deepcopy(made)) is store.get("pods", "default", "p")
    assert store.version == int(made["metadata"]["resourceVersion"])


def test_stale_update_conflicts():
    """An update with an old version conflicts; one without a version overwrites."""
    store = make_store()
    stale = store.create("configmaps", config())
    store.patch("configmaps", "default", "c", {"data": {"a": "1"}})
    with pytest.raises(Conflict, match="the object has been modified; please apply your changes to the latest version"):
        store.update("configmaps", changed(stale, "data", {"a": "2"}))
    unversioned = changed(stale, "data", {"a": "2"})
    del unversioned["metadata"]["resourceVersion"]
    assert store.update("configmaps", unversioned)["data"] == {"a": "2"}


def test_another_objects_uid_conflicts():
    """A write for a deleted object does not affect a new one of the same name."""
    store = make_store()
    first = store.create("configmaps", config())
    store.delete("configmaps", "default", "c")
    store.create("configmaps", config())
    with pytest.raises(Conflict, match="Precondition failed: UID in precondition"):
        store.delete("configmaps", "default", "c", uid=first["metadata"]["uid"])


def test_status_is_separate():
    """The main resource does not change the status, and the status subresource changes nothing else."""
    store = make_store(study=True)
    made = store.create(STUDIES, {**study(), "status": {"running": 3}})
    assert "status" not in made
    both = changed(changed(made, "status.running", 2), "spec.parallel", 7)
    after_status = store.update(STUDIES, both, subresource="status")
    assert (after_status["status"], after_status["spec"]["parallel"]) == ({"running": 2}, 2)
    assert after_status["metadata"]["generation"] == 1
    after_main = store.update(STUDIES, changed(changed(after_status, "status.running", 9), "spec.parallel", 3))
    assert (after_main["status"], after_main["spec"]["parallel"]) == ({"running": 2}, 3)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("spec.nodeName", "other", "pod updates may not change fields"),
        ("spec.containers", [{"name": "main", "image": "img:1", "args": ["x"]}], "pod updates may not change fields"),
        ("spec.activeDeadlineSeconds", 99, "must be less than or equal to previous value"),
    ],
)
def test_a_pods_spec_is_immutable(path, value, message):
    """Only the fields that Kubernetes allows can change in a Pod's spec."""
    store = make_store()
    made = store.create("pods", pod(activeDeadlineSeconds=50))
    with pytest.raises(Invalid, match=message):
        store.update("pods", changed(made, path, value))
    assert store.update("pods", changed(made, "spec.activeDeadlineSeconds", 1))["spec"]["activeDeadlineSeconds"] == 1


def test_binding_sets_the_node_once():
    """The scheduler sets the node of a Pod once."""
    store = make_store()
    made = store.create("pods", pod())
    bound = store.update("pods", changed(made, "spec.nodeName", "n1"), subresource="binding")
    assert bound["spec"]["nodeName"] == "n1"


def test_a_dry_run_stores_nothing():
    """A dry run returns the result of the real write and changes nothing."""
    store = make_store()
    before = store.version
    assert store.create("pods", pod(), dry_run=True)["status"]["phase"] == "Pending"
    assert store.version == before
    made = store.create("pods", pod())
    store.update("pods", changed(made, "metadata.labels", {"a": "b"}), dry_run=True)
    store.delete("pods", "default", "p", dry_run=True)
    assert store.get("pods", "default", "p") == made


def test_pods_end_gracefully():
    """A running Pod is marked and stays until the node deletes it; a later deletion can only shorten its grace."""
    clock = Clock()
    store = make_store(clock=clock)
    store.create("pods", pod(nodeName="n", terminationGracePeriodSeconds=20))
    marked = store.delete("pods", "default", "p")
    assert marked["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:20Z"
    assert store.delete("pods", "default", "p", grace=60) == marked
    shorter = store.delete("pods", "default", "p", grace=5)
    assert shorter["metadata"]["deletionGracePeriodSeconds"] == 5
    assert store.delete("pods", "default", "p", grace=0) is None
    assert not store.exists("pods", "default", "p")


@pytest.mark.parametrize(("node", "phase"), [(None, "Pending"), ("n", "Succeeded"), ("n", "Failed")])
def test_pods_without_processes_are_removed_immediately(node, phase):
    """A Pod that is unbound or has ended has no grace."""
    store = make_store()
    store.create("pods", pod(**({"nodeName": node} if node else {})))
    store.patch("pods", "default", "p", {"status": {"phase": phase}}, subresource="status")
    assert store.delete("pods", "default", "p") is None


def test_finalizers_delay_a_deletion():
    """A deletion waits for every finalizer, and no new ones can be added."""
    store = make_store()
    store.create("configmaps", config(finalizers=["a/one", "a/two"]))
    marked = store.delete("configmaps", "default", "c")
    assert marked["metadata"]["deletionTimestamp"]
    with pytest.raises(Invalid, match="no new finalizers can be added"):
        store.update("configmaps", changed(marked, "metadata.finalizers", ["a/one", "a/two", "b/x"]))
    store.patch("configmaps", "default", "c", {"metadata": {"finalizers": ["a/two"]}})
    assert store.exists("configmaps", "default", "c")
    store.patch("configmaps", "default", "c", {"metadata": {"finalizers": None}})
    assert not store.exists("configmaps", "default", "c")


async def test_a_watch_continues_from_a_version():
    """A watch reports each later change once and in order; deletions have their own version."""
    store = make_store()
    start = store.version
    store.create("configmaps", config("a"))
    stream = store.subscribe("configmaps", since=start)
    assert await take(stream, 1) == [("ADDED", "a", start + 1)]
    live = asyncio.ensure_future(take(store.subscribe("configmaps"), 2))
    await asyncio.sleep(0)
    store.patch("configmaps", "default", "a", {"data": {"k": "v"}})
    store.delete("configmaps", "default", "a")
    assert await live == [("MODIFIED", "a", start + 2), ("DELETED", "a", start + 3)]


async def test_history_is_bounded():
    """A version older than the history is Gone, for a new watch and for one that fell behind."""
    store = make_store(history=4)
    old = store.version
    behind = store.changes("configmaps", old)
    for i in range(20):
        store.create("configmaps", config(f"c{i}"))
    with pytest.raises(Gone, match="too old resource version"):
        await anext(store.changes("configmaps", old))
    with pytest.raises(Gone, match="fell more than"):
        await anext(behind)
    assert len(await anext(store.changes("configmaps", store.version - 4))) == 4


async def test_versions_before_a_restart_are_gone(tmp_path):
    """The watch history is not stored on disk: older versions are Gone, never silently skipped."""
    store = make_store(tmp_path / "db")
    old = store.version
    store.create("configmaps", config())
    store.close()
    again = make_store(tmp_path / "db")
    with pytest.raises(Gone):
        again.changes("configmaps", old)
    assert again.changes("configmaps", again.version)
    again.close()


def test_a_second_store_on_one_file_is_rejected(tmp_path):
    """Two servers on one file would assign the same versions."""
    store = make_store(tmp_path / "db")
    with pytest.raises(StoreInUse, match="in use by another process; stop that one, or choose another folder"):
        make_store(tmp_path / "db")
    store.close()


NAMES = st.sampled_from(["a", "b", "c"])
STEPS = st.lists(
    st.tuples(st.sampled_from(["create", "update", "delete", "finalize"]), NAMES, st.integers(0, 3)), max_size=30
)


def act(store, action, name, value):
    exists = store.exists("configmaps", "default", name)
    if action == "create" and not exists:
        store.create("configmaps", config(name, data={"v": str(value)}, finalizers=["x/y"] if value == 3 else []))
    elif exists and action == "update":
        store.patch("configmaps", "default", name, {"data": {"v": str(value)}})
    elif exists and action == "delete":
        store.delete("configmaps", "default", name)
    elif exists and action == "finalize":
        store.patch("configmaps", "default", name, {"metadata": {"finalizers": None}})


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_a_store_survives_reopening(steps, tmp_path_factory):
    """After any sequence of writes, the reopened Store has the same objects and continues its versions."""
    path = tmp_path_factory.mktemp("store") / "db"
    store = make_store(path)
    for step in steps:
        act(store, *step)
    objects, version = store.list("configmaps")
    objects = copy.deepcopy(objects)
    store.close()
    again = make_store(path)
    assert again.list("configmaps") == (objects, version)
    assert int(again.create("configmaps", config("z"))["metadata"]["resourceVersion"]) == version + 1
    again.close()


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, cut=st.floats(0, 1))
def test_replaying_a_watch_gives_the_state(steps, cut):
    """The state at any version plus the watch from that version equals the current state."""
    store = make_store()
    split = int(cut * len(steps))
    for step in steps[:split]:
        act(store, *step)
    objects, version = store.list("configmaps")
    state = {o["metadata"]["name"]: o for o in objects}
    for step in steps[split:]:
        act(store, *step)

    async def replay():
        if store.version == version:
            return
        store.create("configmaps", config("end"))
        async for kind, obj in store.subscribe("configmaps", since=version):
            if obj["metadata"]["name"] == "end":
                return
            if kind == "DELETED":
                del state[obj["metadata"]["name"]]
            else:
                assert (kind == "ADDED") == (obj["metadata"]["name"] not in state)
                state[obj["metadata"]["name"]] = obj

    asyncio.run(replay())
    now = {o["metadata"]["name"]: o for o in store.list("configmaps")[0] if o["metadata"]["name"] != "end"}
    assert state == now
