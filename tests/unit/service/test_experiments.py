"""The Experiments as they are told of, in whatever order."""

import pytest

from toprung.api.accounts import ServiceAccount
from toprung.planning.records import ExperimentRecord
from toprung.service.experiments import Experiments

SPEC = {
    "objective": {"metric": "score", "type": "maximize"},
    "parameters": [{"name": "x", "type": "int", "min": 0, "max": 9}],
    "maxTrialCount": 3,
    "trialTemplate": {"template": {"spec": {"containers": [{"name": "main", "image": "x"}]}}},
}
KEY = "team/exp"


def body(uid: str, version: int, **metadata) -> dict:
    about = {
        "namespace": "team",
        "name": "exp",
        "uid": uid,
        "resourceVersion": str(version),
        "generation": 1,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        **metadata,
    }
    return {"apiVersion": "toprung.dev/v1alpha1", "kind": "Experiment", "metadata": about, "spec": SPEC}


def uid_of(experiments: Experiments) -> str | None:
    record = experiments.get(KEY)
    return record.uid if record is not None else None


@pytest.mark.parametrize(
    ("told", "known"),
    [
        pytest.param([("old", 1, False), ("old", 2, True)], None, id="deleted"),
        pytest.param([("old", 1, False), ("new", 3, False), ("old", 2, True)], "new", id="deletion-told-late"),
        pytest.param([("new", 3, False), ("old", 1, False)], "new", id="predecessor-told-late"),
        pytest.param([("old", 1, False), ("old", 1, True)], None, id="deletion-of-the-last-state"),
        pytest.param([("old", 1, False), ("old", 2, True), ("new", 3, False)], "new", id="made-again"),
    ],
)
def test_order(told, known):
    """A deletion concerns one UID, and what is older than what is known changes nothing."""
    experiments = Experiments()
    for uid, version, deleted in told:
        experiments.put(body(uid, version), deleted=deleted)
    assert uid_of(experiments) == known


@pytest.mark.parametrize("known", [pytest.param(None, id="gone"), pytest.param("new", id="another-since")])
def test_late_answer(known):
    """The answer to a write of ours brings nothing back that was deleted meanwhile."""
    experiments = Experiments()
    if known is not None:
        experiments.put(body(known, 1))
    experiments.update(body("old", 5))
    assert uid_of(experiments) == known


def test_being_deleted():
    """An Experiment that waits for its dependents' deletion counts as gone."""
    experiments = Experiments()
    experiments.put(body("old", 1))
    experiments.put(body("old", 2, deletionTimestamp="2026-01-01T00:00:01Z"))
    assert uid_of(experiments) is None


@pytest.mark.parametrize(
    ("account", "valid"),
    [pytest.param("toprung", False, id="the operator's"), pytest.param("trainer", True, id="another")],
)
def test_trials_do_not_run_as_the_operator(account, valid):
    """The operator's token would be readable in the trial's Pod."""
    experiments = Experiments(ServiceAccount("team", "toprung"))
    pod = {"serviceAccountName": account, "containers": [{"name": "main", "image": "x"}]}
    manifest = body("new", 1)
    manifest["spec"] = {**SPEC, "trialTemplate": {"template": {"spec": pod}}}
    experiments.put(manifest)
    record = experiments.get(KEY)
    assert isinstance(record, ExperimentRecord) is valid
    assert "Forbidden" in getattr(record, "message", "Forbidden")
