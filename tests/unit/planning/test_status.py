"""Conditions of an Experiment, and the status of a Trial."""

from dataclasses import replace
from datetime import timedelta
from math import nan

import pytest

from support.specs import experiment_spec
from support.world import START, Program, World, summary_of
from toprung.api.v1alpha1.conditions import ConditionRecord, ConditionType, Reason
from toprung.api.v1alpha1.trial import TrialState, TrialStatus
from toprung.errors import InternalError
from toprung.metrics.types import Observation, Progress
from toprung.objects.conditions import BlockReason, clear_condition, set_condition
from toprung.objects.pod import PodPhase, PodRecord
from toprung.objects.trial import RungRecord, RungVerdict, TrialRecord
from toprung.objects.trial_json import trial_from, trial_status
from toprung.planning.lifecycle import TRANSITIONS, StateChange, TrialEvent, move
from toprung.planning.plan import make_plan
from toprung.planning.snapshot import Snapshot
from toprung.planning.summary import Execution

LATER = START + timedelta(seconds=60)
TRIAL = TrialRecord("team/exp", "uid-exp", "exp-0", "uid-0", 0, {"lr": 0.5}, START)


def condition(*, holds, reason="R", at=START):
    return ConditionRecord(ConditionType.RUNNING, holds, reason, "m", 1, at)


@pytest.mark.parametrize(
    ("before", "after", "transition"),
    [
        pytest.param(True, True, START, id="same-status"),
        pytest.param(True, False, LATER, id="other-status"),
    ],
)
def test_the_transition_time_changes_only_with_the_status(before, after, transition):
    """A new reason or message is no transition."""
    there = {ConditionType.RUNNING: condition(holds=before)}
    new = set_condition(there, condition(holds=after, reason="Other", at=LATER))[ConditionType.RUNNING]
    assert (new.last_transition_time, new.reason) == (transition, "Other")


def test_a_condition_that_was_never_true_is_absent():
    """Only an existing condition is set to False."""
    assert clear_condition({}, condition(holds=False)) == {}


@pytest.mark.parametrize("state", list(TrialState))
@pytest.mark.parametrize("event", list(TrialEvent))
def test_impossible_transitions_are_errors(state, event):
    """The table has all possible transitions. A terminal state has none."""
    trial, change = replace(TRIAL, state=state), StateChange(event, Reason.RETRYING, "m")
    if (state, event) not in TRANSITIONS:
        with pytest.raises(InternalError, match="can't happen"):
            move(trial, change, LATER)
        return
    moved = move(trial, change, LATER)
    assert not state.terminal
    assert (moved.completion_time is not None) == moved.state.terminal
    assert moved.attempt - trial.attempt == (event in (TrialEvent.RETRIED, TrialEvent.RESUMED))


def test_the_status_of_a_trial_is_read_back():
    """It matches the schema, and NaN and rungs are kept."""
    latest = Observation(3, nan, START, {"loss": 0.5})
    best = Observation(1, 0.25, START, {})
    trial = replace(
        TRIAL,
        state=TrialState.RUNNING,
        attempt=2,
        failures=1,
        start_time=START,
        progress=Progress(latest=latest, best=best, curve=((1, 0.25), (3, nan))),
        rungs=(RungRecord(1, 0.25, RungVerdict.CONTINUE, START), RungRecord(3, None, RungVerdict.PAUSE, START)),
        accelerator_seconds=1.5,
    )
    status = trial_status(trial)
    TrialStatus.model_validate({key: value for key, value in status.items() if value is not None}, by_alias=True)
    body = {
        "metadata": {
            "name": "exp-0",
            "namespace": "team",
            "uid": "uid-0",
            "resourceVersion": "5",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "ownerReferences": [{"uid": "uid-exp", "controller": True}],
        },
        "spec": {"experiment": "exp", "index": 0, "parameters": {"lr": 0.5}},
        "status": status,
    }
    again = trial_from(body)
    assert repr(again.progress.latest) == repr(latest)
    assert replace(again, progress=trial.progress, resource_version="") == trial


def stuck(name, blocked, phase=PodPhase.PENDING):
    return PodRecord("team/exp", "uid-0", name, f"uid-{name}", "exp-0", 1, phase, START, blocked=blocked)


QUOTA = BlockReason(Reason.QUOTA_EXCEEDED, "q")
NO_ROOM = BlockReason(Reason.UNSCHEDULABLE, "u")


