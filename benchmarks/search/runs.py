"""One run of a contest: who, with which seed, on what; everybody on the same curves in the same virtual time."""

from dataclasses import dataclass
from functools import cache

from comparison import Incumbents
from contestants import GRIDS, LCDB, OURS, RECORDED, SAMPLERS, Source
from peers import PEERS, Oracle, drive

from toprung.search.seeds import permuted
from toprung.simulate.configuration_source import InOrder, Nearest
from toprung.simulate.simulation import Simulation

STARTS = {"cheap": 1 / 3, "dear": 5.0}
"""What a start costs, in epochs of the table's mean length."""
NEAR, NEARER = 0.005, 0.002
"""The targets: this much below the table's best."""
ORACLE = "oracle"


@dataclass(frozen=True, slots=True)
class Setting:
    """What all contestants run in."""

    table: str
    workers: int
    start: str

    def __str__(self) -> str:
        return f"{self.table}, {self.workers} workers, {self.start} starts"


def order_of(seed: int, size: int) -> tuple[int, ...]:
    """Give the order in which everybody tries the configurations with that seed."""
    return tuple(permuted(seed, size, index) for index in range(size))


@dataclass(frozen=True, slots=True)
class Task:
    """One run: who, with which seed, on what."""

    setting: Setting
    name: str
    seed: int


@cache
def source(table: str) -> Source:
    return (RECORDED | GRIDS | LCDB)[table]()


def stop(task: Task) -> Incumbents:
    """Run a rule of early stopping, on the configurations in the order of the seed."""
    played = source(task.setting.table)
    order = order_of(task.seed, len(played.table.curves))
    cost, goal = STARTS[task.setting.start] * played.step, played.best - NEARER
    if task.name in OURS:
        spec = played.spec(task.setting.workers, OURS[task.name], goal)
        return Simulation(spec, played.table, InOrder(order), task.seed, cost).run().incumbents
    knows = Oracle(played.table, order, played.best - NEAR)
    scheduler = knows if task.name == ORACLE else PEERS[task.name].create(task.seed, played.last)
    workers = task.setting.workers
    return drive(scheduler, played.table, order, workers=workers, start_cost=cost, target=goal).incumbents


def sample(task: Task) -> Incumbents:
    """Run a sampler with ASHA, by promotion."""
    played = source(task.setting.table)
    cost, goal = STARTS[task.setting.start] * played.step, played.best - NEARER
    rule = OURS["toprung asha promotion"]
    spec = played.spec(task.setting.workers, rule, goal, algorithm=SAMPLERS[task.name])
    chooser = Nearest(spec, played.table, task.seed)
    return Simulation(spec, played.table, chooser, task.seed, cost).run().incumbents
