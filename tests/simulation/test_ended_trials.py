"""No trial waits for trials that ended before their next rung without a failure."""

from dataclasses import replace
from datetime import timedelta

import pytest

from support.runs import run_to_end
from support.specs import experiment_spec
from support.world import Program, World
from toprung.api.v1alpha1.trial import TrialState
from toprung.objects.trial import RungVerdict

HALVING = {"successiveHalving": {"minResource": 3, "maxResource": 9, "trials": 3}}


def rising(start):
    """Return a program that neither threshold nor patience stops."""
    return Program(tuple(start + step / 100 for step in range(9)))


def batch(third, **early_stopping):
    """Return a batch of three parallel trials: the first is the best, the third may not reach its rung."""
    spec = experiment_spec(
        earlyStopping=HALVING | early_stopping,
        checkpoint={"volume": {"emptyDir": {}}},
        maxTrialCount=3,
        parallelTrialCount=3,
    )
    return World(spec, lambda index, _: (rising(0.6), rising(0.5), third)[index])


def reached(world):
    return [trial.progress.latest.step for trial in world.trial_records()]


@pytest.mark.parametrize(
    ("third", "early_stopping", "state", "steps"),
    [
        pytest.param(
            Program((0.1,) * 9), {"threshold": {"step": 1, "value": 0.5}}, TrialState.STOPPED, 1, id="threshold"
        ),
        pytest.param(Program((0.1,) * 9), {"patience": {"steps": 1}}, TrialState.STOPPED, 2, id="patience"),
        pytest.param(Program((0.1,)), {}, TrialState.SUCCEEDED, 1, id="ended-by-itself"),
        pytest.param(Program((0.1,), 1), {}, TrialState.FAILED, 1, id="failed"),
    ],
)
def test_a_batch_does_not_wait_for_trials_that_have_ended(third, early_stopping, state, steps):
    """The best trial continues to the end once all trials that can still reach its rung have reached it."""
    world = batch(third, **early_stopping)
    run_to_end(world)
    assert reached(world) == [9, 3, steps]
    assert world.trial_records()[2].state is state


def test_a_higher_rung_does_not_wait_for_trials_that_ended_before_it():
    """The best trial of nine ends between two rungs; the next best continues to the end."""
    spec = experiment_spec(
        earlyStopping={"successiveHalving": {"maxResource": 9, "trials": 9}},
        checkpoint={"volume": {"emptyDir": {}}},
        maxTrialCount=9,
        parallelTrialCount=9,
    )
    world = World(spec, lambda index, _: Program((0.9 - index / 10,) * (9 if index else 2)))
    run_to_end(world)
    assert reached(world) == [2, 9, 3] + [1] * 6


def test_a_batch_does_not_wait_for_deleted_trials():
    """A deleted Trial has no records and reaches no rung."""
    world = batch(Program((0.1,), None))
    for _ in range(4):
        world.execute(world.plan())
        world.tick()
    del world.trials["exp-2"], world.pods["exp-2-1"]
    run_to_end(world)
    assert reached(world) == [9, 3]


def test_an_experiment_that_continues_completes_its_batches():
    """A trial that the end stopped while it waited keeps its place and reaches no further rung; the others continue."""
    spec = {"maxTrialCount": 9, "parallelTrialCount": 4, "checkpoint": {"volume": {"emptyDir": {}}}}
    spec |= {"earlyStopping": {"successiveHalving": {"maxResource": 9, "trials": 9}}}
    values = (0.9, 0.5, 0.1, 0.6, 0.2, 0.7, 0.3, 0.8, 0.4)
    world = World(experiment_spec(**spec, maxDuration="2s"), lambda index, _: rising(values[index]))
    run_to_end(world)
    assert [trial.rungs[-1].verdict for trial in world.trial_records()] == [RungVerdict.PAUSE] * 4
    world.spec = experiment_spec(**spec)
    world.execute(world.plan())
    run_to_end(world)
    assert reached(world)[4:] == [1, 3, 1, 9, 1]


def obedient(start):
    """Return a program that ends at once when it is stopped, and reports nothing more."""
    return replace(rising(start), grace=timedelta())


def test_a_paused_trial_is_promoted_after_more_trials_are_allowed():
    """Trials that waited at the first end do not count as continued, so one more of fifteen may continue."""
    values = (*(0.9 - index / 10 for index in range(9)), 0.55, *[0.01] * 8)
    spec = {"parallelTrialCount": 1, "checkpoint": {"volume": {"emptyDir": {}}}}
    spec |= {"earlyStopping": {"asha": {"maxResource": 9, "variant": "promotion", "rungSkew": 0}}}
    world = World(experiment_spec(**spec, maxTrialCount=9), lambda index, _: obedient(values[index]))
    run_to_end(world)
    world.spec = experiment_spec(**spec, maxTrialCount=18)
    world.execute(world.plan())
    run_to_end(world)
    made = {pod.name: pod.created for pod in world.pod_records()}
    assert made["exp-9-2"] < made["exp-17-1"]


@pytest.mark.parametrize("first", [1, 3], ids=["while-it-waits", "as-it-comes"])
def test_a_trial_that_would_be_stopped_at_once_is_not_promoted(first):
    """Patience ends the trial at step 3, whether it pauses at that step or its Pod is still ending after a pause."""
    early_stopping = {
        "asha": {"minResource": first, "maxResource": 9, "variant": "promotion"},
        "patience": {"steps": 2},
    }
    spec = experiment_spec(earlyStopping=early_stopping, checkpoint={"volume": {"emptyDir": {}}}, parallelTrialCount=1)
    world = World(spec, lambda index, _: Program((0.5,) * 9) if index == 0 else rising(0.4 - index / 100))
    run_to_end(world)
    flat = world.trial_records()[0]
    assert (flat.state, flat.attempt, flat.progress.latest.step) == (TrialState.STOPPED, 1, 3)
    assert [rung.verdict for rung in flat.rungs] == [RungVerdict.PAUSE]
