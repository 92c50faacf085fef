"""Simulate trials whose Pods have sidecars."""

import pytest

from support.runs import run_to_end
from support.specs import POD, experiment_spec
from support.world import Program, World
from toprung.api.v1alpha1.trial import TrialState


@pytest.mark.parametrize("exit_code", [0, 1])
def test_a_sidecar_does_not_keep_a_trial_alive(exit_code):
    """The trial ends with its program; then the rest of the Pod is stopped and keeps its logs."""
    spec = experiment_spec(maxTrialCount=2, parallelTrialCount=1)
    world = World(spec, lambda *_: Program((0.5,), exit_code, sidecar=True))
    run_to_end(world)
    state = TrialState.FAILED if exit_code else TrialState.SUCCEEDED
    assert {trial.state for trial in world.trial_records()} == {state}
    assert {pod.outcome.value for pod in world.pod_records()} == {"Failed"}  # ended by its deadline
    assert all(pod.stop_time is not None for pod in world.pod_records())


def test_a_failed_program_is_retried_beside_its_sidecar():
    """The next attempt does not wait for the sidecar, which never ends by itself."""
    spec = experiment_spec(maxTrialCount=1, parallelTrialCount=1, trialTemplate={"retries": 1, "template": POD})
    world = World(spec, lambda _, attempt: Program((0.5,), 2 - attempt, sidecar=True))
    run_to_end(world)
    (trial,) = world.trial_records()
    assert (trial.state, trial.attempt, trial.failures) == (TrialState.SUCCEEDED, 2, 1)


def test_suspend_keeps_the_success_of_an_ended_program():
    """A program that exits with code 0 while its sidecar runs has succeeded, whatever happens to its Pod."""
    world = World(experiment_spec(maxTrialCount=1, parallelTrialCount=1), lambda *_: Program((0.5,), sidecar=True))
    world.execute(world.plan())
    world.tick()
    world.tick(3)
    world.spec = experiment_spec(maxTrialCount=1, parallelTrialCount=1, suspend=True)
    run_to_end(world)
    assert [(trial.state, trial.attempt) for trial in world.trial_records()] == [(TrialState.SUCCEEDED, 1)]
