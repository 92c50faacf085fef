"""The simulator, held against the planner that the operator runs."""

from math import isfinite

import pytest

from support.curves import RULES, STEPS, spec, table
from toprung.api.v1alpha1.trial import TrialState
from toprung.early_stopping import Decision, RungResult, stopper_for
from toprung.planning.actions import Plan
from toprung.planning.plan import plan_by
from toprung.planning.snapshot import Snapshot
from toprung.simulate.configuration_source import InOrder, Nearest
from toprung.simulate.simulation import Simulation

ALL = tuple(range(30))


class Naive(Simulation):
    """Makes a pass after every report, from all Trials, with a rule built anew: what the operator does."""

    def _matters(self, **_) -> bool:
        return True

    def _seen(self) -> set[int]:
        return set(self._trials)

    def _pass(self) -> Plan:
        return plan_by(self._fresh_stopper(), self._observe(), self._time(self._now))


def told(run):
    """What must not differ between two simulations: the life of every trial, and when all was over."""
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
def test_seeing_less_changes_nothing(rule, seed, changes):
    """Passes left out and Trials out of sight decide nothing: the operator's full passes give the same runs."""
    made = [kind(spec(rule, **changes), table(seed), InOrder(ALL), seed, 0.5).run() for kind in (Simulation, Naive)]
    assert told(made[0]) == told(made[1])


@pytest.mark.parametrize("rule", ["stopping", "promotion", "hyperband"])
def test_a_pass_sees_whom_it_is_about(rule):
    """Who has reached a rung or its end, a few more once nothing new is left, and all at the end: passes cost no more."""
    seen = []

    class Watched(Simulation):
        def _observe(self) -> Snapshot:
            snapshot = super()._observe()
            seen.append((snapshot.experiment.created_count, len(snapshot.trials)))
            return snapshot

    Watched(spec(rule, parallelTrialCount=9), table(0), InOrder(ALL), 0).run()
    assert seen.pop() == (27, 27)
    assert max(trials for _, trials in seen) < 9
    assert rule != "stopping" or {trials for made, trials in seen if made < 27} == {0, 1}


@pytest.mark.parametrize("algorithm", ["random", "tpe", "qmc"])
def test_samplers_are_asked_alike(algorithm):
    """What samplers hear does not depend on passes left out either."""
    wanted = spec("promotion", algorithm={"seed": 3, algorithm: {}})
    made = [kind(wanted, table(1), Nearest(wanted, table(1), 3), 3, 0.5).run() for kind in (Simulation, Naive)]
    assert told(made[0]) == told(made[1])
    assert len(set(made[0].rows.values())) == 27


@pytest.mark.parametrize("rule", RULES)
def test_a_seed_gives_the_same_run(rule):
    """Nothing but the arguments decides."""
    wanted = spec(rule, algorithm={"tpe": {}})
    first, again = (Simulation(wanted, table(5), Nearest(wanted, table(5), 7), 7, 0.1).run() for _ in range(2))
    assert told(first) == told(again)


def test_one_worker_by_hand():
    """With one worker, times add up: each trial pays its start, and stops where the rule says so."""
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


def test_a_promoted_trial_goes_on_where_it_paused():
    """No step is trained twice, each resumption pays a start, and who waits at the end counts as stopped."""
    run = Simulation(spec("promotion"), table(3), InOrder(ALL), 0, 0.5).run()
    assert run.starts == sum(trial.attempt for trial in run.trials) > len(run.trials)
    assert run.steps == sum(trial.progress.latest.step for trial in run.trials)
    assert {trial.state for trial in run.trials} == {TrialState.STOPPED, TrialState.SUCCEEDED}
    assert all(trial.progress.latest.step == STEPS for trial in run.trials if trial.state is TrialState.SUCCEEDED)


def test_an_exhausted_table_ends_the_experiment():
    """There are no more trials than rows."""
    run = Simulation(spec("none", maxTrialCount=99), table(0), InOrder(ALL[:5]), 0).run()
    assert (len(run.trials), run.reason) == (5, "SearchSpaceExhausted")
