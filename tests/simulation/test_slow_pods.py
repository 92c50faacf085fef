"""Simulate population based training where a Pod takes longer to start than an epoch lasts."""

from datetime import timedelta

import pytest

from support.runs import run_to_end
from support.specs import PBT, experiment_spec
from support.world import Program, World
from toprung.api.v1alpha1.trial import TrialState
from toprung.planning.scoring import evaluation

SPEED = 0.1
"""Improvement of the weights by one epoch, times (index + 1)."""


class Resuming:
    """Programs that train one epoch a second, from the checkpoint that exists when their Pod starts."""

    def __init__(self, max_resource):
        self.max_resource = max_resource
        self.world = None
        self.begun = {}
        self.trained = {}

    def __call__(self, index, attempt):
        if (index, attempt) not in self.begun:
            self.begun[index, attempt] = self.begin(index, attempt)
        return self.begun[index, attempt]

    def begin(self, index, attempt):
        trial = self.world.trial_records()[index]
        source, earlier = index, [number for trial_index, number in self.begun if trial_index == index]
        if trial.lineage and trial.lineage[-1].attempt > max(earlier, default=0):
            source = int(trial.lineage[-1].source.rpartition("-")[2])
        epoch, weights = self.checkpoint(source)
        end = self.max_resource + trial.step_offset
        values = tuple(weights + SPEED * (index + 1) * done for done in range(1, end - epoch + 1))
        self.trained[index, attempt] = len(values)
        return Program(values, first=epoch + 1)

    def checkpoint(self, index):
        """Return the epoch and the weights that a trial has saved by now."""
        attempts = [attempt for begun, attempt in self.begun if begun == index]
        if not attempts:
            return 0, 0.0
        program = self.begun[index, max(attempts)]
        pod = next(pod for pod in self.world.pod_records() if pod.name == f"exp-{index}-{max(attempts)}")
        done = min(len(program.values), int(((pod.finished or self.world.now) - pod.started).total_seconds()))
        before = self.begun[index, max(attempts)].values[done - 1] if done else 0.0
        return program.first - 1 + done, before


def population(delay):
    spec = experiment_spec(
        earlyStopping=PBT, checkpoint={"volume": {"emptyDir": {}}}, maxTrialCount=4, parallelTrialCount=4
    )
    programs = Resuming(8)
    programs.world = World(spec, programs, start_delay=timedelta(seconds=delay))
    return programs.world, programs


@pytest.mark.parametrize("delay", [1, 3, 5, 7, 40])
def test_a_trial_trains_after_an_exploit_however_late_its_pod_starts(delay):
    """It trains to maxResource, even if the checkpoint was complete when it was copied."""
    world, programs = population(delay)
    run_to_end(world)
    trials = world.trial_records()
    assert any(trial.lineage for trial in trials)
    assert [(trial.state, trial.progress.latest.step) for trial in trials] == [(TrialState.SUCCEEDED, 8)] * 4
    assert all(programs.trained[trial.index, trial.attempt] > 0 for trial in trials)


@pytest.mark.parametrize("delay", [1, 5, 40])
def test_values_describe_the_current_parameters(delay):
    """Values from before an exploit are neither the best value nor observations of the sampler."""
    world, programs = population(delay)
    run_to_end(world)
    trials = world.trial_records()
    last = [programs.begun[trial.index, trial.attempt] for trial in trials]
    assert [trial.progress.best.value for trial in trials] == [max(each.values) for each in last]
    learned = [evaluation(trial, world.spec).parameters for trial in trials]
    assert learned == [trial.current_parameters for trial in trials]


def test_an_exploit_of_a_complete_checkpoint_is_extended_once():
    """The trial gets as many epochs as it had left, and its own step count continues."""
    world, programs = population(40)
    run_to_end(world)
    exploiting = [trial for trial in world.trial_records() if trial.lineage]
    assert exploiting
    assert sum(event.reason == "CheckpointComplete" for event in world.events) == len(exploiting)
    left = [[8 - entry.resource for entry in trial.lineage] for trial in exploiting]
    assert [[entry.extended for entry in trial.lineage] for trial in exploiting] == left
    assert [[programs.trained[trial.index, trial.attempt]] for trial in exploiting] == left
    counts = [(trial.attempt, trial.failures, trial.disruptions) for trial in exploiting]
    assert counts == [(3, 0, 0)] * len(exploiting)
    assert [[rung.resource for rung in trial.rungs] for trial in exploiting] == [[2, 4, 6, 8]] * len(exploiting)
