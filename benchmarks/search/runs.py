"""Runs one contestant with one seed in one setting: all use the same curves and the same virtual time."""

from dataclasses import dataclass
from functools import cache

from comparison import Incumbents
from contestants import GRIDS, LCDB, OURS, RECORDED, SAMPLERS, Source
from peers import PEERS, Oracle, drive

from toprung.seeds import permuted
from toprung.simulate.configuration_source import InOrder, Nearest
from toprung.simulate.simulation import Simulation

STARTS = {"cheap": 1 / 3, "expensive": 5.0}
"""Cost of a start, in mean epochs of the table."""
NEAR, NEARER = 0.005, 0.002
"""The targets: the distance to the best value of the table."""
ORACLE = "oracle"


@dataclass(frozen=True, slots=True)
class Setting:
    """A table, the number of workers, and the cost of a start."""

    table: str
    workers: int
    start: str

    def __str__(self) -> str:
        return f"{self.table}, {self.workers} workers, {self.start} starts"


def order_of(seed: int, size: int) -> tuple[int, ...]:
    """Return the order in which all contestants try the configurations with a seed."""
    return tuple(permuted(seed, size, index) for index in range(size))


@dataclass(frozen=True, slots=True)
class Task:
    """One run of the contestant `name`."""

    setting: Setting
    name: str
    seed: int


@cache
def source(table: str) -> Source:
    """Load a table by name."""
    return (RECORDED | GRIDS | LCDB)[table]()


def stop(task: Task) -> Incumbents:
    """Run a rule of early stopping on the configurations in the order of the seed."""
    used = source(task.setting.table)
    order = order_of(task.seed, len(used.table.curves))
    cost, goal = STARTS[task.setting.start] * used.step, used.best - NEARER
    if task.name in OURS:
        spec = used.spec(task.setting.workers, OURS[task.name], goal)
        return Simulation(spec, used.table, InOrder(order), task.seed, cost).run().incumbents
    oracle = Oracle(used.table, order, used.best - NEAR)
    scheduler = oracle if task.name == ORACLE else PEERS[task.name].create(task.seed, used.last)
    workers = task.setting.workers
    return drive(scheduler, used.table, order, workers=workers, start_cost=cost, target=goal).incumbents


def sample(task: Task) -> Incumbents:
    """Run a sampler with ASHA by promotion."""
    used = source(task.setting.table)
    cost, goal = STARTS[task.setting.start] * used.step, used.best - NEARER
    rule = OURS["toprung asha promotion"]
    spec = used.spec(task.setting.workers, rule, goal, algorithm=SAMPLERS[task.name])
    chooser = Nearest(spec, used.table, task.seed)
    return Simulation(spec, used.table, chooser, task.seed, cost).run().incumbents
