"""An operator that was down decides as if it had been up."""

from dataclasses import replace

import pytest

from support.specs import experiment_spec
from support.world import Program, World
from toprung.planning.actions import CreatePod, CreateTrial, StopPod

SLOW = (0.1,) * 7 + (0.9,)  # the best value at second 8, when the program ends


def run(values, downtime=(), *, seconds=60, **spec):
    """Reconcile every second, except in the seconds of the downtime."""
    world = World(experiment_spec(**spec), lambda *_: Program(values))
    for second in range(seconds):
        if second not in downtime:
            world.execute(world.plan())
        world.tick()
    return world


def outcome(world):
    best = world.status["best"]
    ends = {each["reason"] for each in world.status["conditions"] if each["type"] == "Finished"}
    return ends, best["value"], best["step"], [(t.state, t.progress.latest.step) for t in world.trial_records()]


@pytest.mark.parametrize(
    ("spec", "values", "reason"),
    [
        pytest.param({"maxDuration": "20s", "maxTrialCount": 2}, SLOW, "MaxTrialsReached", id="ended-in-time"),
        pytest.param({"maxDuration": "5s", "maxTrialCount": 2}, SLOW, "MaxDurationReached", id="ended-too-late"),
        pytest.param({"maxDuration": "20s", "maxTrialCount": 2}, (0.1,) * 99, "MaxDurationReached", id="still-runs"),
        pytest.param(
            {
                "maxDuration": "20s",
                "maxTrialCount": 2,
                "objective": {"metric": "acc", "type": "maximize", "goal": 0.8},
            },
            SLOW,
            "GoalReached",
            id="goal",
        ),
    ],
)
def test_a_downtime_changes_no_result(spec, values, reason):
    """Events before the deadline count whenever they are read; later events do not count."""
    undisturbed, interrupted = run(values, **spec), run(values, range(4, 30), **spec)
    assert outcome(interrupted) == outcome(undisturbed)
    assert outcome(interrupted)[0] == {reason}


def test_trials_that_ended_in_a_downtime_keep_their_values():
    """Trials that ended before the deadline are Succeeded with their values, and no further trial is created."""
    world = run(SLOW, range(4, 30), maxDuration="20s", maxTrialCount=8, parallelTrialCount=4)
    reasons, value, _, trials = outcome(world)
    assert (reasons, value, trials) == ({"MaxDurationReached"}, 0.9, [("Succeeded", 8)] * 4)


@pytest.mark.parametrize(
    ("values", "unread"),
    [
        pytest.param(SLOW, {"drained": False}, id="ended-not-drained"),
        pytest.param(SLOW, None, id="ended-no-follower-yet"),
        pytest.param((0.1,) * 99, None, id="running-no-follower-yet"),
        pytest.param((0.1,) * 99, {"caught_up": False}, id="running-not-caught-up"),
    ],
)
def test_no_limit_is_checked_before_all_logs_are_read(values, unread):
    """No trial stops or starts until all logs are read; a Pod without a follower is not read."""
    world = World(experiment_spec(maxDuration="20s", maxTrialCount=8), lambda *_: Program(values))
    for _ in range(4):
        world.execute(world.plan())
        world.tick()
    world.tick(26)
    world.tick(1)
    snapshot = world.snapshot()
    followed = snapshot.collected if unread is not None else {}
    collected = {uid: replace(each, **unread) for uid, each in followed.items()}
    read = world.plan()
    unread_snapshot = replace(snapshot, collected=collected)
    world.snapshot = lambda: unread_snapshot
    waiting = world.plan()
    actions = [action for chain in waiting.chains for action in chain]
    assert (read.ended is not None, waiting.ended is not None) == (True, False)
    assert not [each for each in actions if isinstance(each, StopPod | CreatePod | CreateTrial)]


def test_a_trial_ends_when_its_pod_ends():
    """The completion time is that of the Pod, however late the operator reads it."""
    undisturbed, interrupted = run(SLOW, maxTrialCount=2), run(SLOW, range(4, 30), maxTrialCount=2)
    ends = [[trial.completion_time for trial in world.trial_records()] for world in (undisturbed, interrupted)]
    assert ends[0] == ends[1]


@pytest.mark.parametrize("writes", range(2, 8))
def test_no_event_of_a_trial_is_lost_in_a_crash(writes):
    """An Event is emitted before the write that records its cause, with the same key in every attempt."""
    world = World(experiment_spec(maxTrialCount=2), lambda *_: Program((0.5,), 3))
    for _ in range(8):
        world.execute(world.plan(), writes)
        world.tick()
    world.execute(world.plan())
    world.execute(world.plan())
    failures = {(each.trial.name, each.key) for each in world.events if each.trial and each.reason == "ProgramFailed"}
    assert failures == {(f"exp-{index}", "attempt-1") for index in range(2)}
