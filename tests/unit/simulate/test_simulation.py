"""Check the decisions, times and snapshots of simulated runs."""

from math import isfinite

import pytest

from support.curves import RULES, STEPS, spec, table
from toprung.api.v1alpha1.trial import TrialState
from toprung.early_stopping import Decision, RungResult, stopper_for
from toprung.planning.snapshot import Snapshot
from toprung.simulate.configuration_source import InOrder, Nearest
from toprung.simulate.simulation import Simulation

ALL = tuple(range(30))


class PlansAtEveryReport(Simulation):
    """Plans after every report, also after one that crosses no rung."""

    def _needs_plan(self, **_) -> bool:
        return True


def history(run):
    """Return the parts that must be equal in two runs: the history of every trial and the end of the experiment."""
    trials = [
        (
            trial.index,
            (trial.state, trial.message, trial.attempt),
            [(rung.resource, rung.verdict, rung.time) for rung in trial.rungs],
        )
        for trial in run.trials
    ]
    return trials, run.incumbents, run.rows, run.seconds, run.steps, run.starts, run.reason


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="to-the-end"),
        pytest.param({"objective": {"metric": "acc", "type": "maximize", "goal": 0.9}}, id="goal"),
        pytest.param(
            {"objective": {"metric": "acc", "type": "maximize", "strategy": "last", "goal": 0.8}}, id="goal-by-the-last"
        ),
        pytest.param({"maxDuration": "40s"}, id="max-duration"),
        pytest.param({"maxTrialCount": 99}, id="more-trials-than-rows"),
        pytest.param({"stopWhenNoProgress": {"trials": 6}}, id="no-progress"),
        pytest.param(
            {
                "objective": {"metric": "acc", "type": "maximize", "strategy": "last"},
                "stopWhenNoProgress": {"trials": 4},
            },
            id="no-progress-by-the-last",
        ),
        pytest.param({"parallelTrialCount": 9}, id="9-workers"),
    ],
)
def test_a_plan_at_every_report_decides_the_same(rule, seed, changes):
    """A report after which the simulation does not plan leaves nothing to decide."""
    made = [
        kind(spec(rule, **changes), table(seed), InOrder(ALL), seed, 0.5).run()
        for kind in (Simulation, PlansAtEveryReport)
    ]
    assert history(made[0]) == history(made[1])


@pytest.mark.parametrize("rule", ["stopping", "promotion", "hyperband"])
def test_every_snapshot_is_complete(rule):
    """The planner receives all trials and all of their running Pods."""
    snapshots = []

    class Watched(Simulation):
        def _snapshot(self) -> Snapshot:
            snapshots.append(super()._snapshot())
            return snapshots[-1]

    Watched(spec(rule, parallelTrialCount=9), table(0), InOrder(ALL), 0).run()
    running = [{trial.name for trial in each.trials if trial.state is TrialState.RUNNING} for each in snapshots]
    assert [len(each.trials) for each in snapshots] == [each.experiment.created_count for each in snapshots]
    assert all(names <= each.pods.keys() for names, each in zip(running, snapshots, strict=True))


@pytest.mark.parametrize("algorithm", ["random", "tpe", "qmc"])
def test_suggestions_do_not_depend_on_the_number_of_plans(algorithm):
    """A plan at every report leads to the same suggest requests."""
    wanted = spec("promotion", algorithm={"seed": 3, algorithm: {}})
    made = [
        kind(wanted, table(1), Nearest(wanted, table(1), 3), 3, 0.5).run() for kind in (Simulation, PlansAtEveryReport)
    ]
    assert history(made[0]) == history(made[1])
    assert len(set(made[0].rows.values())) == 27


@pytest.mark.parametrize("rule", RULES)
def test_a_seed_gives_the_same_run(rule):
    """A run is a function of its arguments."""
    wanted = spec(rule, algorithm={"tpe": {}})
    first, again = (Simulation(wanted, table(5), Nearest(wanted, table(5), 7), 7, 0.1).run() for _ in range(2))
    assert history(first) == history(again)


def test_one_worker_by_hand():
    """With one worker the times add up: each trial has its start cost and stops where the rule decides so."""
    wanted, curves = spec("stopping", parallelTrialCount=1, maxTrialCount=9), table(2)
    run = Simulation(wanted, curves, InOrder(ALL), 0, 0.5).run()
    rule, seconds, steps = stopper_for(wanted.early_stopping, 0), 0.0, 0
    for index in range(9):
        seconds += 0.5
        for step, (value, spent) in enumerate(
            zip(curves.curves[index].values, curves.curves[index].seconds, strict=True), start=1
        ):
            seconds, steps = seconds + spent, steps + 1
            if step in rule.levels(0):
                result = RungResult(0, step, index, value if isfinite(value) else float("-inf"))
                rule.record(result)
                if rule.decide(result).outcome is not Decision.CONTINUE:
                    break
    assert (run.steps, run.starts) == (steps, 9)
    assert run.seconds == pytest.approx(seconds)


def test_a_promoted_trial_resumes_where_it_paused():
    """No step is trained twice, each attempt has a start cost, and a trial that is paused at the end is stopped."""
    run = Simulation(spec("promotion"), table(3), InOrder(ALL), 0, 0.5).run()
    assert run.starts == sum(trial.attempt for trial in run.trials) > len(run.trials)
    assert run.steps == sum(trial.progress.latest.step for trial in run.trials)
    assert {trial.state for trial in run.trials} == {TrialState.STOPPED, TrialState.SUCCEEDED}
    assert all(trial.progress.latest.step == STEPS for trial in run.trials if trial.state is TrialState.SUCCEEDED)


def test_an_exhausted_table_ends_the_experiment():
    """There are no more trials than rows."""
    run = Simulation(spec("none", maxTrialCount=99), table(0), InOrder(ALL[:5]), 0).run()
    assert (len(run.trials), run.reason) == (5, "SearchSpaceExhausted")
