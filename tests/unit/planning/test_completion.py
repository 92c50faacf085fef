"""The completion of an experiment."""

from dataclasses import replace
from datetime import timedelta
from math import inf, nan

import pytest

from support.specs import experiment_spec
from support.world import START, Program, World, summary_of
from toprung.api.v1alpha1.conditions import Reason
from toprung.api.v1alpha1.experiment_status import ExperimentStatus
from toprung.api.v1alpha1.trial import TrialState
from toprung.metrics.types import Observation, Progress
from toprung.objects.conditions import BlockReason
from toprung.objects.trial import TrialRecord
from toprung.planning.snapshot import Snapshot


def ended_world(**spec):
    """Return a world with a complete experiment of two trials."""
    world = World(experiment_spec(maxTrialCount=2, **spec), lambda index, _: Program((0.5 + index / 10,)))
    world.run_until_complete()
    world.execute(world.plan())
    return world


def held(status, kind):
    return next((each for each in status["conditions"] if each["type"] == kind), None)


@pytest.mark.parametrize("deleted", [("exp-1",), ("exp-0", "exp-1")], ids=["the-best", "all"])
def test_deleted_trials_of_a_complete_experiment_change_nothing(deleted):
    """The completion, the best trial and the counts stay, and no Event is emitted."""
    world = ended_world()
    before, events = world.status, list(world.events)
    for name in deleted:
        del world.trials[name]
    world.pods.clear()
    world.tick(60)
    world.execute(world.plan())
    assert world.status == before
    assert (world.events, before["state"], before["best"]["trial"]) == (events, "Succeeded", "exp-1")


def edited_world(change, *, deleted):
    """Return a world with a complete experiment after an edit of its spec, with or without its Trials."""
    world = ended_world()
    if deleted:
        world.trials.clear()
        world.pods.clear()
    world.spec = experiment_spec(**{"maxTrialCount": 2, **change})
    return world


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"parallelTrialCount": 1}, id="not-a-limit"),
        pytest.param({"maxTrialCount": 1, "parallelTrialCount": 1}, id="lowered"),
        pytest.param({"maxDuration": "1h"}, id="another-limit"),
    ],
)
@pytest.mark.parametrize("deleted", [False, True], ids=["trials-exist", "trials-deleted"])
def test_other_changes_keep_a_complete_experiment(change, deleted):
    """The completion time, the best trial and the condition stay, and no action is planned."""
    world = edited_world(change, deleted=deleted)
    before, after = world.status, world.summary()
    assert after.status["completionTime"] is not None
    assert (after.status["best"], held(after.status, "Succeeded")) == (before["best"], held(before, "Succeeded"))
    assert after.events == ()
    assert not world.plan().chains


@pytest.mark.parametrize("deleted", [False, True], ids=["trials-exist", "trials-deleted"])
def test_a_raised_limit_reopens_a_complete_experiment(deleted):
    """Further trials start, and there is no completion time."""
    world = edited_world({"maxTrialCount": 3}, deleted=deleted)
    summary = world.summary()
    assert summary.status["completionTime"] is None
    assert summary.events == ()
    assert world.plan().chains


@pytest.mark.parametrize(("code", "kind"), [(0, "Succeeded"), (1, "Failed")])
def test_one_condition_is_true_for_every_end(code, kind):
    """`kubectl wait --for=condition=Finished` returns in both cases."""
    world = World(experiment_spec(maxTrialCount=1, parallelTrialCount=1), lambda *_: Program((0.5,), code))
    world.execute(world.plan())
    assert held(world.status, "Finished") is None
    world.run_until_complete()
    finished, end = held(world.status, "Finished"), held(world.status, kind)
    assert finished["status"] == end["status"] == "True"
    assert (finished["reason"], finished["message"]) == (end["reason"], end["message"])
    ExperimentStatus.model_validate(world.status, by_alias=True)


def test_an_experiment_is_complete_no_earlier_than_it_started():
    """The clock may be set back while it runs."""
    world = World(experiment_spec(maxTrialCount=1, parallelTrialCount=1), lambda *_: Program((0.5,)))
    for _ in range(4):
        world.execute(world.plan())
        world.tick()
    snapshot = replace(world.snapshot(), experiment=replace(world.experiment(), completion_time=None))
    status = summary_of(snapshot, START - timedelta(hours=1)).status
    assert status["completionTime"] == status["startTime"]


