"""Ownership by the UID of the controller, not by labels."""

from dataclasses import replace

import pytest

from support.specs import experiment_spec
from support.world import START, Program, World
from toprung.api.names import trial_name
from toprung.objects.owner_references import claimed_by
from toprung.objects.ownership import owned_pods, owned_trials
from toprung.objects.pod import pod_from
from toprung.objects.trial import TrialRecord
from toprung.planning.slots import next_index
from toprung.planning.snapshot import deleted_indices


def world():
    """Return a world with one running trial."""
    made = World(experiment_spec(maxTrialCount=3, parallelTrialCount=1), lambda *_: Program((0.5,), None))
    made.execute(made.plan())
    made.tick()
    return made


def copied(body, **metadata):
    """Return a user's copy of a Pod, with the labels of a trial."""
    return {**body, "metadata": {**body["metadata"], "name": "my-debug-pod", "uid": "uid-mine", **metadata}}


OTHER = {"apiVersion": "toprung.dev/v1alpha1", "kind": "Trial", "name": "exp-0", "uid": "uid-else", "controller": True}
IS_NO_CONTROLLER = {"apiVersion": "toprung.dev/v1alpha1", "kind": "Trial", "name": "exp-0", "uid": "uid-1"}


@pytest.mark.parametrize(
    "owners",
    [
        pytest.param(None, id="no-owners"),
        pytest.param([], id="empty"),
        pytest.param([OTHER], id="an-earlier-trial-of-the-same-name"),
        pytest.param([IS_NO_CONTROLLER], id="owner-that-is-no-controller"),
    ],
)
@pytest.mark.parametrize("attempt", ["1", "7"])
def test_a_users_pod_is_ignored(owners, attempt):
    """It has a trial's labels, but uses no slot, is not read, stopped or deleted, and changes no trial."""
    made = world()
    (body,) = made.pods.values()
    labels = {**body["metadata"]["labels"], "toprung.dev/attempt": attempt}
    made.pods["my-debug-pod"] = copied(body, labels=labels, ownerReferences=owners)
    assert {name for pods in made.snapshot().pods.values() for name in (pod.name for pod in pods)} == {"exp-0-1"}
    for _ in range(40):
        made.execute(made.plan())
        made.tick()
    assert "my-debug-pod" in made.pods
    assert "my-debug-pod" not in made.stopped_at


@pytest.mark.parametrize(
    ("change", "ours"),
    [
        pytest.param({}, True, id="of-the-experiment"),
        pytest.param({"controller_uid": "uid-else"}, False, id="of-an-earlier-experiment"),
        pytest.param({"controller_uid": ""}, False, id="without-owner"),
        pytest.param({"name": "idx-x", "index": 20_000_000}, False, id="name-of-another-index"),
    ],
)
def test_a_trial_of_another_owner_is_ignored(change, ours):
    """A Trial that a user created changes nothing."""
    experiment = world().experiment()
    trial = replace(TrialRecord("team/exp", "uid-exp", "exp-2", "uid-9", 2, {"lr": 0.01}, START), **change)
    assert bool(owned_trials(experiment, [trial])) is ours


def test_trials_are_ordered_by_index():
    """The API server orders lists by name."""
    experiment = world().experiment()
    trials = [TrialRecord("team/exp", "uid-exp", trial_name("exp", i), f"uid-{i}", i, {}, START) for i in (0, 10, 2, 1)]
    assert [trial.index for trial in owned_trials(experiment, trials)] == [0, 1, 2, 10]


def test_a_very_high_index_needs_no_memory():
    """Indices without a Trial are ranges, and none exceeds maxTrialCount."""
    made = world()
    experiment = replace(made.experiment(), created_count=20_000_001)
    trials = (*made.trial_records(), replace(made.trial_records()[0], name="exp-20000000", index=20_000_000))
    assert deleted_indices(experiment, trials) == (range(1, 3),)
    assert next_index(replace(made.snapshot(), trials=trials)) == 20_000_001


def test_pods_are_grouped_by_trial():
    """Each Trial has its own Pods."""
    made = world()
    (trial,), (pod,) = made.trial_records(), map(pod_from, made.pods.values())
    assert owned_pods([trial], [pod]) == {"exp-0": (pod,)}


CONTROLLER = {"apiVersion": "toprung.dev/v1alpha1", "kind": "Trial", "uid": "t-1", "controller": True}


@pytest.mark.parametrize(
    ("owner", "labels", "claim"),
    [
        pytest.param(CONTROLLER, {"toprung.dev/experiment": "exp"}, ("team/exp", "t-1"), id="own"),
        pytest.param(CONTROLLER, {}, None, id="no-label"),
        pytest.param(CONTROLLER, None, None, id="labels-are-null"),
        pytest.param({**CONTROLLER, "controller": False}, {"toprung.dev/experiment": "exp"}, None, id="no-controller"),
        pytest.param({**CONTROLLER, "kind": "Job"}, {"toprung.dev/experiment": "exp"}, None, id="another-kind"),
        pytest.param(
            {**CONTROLLER, "apiVersion": "batch/v1"}, {"toprung.dev/experiment": "exp"}, None, id="another-api"
        ),
    ],
)
def test_an_unreadable_pod_belongs_to_the_experiment_of_its_label_and_controller(owner, labels, claim):
    """Other unreadable Pods must not block an experiment."""
    metadata = {"namespace": "team", "name": "pod", "labels": labels, "ownerReferences": [owner]}
    assert claimed_by("Trial", {"metadata": metadata}) == claim
