"""Simulate populations whose trials exploit the best ones."""

import pytest

from support.runs import run_to_end
from support.specs import PBT, experiment_spec
from support.world import Program, World
from toprung.api.v1alpha1.trial import TrialState
from toprung.objects.trial import RungVerdict
from toprung.planning.scoring import evaluation


def population(values, **early_stopping):
    """Return parallel trials that each report one constant value; equal times are evaluated by index."""
    spec = experiment_spec(
        earlyStopping=PBT | early_stopping,
        checkpoint={"volume": {"emptyDir": {}}},
        maxTrialCount=len(values),
        parallelTrialCount=len(values),
    )
    return World(spec, lambda index, _: Program(tuple(values[index] for _ in range(8))))


def test_a_population_copies_from_its_best_trials():
    """The worst trial starts a new attempt with the perturbed parameters of the best one."""
    world = population([0.5, 0.6, 0.7, 0.9, 0.1])
    run_to_end(world)
    *others, worst = world.trial_records()
    assert [(each.resource, each.source, each.attempt) for each in worst.lineage] == [(2, "exp-3", 2)]
    assert worst.current_parameters["lr"] in (0.8 * 0.004, 1.2 * 0.004)
    assert worst.parameters == {"lr": 0.005}
    assert [rung.verdict for rung in worst.rungs] == [RungVerdict.EXPLOIT] + [RungVerdict.CONTINUE] * 3
    assert not any(each.lineage for each in others)
    assert (worst.attempt, worst.failures, worst.disruptions) == (2, 0, 0)
    assert {trial.state for trial in (worst, *others)} == {TrialState.SUCCEEDED}
    assert [event.reason for event in world.events if event.trial is not None] == ["Exploited"]


@pytest.mark.parametrize(
    ("ended", "early_stopping", "level"),
    [
        pytest.param(Program((0.1,), 1), {}, 2, id="failed"),
        pytest.param(Program((0.1,) * 8), {"threshold": {"step": 2, "value": 0.2}}, 4, id="stopped"),
    ],
)
def test_an_ended_trial_is_not_the_worst(ended, early_stopping, level):
    """The worst running trial exploits the best one at its next level."""
    world = population([0.1, 0.9, 0.3], **early_stopping)
    world.program = lambda index, _: (ended, Program((0.9,) * 8), Program((0.3,) * 8))[index]
    run_to_end(world)
    _, best, worst = world.trial_records()
    assert not best.lineage
    assert worst.lineage[0].resource == level


@pytest.mark.parametrize(
    ("alone", "after", "state", "steps"),
    [
        pytest.param({"patience": {"steps": 1}}, 0.1, TrialState.STOPPED, 4, id="patience-restarts"),
        pytest.param({"threshold": {"step": 2, "value": 0.5}}, 0.1, TrialState.STOPPED, 3, id="no-better-after-it"),
        pytest.param({"threshold": {"step": 2, "value": 0.5}}, 0.6, TrialState.SUCCEEDED, 8, id="better-after-it"),
    ],
)
def test_an_exploit_is_evaluated_by_later_reports(alone, after, state, steps):
    """The dropped part of the curve does not stop the trial after it has exploited another."""
    world = population([0.9, 0.1], **alone)
    rising = tuple(0.8 + step / 100 for step in range(8))
    first, second = Program((0.1,) * 8), Program((after,) * 6, first=3)
    world.program = lambda index, attempt: (second if attempt > 1 else first) if index else Program(rising)
    run_to_end(world)
    worst = world.trial_records()[1]
    assert worst.attempt > 1
    assert (worst.state, worst.progress.latest.step) == (state, steps)


def is_complete_after_crashes(world, cuts):
    """Execute plans that crash after so many writes, then a whole one. Return whether the experiment is complete."""
    for cut in (*cuts, None):
        world.execute(world.plan(), cut)
    return "completionTime" in world.status


def test_a_restarted_operator_exploits_alike():
    """Donors and perturbations depend on the records, the seed, the trial and the level only."""
    found = []
    for cuts in ((), (0,), (1, 1, 1), (2, 0, 3)):
        world = population([0.9, 0.8, 0.2, 0.1])
        world.run_until(lambda world=world, cuts=cuts: is_complete_after_crashes(world, cuts))
        found.append([each.lineage for each in world.trial_records()])
    assert any(found[0])
    assert found == [found[0]] * 4


def test_reports_before_an_exploit_do_not_count():
    """Values of the replaced weights are neither the best value nor observations of the sampler."""
    world = population([0.9, 0.1])
    before, after = Program((0.95, *[0.1] * 7)), Program((0.2,) * 6, first=3)
    world.program = lambda index, attempt: (before if attempt == 1 else after) if index else Program((0.3,) * 8)
    run_to_end(world)
    first, second = world.trial_records()
    assert second.lineage[0].source == first.name
    assert (world.status["best"]["trial"], world.status["best"]["value"]) == (first.name, 0.3)
    assert evaluation(second, world.spec).parameters == second.current_parameters != {"lr": 0.002}
    assert evaluation(second, world.spec).score == 0.2
    assert world.trials[second.name]["status"]["parameters"] == f"lr={second.current_parameters['lr']}"


def test_reports_beyond_an_exploit_are_not_evaluated():
    """A trial that exploits at level 2 after step 5 has no record at level 4."""
    world = population([0.9, 0.1])
    world.execute(world.plan())
    world.tick()
    world.tick(5)
    run_to_end(world)
    worst = world.trial_records()[1]
    assert [each.resource for each in worst.lineage] == [5]
    assert [rung.resource for rung in worst.rungs] == [2, 6, 8]


def test_a_failure_counts_beyond_all_that_was_reached():
    """A trial that exploited late has levels without a record; its failure counts at the next level."""
    world = population([0.9, 0.1])
    world.program = lambda index, attempt: Program(((0.9, 0.1)[index],) * (9 - attempt), exit_code=attempt - 1)
    world.execute(world.plan())
    world.tick()
    world.tick(5)
    run_to_end(world)
    worst = world.trial_records()[1]
    verdicts = [(rung.resource, rung.verdict) for rung in worst.rungs]
    assert verdicts == [(2, RungVerdict.EXPLOIT), (6, RungVerdict.CONTINUE), (8, RungVerdict.FAILED)]


def test_a_trial_at_max_resource_does_not_exploit():
    """A trial that is evaluated only after its last step has nothing left to train."""
    world = population([0.9, 0.1])
    world.execute(world.plan())
    world.tick()
    world.tick(9)
    run_to_end(world)
    assert [each.attempt for each in world.trial_records()] == [1, 1]