def failed(index, message):
    seen = Observation(1, 0.2, START)
    return TrialRecord(
        "team/exp",
        "uid-exp",
        f"exp-{index}",
        f"uid-{index}",
        index,
        {"lr": 0.5},
        START,
        state=TrialState.FAILED,
        reason=Reason.PROGRAM_FAILED,
        message=message,
        completion_time=START,
        progress=Progress(latest=seen, best=seen),
    )


def ended_with(index, value):
    seen = None if value is None else Observation(1, value, START)
    done = failed(index, "")
    return replace(done, state=TrialState.SUCCEEDED, reason=Reason.TRIAL_SUCCEEDED, progress=Progress(latest=seen))


OOM = "attempt {} failed: exit code 137 (OOMKilled); its last lines:\nx"


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        pytest.param(
            [failed(i, OOM.format(i)) for i in range(3)],
            "all 3 trials failed: exit code 137 (OOMKilled)",
            id="one-cause",
        ),
        pytest.param([failed(0, OOM.format(1))], "the only trial failed: exit code 137 (OOMKilled)", id="one-trial"),
        pytest.param(
            [*(failed(i, OOM.format(i)) for i in range(2)), failed(2, "attempt 1 failed: exit code 3; no output")],
            "all 3 trials failed: exit code 137 (OOMKilled) (2 trials); exit code 3 (1 trial)",
            id="two-causes",
        ),
        pytest.param([failed(0, ""), failed(1, "")], "all 2 trials failed: ProgramFailed", id="no-message"),
        pytest.param(
            [failed(0, OOM.format(1)), ended_with(1, nan), ended_with(2, -inf), ended_with(3, None)],
            "all 4 trials have ended, and none has a finite objective: 1 failed (exit code 137 (OOMKilled)), 1 reported no acc, "
            "2 reported no finite acc",
            id="several-kinds",
        ),
    ],
)
def test_an_end_without_a_best_trial_has_the_reasons(trials, expected):
    """A failed trial may have reported finite values."""
    world = World(experiment_spec(maxTrialCount=len(trials), parallelTrialCount=1), lambda *_: None)
    status = summary_of(Snapshot(world.experiment(), tuple(trials)), START).status
    end = held(status, "Failed")
    assert (end["status"], end["reason"]) == ("True", "NoTrialSucceeded")
    assert end["message"] == expected


def test_the_cause_of_failures_survives_a_restart():
    """The stored Trials have what the message needs."""
    world = World(experiment_spec(maxFailedTrialCount=0), lambda *_: Program((0.5,), 7))
    world.run_until_complete()
    world.status.pop("completionTime")
    message = held(world.summary().status, "Failed")["message"]
    assert message.endswith("more than maxFailedTrialCount 0: exit code 7")


def test_a_repeated_transition_has_one_event():
    """A restarted operator emits the same Event with the same name."""
    world = World(experiment_spec(), lambda *_: None)
    quota = BlockReason(Reason.QUOTA_EXCEEDED, "q")
    snapshot = Snapshot(world.experiment(), blocked=quota)
    moments = (START, START + timedelta(seconds=30))
    (one,), (two,) = (summary_of(snapshot, now).events for now in moments)
    assert one == two
    world.status = {**summary_of(snapshot, START).status}
    assert summary_of(replace(snapshot, experiment=world.experiment()), START).events == ()
    world.status = {**summary_of(Snapshot(world.experiment()), moments[1]).status}
    (again,) = summary_of(replace(snapshot, experiment=world.experiment()), moments[1]).events
    assert again.key != one.key


def test_an_invalid_experiment_stays_managed():
    """Its trials end, and no trial starts. The condition and one Event have the reason."""
    world = World(experiment_spec(maxTrialCount=6), lambda *_: Program((0.5,) * 3))
    for _ in range(2):
        world.execute(world.plan())
        world.tick()
    world.experiment = lambda valid=world.experiment: replace(valid(), invalid="spec.x: unknown")
    for _ in range(9):
        world.execute(world.plan())
        world.tick()
    assert [trial.state for trial in world.trial_records()] == [TrialState.SUCCEEDED] * 2
    valid = held(world.status, "Valid")
    assert (world.status["state"], valid["status"], valid["reason"]) == ("Invalid", "False", "Invalid")
    assert valid["message"].startswith("spec.x: unknown\nNo trial starts until this is corrected.")
    assert [each.message for each in world.events if each.reason == "Invalid"] == ["spec.x: unknown"]
