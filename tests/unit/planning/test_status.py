"""Conditions by the Kubernetes conventions, and what a Trial's status carries."""

from dataclasses import replace
from datetime import timedelta
from math import nan

import pytest

from support.specs import experiment_spec
from support.world import START, Program, World
from toprung.api.v1alpha1.conditions import ConditionRecord, ConditionType, Reason
from toprung.api.v1alpha1.trial import TrialState, TrialStatus
from toprung.errors import InternalError
from toprung.metrics.types import Observation, Progress
from toprung.objects.conditions import BlockReason, clear_condition, set_condition
from toprung.objects.pod import PodPhase, PodRecord
from toprung.objects.trial import RungRecord, RungVerdict, TrialRecord, trial_from, trial_status
from toprung.planning.lifecycle import TRANSITIONS, StateChange, TrialEvent, move
from toprung.planning.plan import plan
from toprung.planning.snapshot import Setback, Snapshot

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


def test_what_never_held_is_not_mentioned():
    """Only a condition that is there already is set to False."""
    assert clear_condition({}, condition(holds=False)) == {}


@pytest.mark.parametrize("state", list(TrialState))
@pytest.mark.parametrize("event", list(TrialEvent))
def test_transitions(state, event):
    """What the table does not have can not happen; what has ended stays as it is."""
    trial, change = replace(TRIAL, state=state), StateChange(event, Reason.RETRYING, "m")
    if (state, event) not in TRANSITIONS:
        with pytest.raises(InternalError, match="can't happen"):
            move(trial, change, LATER)
        return
    moved = move(trial, change, LATER)
    assert not state.terminal
    assert (moved.completion_time is not None) == moved.state.terminal
    assert moved.attempt - trial.attempt == (event in (TrialEvent.RETRIED, TrialEvent.RESUMED))


def test_a_trials_status_comes_back_as_it_was():
    """What is written of a running Trial is read back, NaN and rungs included, and keeps to the schema."""
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


def stuck(name, trouble, phase=PodPhase.PENDING):
    return PodRecord("team/exp", "uid-0", name, f"uid-{name}", "exp-0", 1, phase, START, blocked=trouble)


QUOTA = BlockReason(Reason.QUOTA_EXCEEDED, "q")
NO_ROOM = BlockReason(Reason.UNSCHEDULABLE, "u")


@pytest.mark.parametrize(
    ("spec", "trouble", "pods", "state", "reason"),
    [
        pytest.param({}, None, [], "Pending", None, id="nothing-yet"),
        pytest.param({}, QUOTA, [], "Blocked", "QuotaExceeded", id="quota"),
        pytest.param({"suspend": True}, QUOTA, [], "Suspended", None, id="quota-while-suspended"),
        pytest.param({}, None, [stuck("a", NO_ROOM)], "Blocked", "Unschedulable", id="unschedulable"),
    ],
)
def test_what_keeps_trials_from_starting_is_told(spec, trouble, pods, state, reason):
    """Blocked carries the words of who refuses, and so does one Event where there is no Pod to have its own."""
    world = World(experiment_spec(**spec), lambda *_: None)
    snapshot = Snapshot(world.experiment(), (TRIAL,) if pods else (), {"exp-0": tuple(pods)}, blocked=trouble)
    planned = plan(snapshot, None, START)
    told = [(None, reason, "q")] if reason == QUOTA.reason else []
    assert [(each.trial, each.reason, each.message) for each in planned.announcements] == told
    status = world.status = {**planned.status}
    assert plan(replace(snapshot, experiment=world.experiment()), None, START).announcements == ()
    blocked = [
        each["reason"] for each in status["conditions"] if each["type"] == "Blocked" and each["status"] == "True"
    ]
    assert blocked == ([reason] if reason else [])
    assert status["state"] == state


BAR = BlockReason(Reason.FORBIDDEN, "may not patch trials")


@pytest.mark.parametrize(
    ("setback", "state", "done", "told"),
    [
        pytest.param(None, "Succeeded", "2/2", ["MaxTrialsReached"], id="all-is-written"),
        pytest.param(Setback(frozenset({1}), BAR), "Blocked", "1/2", ["Forbidden"], id="one-is-refused"),
        pytest.param(Setback(frozenset({1})), "Running", "1/2", [], id="one-has-to-be-tried-again"),
        pytest.param(Setback(frozenset(), BAR), "Blocked", "2/2", ["Forbidden"], id="a-pod-that-can-not-be-ended"),
    ],
)
def test_a_status_tells_no_more_than_what_is_written(setback, state, done, told):
    """What failed in the pass is not told as done, and neither is the end; why it failed is, where that lasts."""
    world = World(experiment_spec(maxTrialCount=2), lambda *_: Program((0.5,)))
    world.execute(world.plan())
    for _ in range(3):
        world.tick()
    planned = plan(replace(world.snapshot(), setback=setback), None, world.now)
    assert (planned.status["state"], planned.status["done"]) == (state, done)
    assert [each.reason for each in planned.announcements] == told
    world.status = {**planned.status}
    assert plan(replace(world.snapshot(), setback=setback), None, world.now).announcements == ()


def test_an_experiment_that_has_ended_stays_so():
    """Though a Pod of it can not be removed, which is told."""
    world = World(experiment_spec(maxTrialCount=1, parallelTrialCount=1), lambda *_: Program((0.5,)))
    while not world.status.get("completionTime"):
        world.execute(world.plan())
        world.tick()
    status = plan(replace(world.snapshot(), setback=Setback(frozenset(), BAR)), None, world.now).status
    assert (status["state"], status["completionTime"]) == ("Succeeded", world.status["completionTime"])
    assert [each["reason"] for each in status["conditions"] if each["type"] == "Blocked"] == ["Forbidden"]


def test_standing_still_hangs_on_no_fraction_of_a_second():
    """What ended in this pass has its exact time, and whole seconds once it was stored: the order must be the same."""
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
    ends = [plan(Snapshot(experiment, (each, second)), None, LATER).experiment_ended for each in (first, stored)]
    assert ends[0] == ends[1]


def test_a_long_configuration_is_cut_for_the_column():
    """A status that breaks its schema would be refused for ever; spec.parameters has all of it."""
    parameters = {f"{'p' * 60}{number:02d}": "x" * 60 for number in range(40)}
    status = trial_status(replace(TRIAL, parameters=parameters))
    assert TrialStatus.model_validate(status).parameters.startswith("p" * 60 + "00=xxx")
