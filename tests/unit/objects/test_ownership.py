"""What belongs to an Experiment: by the UID of the controller, whatever labels say."""

from dataclasses import replace

import pytest

from support.specs import experiment_spec
from support.world import START, Program, World
from toprung.api.names import trial_name
from toprung.objects.ownership import owned_pods, owned_trials
from toprung.objects.pod import pod_from
from toprung.objects.trial import TrialRecord
from toprung.planning.slots import next_index
from toprung.planning.snapshot import deleted_indices


def world():
    """An Experiment with one trial that runs."""
    made = World(experiment_spec(maxTrialCount=3, parallelTrialCount=1), lambda *_: Program((0.5,), None))
    made.execute(made.plan())
    made.tick()
    return made


def copied(body, **metadata):
    """A Pod as a user copies it, with a trial's labels."""
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
def test_a_pod_of_a_user_is_never_touched(owners, attempt):
    """It carries a trial's labels; it takes no slot, is not read, stopped or deleted, and changes no trial."""
    made = world()
    (body,) = made.pods.values()
    labels = {**body["metadata"]["labels"], "toprung.dev/attempt": attempt}
    made.pods["my-debug-pod"] = copied(body, labels=labels, ownerReferences=owners)
    assert {name for pods in made.snapshot().pods.values() for name in (pod.name for pod in pods)} == {"exp-0-1"}
    for _ in range(40):
        made.execute(made.plan())
        made.tick()
    assert "my-debug-pod" in made.pods
    assert "my-debug-pod" not in made.stop_asked


@pytest.mark.parametrize(
    ("change", "ours"),
    [
        pytest.param({}, True, id="ours"),
        pytest.param({"controller_uid": "uid-else"}, False, id="of-an-earlier-experiment"),
        pytest.param({"controller_uid": ""}, False, id="without-owner"),
        pytest.param({"name": "idx-x", "index": 20_000_000}, False, id="a-name-that-is-not-its-index"),
    ],
)
def test_a_trial_is_owned_by_uid(change, ours):
    """One that a user made by hand changes nothing."""
    experiment = world().experiment()
    trial = replace(TrialRecord("team/exp", "uid-exp", "exp-2", "uid-9", 2, {"lr": 0.01}, START), **change)
    assert bool(owned_trials(experiment, [trial])) is ours


def test_trials_come_ascending_by_index():
    """A list of the API server is sorted by name."""
    experiment = world().experiment()
    trials = [TrialRecord("team/exp", "uid-exp", trial_name("exp", i), f"uid-{i}", i, {}, START) for i in (0, 10, 2, 1)]
    assert [trial.index for trial in owned_trials(experiment, trials)] == [0, 1, 2, 10]


def test_a_very_high_index_costs_nothing():
    """Indices without a Trial are ranges, and none is above maxTrialCount."""
    made = world()
    experiment = replace(made.experiment(), created_count=20_000_001)
    trials = (*made.trial_records(), replace(made.trial_records()[0], name="exp-20000000", index=20_000_000))
    assert deleted_indices(experiment, trials) == (range(1, 3),)
    assert next_index(replace(made.snapshot(), trials=trials)) == 20_000_001


def test_pods_are_grouped_by_trial():
    """Each Trial's own."""
    made = world()
    (trial,), (pod,) = made.trial_records(), map(pod_from, made.pods.values())
    assert owned_pods([trial], [pod]) == {"exp-0": (pod,)}
