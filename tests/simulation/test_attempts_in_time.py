"""Simulate attempts that are retried, disrupted, lost with their node, silent or endless."""

from datetime import timedelta

import pytest

from support.runs import run_to_end
from support.specs import ASHA, PBT, POD, POD_WITH_GPU, PROMOTION, experiment_spec
from support.world import Program, World
from toprung.api.v1alpha1.conditions import Reason
from toprung.api.v1alpha1.trial import TrialState
from toprung.timestamps import timestamp

KEPT = {"volume": {"emptyDir": {}}}


def one(program, **spec):
    """Return a world with one trial."""
    return World(experiment_spec(**{"maxTrialCount": 1, "parallelTrialCount": 1, **spec}), program)


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        pytest.param(Program((0.9, 0.95), 1), Reason.RETRYING, id="failed"),
        pytest.param(Program((0.9, 0.95), 0, disrupted=True), Reason.DISRUPTED, id="disrupted"),
    ],
)
@pytest.mark.parametrize(
    ("checkpoint", "best", "curve"),
    [
        pytest.param(None, 0.3, [1, 2, 3], id="restarts-the-curve"),
        pytest.param(KEPT, 0.95, [1, 2, 3, 4, 5], id="continues-it"),
    ],
)
def test_a_further_attempt(first, reason, checkpoint, best, curve):
    """Without a checkpoint the values of a lost attempt do not count; with a checkpoint they do."""
    second = Program((0.1, 0.2, 0.3), first=3 if checkpoint else 1)
    world = one(
        lambda _, attempt: first if attempt == 1 else second,
        checkpoint=checkpoint,
        trialTemplate={"retries": 1, "template": POD},
    )
    run_to_end(world)
    (trial,) = world.trial_records()
    assert (trial.state, trial.attempt) == (TrialState.SUCCEEDED, 2)
    assert trial.progress.best.value == best
    assert [step for step, _ in world.trials["exp-0"]["status"]["curve"]] == curve
    assert reason in [event.reason for event in world.events]


def test_rungs_of_a_lost_attempt_keep_their_verdicts():
    """A new attempt is evaluated from the next rung on."""
    lost, again = Program((0.9, 0.9, 0.9, 0.9), 1), Program((0.1,) * 9)
    world = one(
        lambda _, attempt: lost if attempt == 1 else again,
        earlyStopping=ASHA,
        trialTemplate={"retries": 1, "template": POD},
    )
    run_to_end(world)
    (trial,) = world.trial_records()
    assert [(rung.resource, rung.value) for rung in trial.rungs] == [(1, 0.9), (3, 0.9), (9, 0.1)]


@pytest.mark.parametrize(
    "early_stopping",
    [
        pytest.param(ASHA, id="asha"),
        pytest.param(PROMOTION, id="asha-promotion"),
        pytest.param({"hyperband": {"maxResource": 9}}, id="hyperband"),
        pytest.param({"successiveHalving": {"maxResource": 9, "trials": 9}}, id="halving"),
        pytest.param({"median": {"maxResource": 9, "minTrials": 1}}, id="median"),
        pytest.param({**PBT, "patience": {"steps": 100}}, id="pbt"),
    ],
)
@pytest.mark.parametrize("reports", [30, 9], ids=["trains-on", "hangs"])
def test_a_trial_that_does_not_end_by_itself_ends_at_max_resource(early_stopping, reports):
    """The trial succeeds with the values up to maxResource, and its Pod is stopped."""
    count = 9 if "successiveHalving" in early_stopping else 1
    world = World(
        experiment_spec(earlyStopping=early_stopping, checkpoint=KEPT, maxTrialCount=count, parallelTrialCount=count),
        lambda index, _: Program(tuple(0.1 - index / 1000 + step / 100 for step in range(reports)), None),
    )
    run_to_end(world)
    trial = world.trial_records()[0]
    last = 8 if "pbt" in early_stopping else 9
    assert (trial.state, trial.reason) == (TrialState.SUCCEEDED, Reason.MAX_RESOURCE_REACHED)
    assert trial.progress.latest.step == trial.progress.best.step == last