@pytest.mark.parametrize(
    ("spec", "blocked", "pods", "state", "reason"),
    [
        pytest.param({}, None, [], "Pending", None, id="nothing-yet"),
        pytest.param({}, QUOTA, [], "Blocked", "QuotaExceeded", id="quota"),
        pytest.param({"suspend": True}, QUOTA, [], "Suspended", None, id="quota-and-suspended"),
        pytest.param({}, None, [stuck("a", NO_ROOM)], "Blocked", "Unschedulable", id="unschedulable"),
    ],
)
def test_the_reason_why_no_trial_can_start_is_reported(spec, blocked, pods, state, reason):
    """The condition Blocked quotes the component that reports it. One Event does if there is no Pod for it."""
    world = World(experiment_spec(**spec), lambda *_: None)
    snapshot = Snapshot(world.experiment(), (TRIAL,) if pods else (), {"exp-0": tuple(pods)}, blocked=blocked)
    summary = summary_of(snapshot, START)
    events = [(None, reason, "q")] if reason == QUOTA.reason else []
    assert [(each.trial, each.reason, each.message) for each in summary.events] == events
    status = world.status = {**summary.status}
    assert summary_of(replace(snapshot, experiment=world.experiment()), START).events == ()
    reasons = [
        each["reason"] for each in status["conditions"] if each["type"] == "Blocked" and each["status"] == "True"
    ]
    assert reasons == ([reason] if reason else [])
    assert status["state"] == state


FORBIDDEN = BlockReason(Reason.FORBIDDEN, "may not patch trials")


def partial(*unwritten, blocked=None):
    """Return an execution with failed actions and unwritten trials."""
    return Execution(complete=False, unwritten=frozenset(unwritten), blocked=blocked)


@pytest.mark.parametrize(
    ("execution", "state", "done", "events"),
    [
        pytest.param(Execution(), "Succeeded", "2/2", ["MaxTrialsReached"], id="all-is-written"),
        pytest.param(partial(1, blocked=FORBIDDEN), "Blocked", "1/2", ["Forbidden"], id="one-is-rejected"),
        pytest.param(partial(1), "Running", "1/2", [], id="one-is-retried"),
        pytest.param(partial(blocked=FORBIDDEN), "Blocked", "2/2", ["Forbidden"], id="a-pod-cannot-be-stopped"),
    ],
)
def test_a_status_reports_only_written_trials(execution, state, done, events):
    """A trial whose write failed counts as before, and no completion is reported. A lasting reason is."""
    world = World(experiment_spec(maxTrialCount=2), lambda *_: Program((0.5,)))
    world.execute(world.plan())
    for _ in range(3):
        world.tick()
    summary = world.summary(execution)
    assert (summary.status["state"], summary.status["done"]) == (state, done)
    assert [each.reason for each in summary.events] == events
    world.status = {**summary.status}
    assert world.summary(execution).events == ()


def test_a_complete_experiment_stays_complete():
    """A Pod that cannot be deleted is reported by the condition Blocked."""
    world = World(experiment_spec(maxTrialCount=1, parallelTrialCount=1), lambda *_: Program((0.5,)))
    world.run_until_complete()
    status = world.summary(partial(blocked=FORBIDDEN)).status
    assert (status["state"], status["completionTime"]) == ("Succeeded", world.status["completionTime"])
    assert [each["reason"] for each in status["conditions"] if each["type"] == "Blocked"] == ["Forbidden"]


def test_no_progress_does_not_depend_on_fractions_of_a_second():
    """Stored times have whole seconds and new ones have not. The order of the trials must be the same."""
    spec = experiment_spec(stopWhenNoProgress={"trials": 1}, maxTrialCount=9)
    first, second = (
        replace(
            TRIAL,
            index=index,
            name=f"exp-{index}",
            state=TrialState.SUCCEEDED,
            completion_time=START + timedelta(milliseconds=milliseconds),
            progress=Progress(best=Observation(1, value, START), latest=Observation(1, value, START)),
        )
        for index, value, milliseconds in ((0, 0.5, 700), (1, 0.9, 0))
    )
    experiment = World(spec, lambda *_: Program(())).experiment()
    stored = replace(first, completion_time=START)
    ends = [make_plan(Snapshot(experiment, (each, second)), LATER).ended for each in (first, stored)]
    assert ends[0] == ends[1]


def test_a_long_configuration_is_truncated_for_its_column():
    """A status that violates its schema would be rejected. spec.parameters has the whole configuration."""
    parameters = {f"{'p' * 60}{number:02d}": "x" * 60 for number in range(40)}
    status = trial_status(replace(TRIAL, parameters=parameters))
    assert TrialStatus.model_validate(status).parameters.startswith("p" * 60 + "00=xxx")
