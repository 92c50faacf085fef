"""Simulate whole experiments with crashes at any write."""

import math
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.planning_inputs import RULES, programs
from support.runs import ended_by, run_to_end
from support.specs import ASHA, PBT, POD, PROMOTION, experiment_spec
from support.world import Program, World
from toprung.api.v1alpha1.trial import TrialState
from toprung.planning.plan import make_plan

PROGRAMS = programs(exit_codes=[0, 0, 0, 1])


@pytest.mark.parametrize("early_stopping", RULES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_crash_at_any_write_loses_and_repeats_no_trial(early_stopping, data):
    """Every index runs once and the experiment ends, whatever the programs do."""
    first = {index: data.draw(PROGRAMS) for index in range(6)}
    crash_points = data.draw(st.lists(st.integers(0, 12), max_size=40))
    spec = experiment_spec(
        earlyStopping=early_stopping,
        checkpoint={"volume": {"emptyDir": {}}},
        maxTrialCount=6,
        parallelTrialCount=6 if early_stopping == PBT else data.draw(st.integers(1, 6)),
        trialTemplate={"retries": data.draw(st.integers(0, 2)), "template": POD},
    )
    calm = Program((0.5,) * 9)
    world = World(spec, lambda index, attempt: first[index] if attempt < 4 else calm)
    points = iter(crash_points)
    run_to_end(world, lambda: next(points, None))
    assert [trial.index for trial in world.trial_records()] == list(range(6))
    assert all(trial.state.terminal for trial in world.trial_records())
    bests = [trial.progress.best.value for trial in world.trial_records() if trial.progress.best is not None]
    assert all(map(math.isfinite, bests))


LAST = {"objective": {"metric": "acc", "type": "maximize", "strategy": "last"}, "parallelTrialCount": 2}


@pytest.mark.parametrize(
    ("limits", "long", "reason", "trials"),
    [
        pytest.param(
            {"stopWhenNoProgress": {"trials": 3}, "maxTrialCount": 9},
            (0.9,) * 9,
            "NoProgress",
            7,
            id="progress-under-way",
        ),
        pytest.param(
            {"stopWhenNoProgress": {"trials": 3}, "maxTrialCount": 9},
            (0.1,) * 99,
            "NoProgress",
            5,
            id="no-progress-cut-off",
        ),
        pytest.param(
            {"stopWhenNoProgress": {"trials": 3}, "maxTrialCount": 5}, (0.1,) * 99, "NoProgress", 5, id="all-were-made"
        ),
        pytest.param({"maxDuration": "4s"}, (0.9,) * 99, "MaxDurationReached", 2, id="only-cut-off-trials"),
    ],
)
def test_trials_that_end_with_their_experiment_do_not_change_its_reason(limits, long, reason, trials):
    """With the strategy last, a trial counts only after it is cut off; the reason is determined before."""
    spec = experiment_spec(**LAST | {"maxTrialCount": 2} | limits)
    short = (0.5,) * (99 if "maxDuration" in limits else 1)
    world = World(spec, lambda index, _: Program(short if index else long))
    run_to_end(world)
    assert [each["reason"] for each in ended_by(world)] == [reason]
    assert len(world.trials) >= trials


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_an_ended_experiment_stays_ended(data):
    """The reported end does not change, whatever limit is reached first and wherever the operator crashes."""
    goal = {"goal": 0.9} if data.draw(st.booleans()) else {}
    kind, strategy = data.draw(st.sampled_from(["maximize", "minimize"])), data.draw(st.sampled_from(["best", "last"]))
    spec = experiment_spec(
        objective={"metric": "acc", "type": kind, "strategy": strategy, **goal},
        earlyStopping=data.draw(st.sampled_from([None, ASHA, PROMOTION])),
        checkpoint={"volume": {"emptyDir": {}}},
        stopWhenNoProgress=data.draw(st.none() | st.builds(dict, trials=st.integers(1, 4))),
        maxDuration=data.draw(st.sampled_from([None, "3s", "9s"])),
        maxFailedTrialCount=data.draw(st.sampled_from([None, 0, 2])),
        maxTrialCount=7,
        parallelTrialCount=data.draw(st.integers(1, 7)),
    )
    drawn, space = [data.draw(PROGRAMS) for _ in range(7)], data.draw(st.integers(3, 7))
    calm = Program((0.5,) * 9)
    world = World(
        spec,
        lambda index, attempt: drawn[index] if attempt < 4 else calm,
        suggest=lambda index: {"lr": 0.001 * (index + 1)} if index < space else None,
    )
    points = iter(data.draw(st.lists(st.integers(0, 12), max_size=30)))
    run_to_end(world, lambda: next(points, None))
    ends = ended_by(world)
    world.execute(world.plan())
    assert ended_by(world) == ends


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_an_executed_plan_leaves_nothing_to_do(data):
    """A second plan at the same time is empty, except for the actions that new Trials allow."""
    drawn = {index: data.draw(PROGRAMS) for index in range(4)}
    world = World(experiment_spec(earlyStopping=ASHA, maxTrialCount=4), lambda index, _: drawn[index])
    for _ in range(data.draw(st.integers(1, 25))):
        world.execute(world.plan())
        world.tick()
    world.execute(world.plan())
    world.execute(world.plan())  # the second status counts the first one's new Trials
    again = world.plan()
    assert again.chains == ()
    assert not world.summary().events


@pytest.mark.parametrize(
    ("spec", "program", "reason", "state"),
    [
        pytest.param({}, Program((0.5,)), "MaxTrialsReached", "Succeeded", id="all-done"),
        pytest.param(
            {"objective": {"metric": "acc", "type": "maximize", "goal": 0.4}},
            Program((0.1, 0.5), None),
            "GoalReached",
            "Succeeded",
            id="goal-by-a-running-trial",
        ),
        pytest.param(
            {"objective": {"metric": "acc", "type": "minimize", "goal": 0.4}},
            Program((0.9, 0.3), None),
            "GoalReached",
            "Succeeded",
            id="goal-when-minimizing",
        ),
        pytest.param(
            {"maxFailedTrialCount": 1}, Program((0.1,), 1), "MaxFailedTrialsReached", "Failed", id="too-many-failed"
        ),
        pytest.param({"maxDuration": "5s"}, Program((0.1,), None), "MaxDurationReached", "Succeeded", id="time-is-up"),
        pytest.param(
            {"stopWhenNoProgress": {"trials": 3}, "maxTrialCount": 50},
            Program((0.5,)),
            "NoProgress",
            "Succeeded",
            id="still",
        ),
        pytest.param({}, Program((math.nan,)), "NoTrialSucceeded", "Failed", id="nothing-but-nan"),
        pytest.param({}, Program(()), "NoTrialSucceeded", "Failed", id="nothing-reported"),
    ],
)
def test_an_experiment_ends(spec, program, reason, state):
    """A condition reports the reason, and no trial runs afterwards."""
    world = World(experiment_spec(**spec), lambda *_: program)
    run_to_end(world)
    true = {each["type"]: each["reason"] for each in world.status["conditions"] if each["status"] == "True"}
    assert true[state] == reason
    assert "Running" not in true
    assert world.status["state"] == state
    assert [event.reason for event in world.events if event.trial is None] == [reason]


def test_an_exhausted_space_ends_the_experiment():
    """Running trials finish when no configuration is left, and the reason is SearchSpaceExhausted."""
    spec = experiment_spec(maxTrialCount=10)
    world = World(spec, lambda *_: Program((0.5,)), suggest=lambda index: {"lr": 0.1} if index < 3 else None)
    run_to_end(world)
    assert world.status["trials"]["total"] == 3
    assert {each["reason"] for each in world.status["conditions"] if each["type"] == "Succeeded"} == {
        "SearchSpaceExhausted"
    }


HALVING = {"earlyStopping": {"successiveHalving": {"maxResource": 9, "trials": 9}}}


def rungs_of(world):
    """Return the highest rung of each trial."""
    return [max(rung.resource for rung in trial.rungs) for trial in world.trial_records()]


@pytest.mark.parametrize("parallel", [1, 4])
def test_a_batch_continues_without_the_trials_that_an_exhausted_space_lacks(parallel):
    """Of five trials in a batch of nine, three continue from the first rung and one from the next."""
    spec = experiment_spec(
        **HALVING, checkpoint={"volume": {"emptyDir": {}}}, maxTrialCount=18, parallelTrialCount=parallel
    )
    world = World(
        spec,
        lambda index, _: Program((index / 10,) * 9),
        suggest=lambda index: {"lr": 0.001 * (index + 1)} if index < 14 else None,
    )
    run_to_end(world)
    assert rungs_of(world) == [1, 1, 1, 1, 1, 1, 3, 3, 9, 1, 1, 3, 3, 9]
    assert {each["reason"] for each in ended_by(world)} == {"SearchSpaceExhausted"}


def test_a_batch_continues_without_the_trials_that_a_lower_max_trial_count_excludes():
    """The only trial of the second batch runs to the end; the others are never created."""
    fields = {**HALVING, "checkpoint": {"volume": {"emptyDir": {}}}}
    world = World(experiment_spec(**fields, maxTrialCount=18), lambda index, _: Program((index / 10,) * 9))
    world.run_until(lambda: len(world.trials) >= 10)
    world.spec = experiment_spec(**fields, maxTrialCount=9)
    world.run_until(lambda: ended_by(world))
    assert rungs_of(world)[9:] == [9] * (len(world.trials) - 9)


def test_a_batch_waits_while_it_may_be_filled():
    """No trial continues while a restarted operator does not know yet that the space is exhausted."""
    fields = {**HALVING, "checkpoint": {"volume": {"emptyDir": {}}}, "maxTrialCount": 9}
    world = World(
        experiment_spec(**fields),
        lambda index, _: Program((index / 10,) * 9),
        suggest=lambda index: {"lr": 0.1} if index < 5 else None,
    )
    for _ in range(20):
        world.execute(make_plan(replace(world.snapshot(), exhausted=False), world.now))
        world.tick()
    assert {trial.state for trial in world.trial_records()} == {TrialState.PAUSED}
    run_to_end(world)
    assert rungs_of(world) == [1, 1, 3, 3, 9]


def test_a_trial_that_is_paused_at_the_end_has_a_message():
    """The trial is Stopped by the verdict of its rung, and its message names the end of the experiment."""
    checkpoint = {"volume": {"emptyDir": {}}}
    spec = experiment_spec(earlyStopping=PROMOTION, checkpoint=checkpoint, maxTrialCount=2)
    world = World(spec, lambda index, _: Program((0.5 - index / 10,) * 9))
    run_to_end(world)
    worse = world.trials["exp-1"]["status"]
    assert (worse["state"], worse["reason"]) == ("Stopped", "EarlyStopped")
    waits = "acc 0.4 is 2nd of 2 at rung 1, the best continues; paused"
    assert worse["message"] == f"{waits}; stopped because the experiment ended"


@pytest.mark.parametrize(("trials", "side_by_side"), [(1, 1), (2, 1), (2, 2)])
def test_the_best_of_too_few_trials_runs_to_the_end(trials, side_by_side):
    """It pauses alone at the first rung, and continues when no new trial is left."""
    spec = {"maxTrialCount": trials, "parallelTrialCount": side_by_side, "checkpoint": {"volume": {"emptyDir": {}}}}
    world = World(experiment_spec(**spec, earlyStopping=PROMOTION), lambda index, _: Program((0.9 - index / 10,) * 9))
    run_to_end(world)
    leader, *others = world.trial_records()
    assert (leader.state, leader.attempt, leader.progress.latest.step) == (TrialState.SUCCEEDED, 2, 9)
    assert {trial.state for trial in others} <= {TrialState.STOPPED}


def test_raising_max_trial_count_continues():
    """A finished experiment continues with the next index when maxTrialCount is raised."""
    world = World(experiment_spec(maxTrialCount=2), lambda *_: Program((0.5,)))
    run_to_end(world)
    world.spec = experiment_spec(maxTrialCount=4)
    world.execute(world.plan())
    assert world.status["state"] == "Running"
    assert "completionTime" not in world.status
    run_to_end(world)
    assert [trial.index for trial in world.trial_records()] == [0, 1, 2, 3]


def test_suspend_ends_pods_and_resume_runs_the_same_trials():
    """Suspended trials run again as a further attempt, which counts as neither failure nor disruption."""
    slow = Program((0.5,) * 6)
    world = World(experiment_spec(maxTrialCount=2), lambda *_: slow)
    for _ in range(3):
        world.execute(world.plan())
        world.tick()
    world.spec = experiment_spec(maxTrialCount=2, suspend=True)
    for _ in range(6):
        world.execute(world.plan())
        world.tick()
    assert all(pod.ended for pod in world.pod_records())
    assert world.status["state"] == "Suspended"
    world.spec = experiment_spec(maxTrialCount=2)
    run_to_end(world)
    assert [(trial.attempt, trial.failures, trial.disruptions) for trial in world.trial_records()] == [(2, 0, 0)] * 2
    assert {trial.state for trial in world.trial_records()} == {TrialState.SUCCEEDED}


def test_a_pod_that_does_not_stop_is_deleted():
    """A Pod that still runs long after the grace period of its stop is deleted."""
    spec = experiment_spec(maxDuration="3s", maxTrialCount=1, parallelTrialCount=1)
    world = World(spec, lambda *_: Program((0.5,), None), obeys=False)
    for _ in range(90):
        world.execute(world.plan())
        world.tick()
    assert not world.pods


def test_the_grace_period_of_a_pod_begins_when_it_is_stopped():
    """The time of the last report does not matter: it may be old after a downtime."""
    world = World(
        experiment_spec(earlyStopping=PROMOTION, checkpoint={"volume": {"emptyDir": {}}}, parallelTrialCount=1),
        lambda *_: Program((0.5,), None),
    )
    world.execute(world.plan())
    world.tick()
    world.tick(3600)
    world.execute(world.plan())
    assert [trial.state for trial in world.trial_records()] == [TrialState.PAUSED]
    for _ in range(3):
        world.execute(world.plan())
        world.tick()
    assert world.pods["exp-0-1"]["status"]["reason"] == "DeadlineExceeded"


@pytest.mark.parametrize(
    ("keep", "left"),
    [
        pytest.param("all", {"exp-0-1", "exp-1-1"}, id="all"),
        pytest.param("failed", {"exp-1-1"}, id="failed"),
        pytest.param("none", set(), id="none"),
    ],
)
def test_pod_retention(keep, left):
    """podRetention.keep decides which ended Pods stay, with and without the ttl."""
    spec = experiment_spec(maxTrialCount=2, podRetention={"keep": keep, "ttl": "1m"})
    world = World(spec, lambda index, _: Program((0.5,), index))
    run_to_end(world)
    world.execute(world.plan())
    assert set(world.pods) == left
    world.tick(61)
    world.execute(world.plan())
    assert not world.pods


def test_a_short_trial_costs_three_writes():
    """The writes are Trial, Pod and final status; a Running state that lasts less than a second is not written."""
    world = World(experiment_spec(maxTrialCount=1, parallelTrialCount=1), lambda *_: Program((0.5,)))
    run_to_end(world)
    assert world.writes == 3


@pytest.mark.parametrize(
    ("min_delta", "made"),
    [pytest.param(0.0, 8, id="any-progress-counts"), pytest.param(0.05, 4, id="too-small-to-count")],
)
def test_progress_is_more_than_min_delta(min_delta, made):
    """Trials that improve by less than minDelta do not keep an experiment going."""
    values = [0.5, 0.51, 0.52, 0.53, 0.54, 0.54, 0.54, 0.54, 0.54, 0.54]
    spec = experiment_spec(
        maxTrialCount=10, parallelTrialCount=1, stopWhenNoProgress={"trials": 3, "minDelta": min_delta}
    )
    world = World(spec, lambda index, _: Program((values[index],)))
    run_to_end(world)
    assert len(world.trials) == made
