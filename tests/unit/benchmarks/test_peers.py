"""Both simulations keep the same virtual time, on the same configurations in the same order."""

from dataclasses import dataclass, field

import pytest
from contestants import GRIDS, OURS, RECORDED
from peers import NoStopping, Oracle, drive
from runs import order_of

from toprung.early_stopping import Decision, RungResult, Stopper, stopper_for
from toprung.search.space import Space
from toprung.simulate.configuration_source import InOrder
from toprung.simulate.simulation import Simulation

TABLES = pytest.mark.parametrize("name", list(RECORDED))


@dataclass
class Ours:
    """A rule of TopRung behind the interface of the peers."""

    rule: Stopper
    added: list[int] = field(default_factory=list)

    def add(self, index):
        self.added.append(index)

    def continues(self, index, step, value):
        bracket = self.rule.bracket(index)
        if step not in self.rule.levels(bracket):
            return True
        arrival = RungResult(bracket, step, index, value)
        self.rule.record(arrival)
        return self.rule.decide(arrival).outcome is Decision.CONTINUE

    def complete(self, index, step, value):
        self.continues(index, step, value)


@pytest.mark.parametrize("name", [*RECORDED, *GRIDS])
def test_table_has_complete_curves(name):
    """At least 300 configurations of 27 epochs, each with its seconds."""
    table = (RECORDED | GRIDS)[name]().table
    assert len(table.curves) >= 300
    assert {(len(curve.values), len(curve.seconds)) for curve in table.curves} == {(27, 27)}
    assert min(second for curve in table.curves for second in curve.seconds) > 0


@pytest.mark.parametrize("name", GRIDS)
def test_grid_has_every_combination(name):
    """The table of a finite space has one row for each configuration."""
    source = GRIDS[name]()
    space = Space.of(source.spec(1, OURS["toprung median"], 1).parameters)
    keys = {space.key(curve.parameters) for curve in source.table.curves}
    assert len(keys - {None}) == len(source.table.curves) == space.size


@TABLES
@pytest.mark.parametrize("workers", [4, 25])
def test_both_simulations_agree_on_a_rule(name, workers):
    """ASHA by stopping has the same incumbents at the same times by the operator's planner and by drive()."""
    source, cost = RECORDED[name](), 0.1
    order = order_of(7, len(source.table.curves))
    spec = source.spec(workers, OURS["toprung asha stopping"], source.best)
    rule = stopper_for(spec.early_stopping, 7, checkpoint=True)
    driven = drive(Ours(rule), source.table, order[: spec.max_trial_count], workers=workers, start_cost=cost)
    ours = Simulation(spec, source.table, InOrder(order), 7, cost).run().incumbents
    assert len(ours) > 5
    assert [value for _, value in ours] == [value for _, value in driven.incumbents[: len(ours)]]
    assert [moment for moment, _ in ours] == pytest.approx([moment for moment, _ in driven.incumbents[: len(ours)]])


@TABLES
def test_oracle_is_faster_than_no_stopping(name):
    """The oracle finds the best value, and trains one epoch of each other configuration."""
    source = RECORDED[name]()
    order = order_of(0, len(source.table.curves))
    oracle = drive(Oracle(source.table, order, source.best), source.table, order, workers=4, start_cost=0)
    every = drive(NoStopping(), source.table, order, workers=4, start_cost=0)
    assert oracle.time_to(source.best) < every.time_to(source.best)
    assert oracle.incumbents[-1][1] == every.incumbents[-1][1] == source.best
    assert every.steps == 27 * len(order)
    worth = sum(max(curve.values) >= source.best for curve in source.table.curves)
    assert oracle.steps == len(order) + 26 * worth