def test_a_silent_trial_fails():
    """The Pod of a silent trial is stopped, and the next trial gets its slot."""
    programs = Program((0.5, 0.5), None), Program((0.5,))
    world = World(
        experiment_spec(
            maxTrialCount=2, parallelTrialCount=1, trialTemplate={"silenceTimeout": "20s", "template": POD}
        ),
        lambda index, _: programs[index],
    )
    run_to_end(world)
    silent, other = world.trial_records()
    assert (silent.state, silent.reason) == (TrialState.FAILED, Reason.SILENT)
    assert other.state is TrialState.SUCCEEDED
    assert silent.completion_time - silent.progress.latest.time <= timedelta(seconds=21)


def lose_node(world, name):
    """Delete a Pod as the taint manager does when its kubelet no longer answers."""
    body = world.pods[name]
    body["metadata"] |= {"deletionTimestamp": timestamp(world.now + timedelta(seconds=30))}
    body["metadata"] |= {"deletionGracePeriodSeconds": 30}
    body["spec"]["nodeName"] = "n1"
    message = {"reason": "DeletionByTaintManager", "message": "Taint manager: deleting due to NoExecute taint"}
    body["status"]["conditions"] = [{"type": "DisruptionTarget", "status": "True", **message}]


def lost(checkpoint, template=POD):
    """Return a world with a trial whose node is lost in its third second."""
    world = one(
        lambda _, attempt: Program((0.5,), None) if attempt == 1 else Program((0.5,) * 3),
        checkpoint=checkpoint,
        trialTemplate={"nodeLostTimeout": "3m", "template": template},
    )
    for _ in range(3):
        world.execute(world.plan())
        world.tick()
    lose_node(world, "exp-0-1")
    return world


def started_after(world, seconds):
    """Run for some seconds; return after how many the second attempt exists, None if it does not."""
    begun = world.now
    for _ in range(seconds):
        world.execute(world.plan())
        if "exp-0-2" in world.pods:
            return (world.now - begun).total_seconds()
        world.tick()
    return None


@pytest.mark.parametrize(
    ("checkpoint", "template", "seconds"),
    [
        pytest.param(None, POD, 0, id="no-checkpoint"),
        pytest.param(None, POD_WITH_GPU, 60, id="its-slot-is-held-while-it-may-hold-a-gpu"),
        pytest.param(KEPT, POD, 210, id="checkpoint"),
    ],
)
def test_a_dead_node_does_not_hold_its_trial(checkpoint, template, seconds):
    """Without a checkpoint the next attempt starts when the Pod is deleted; with one, after nodeLostTimeout."""
    world = lost(checkpoint, template)
    assert started_after(world, 300) == seconds


def test_a_trial_with_a_checkpoint_continues_when_its_pod_is_gone():
    """Kubernetes removes the Pod after an administrator declares the node out of service."""
    world = lost(KEPT)
    assert started_after(world, 40) is None
    del world.pods["exp-0-1"]
    assert started_after(world, 5) == 0
    assert world.trial_records()[0].message.startswith(
        "attempt 1 was disrupted: Pod exp-0-1 is being deleted: Deletion"
    )


def test_a_dead_node_is_reported():
    """The Trial, an Event and the Blocked condition name the node and the time until the trial continues."""
    world = lost(KEPT)
    started_after(world, 70)
    (trial,) = world.trial_records()
    assert (trial.state, trial.reason) == (TrialState.RUNNING, Reason.NODE_LOST)
    assert "node n1 does not respond" in trial.message
    assert [event.reason for event in world.events if event.warning] == [Reason.NODE_LOST]
    blocked = next(each for each in world.status["conditions"] if each["type"] == "Blocked")
    assert (blocked["status"], blocked["reason"]) == ("True", "NodeLost")
    assert "Pod exp-0-1 should have ended by 2026-01-01T00:00:33Z" in blocked["message"]
    started_after(world, 300)
    world.execute(world.plan())
    blocked = next(each for each in world.status["conditions"] if each["type"] == "Blocked")
    assert blocked["status"] == "False"


def test_a_clock_that_is_set_back_does_not_end_a_trial_before_its_start():
    """The completion time is not before the start time, even if the clocks of kubelet and operator differ."""
    world = one(lambda *_: Program((0.5,)))
    world.execute(world.plan())
    world.tick()
    world.tick()
    world.tick()
    world.now -= timedelta(hours=1)
    world.execute(world.plan())
    (trial,) = world.trial_records()
    assert trial.state is TrialState.SUCCEEDED
    assert trial.completion_time >= trial.start_time
