"""A contest: everybody on the same recorded curves, by the same seeds, in the same virtual time, on all cores."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from time import perf_counter
from typing import TypeVar

import click
import torch
from comparison import Incumbents, time_to
from contestants import GRIDS, LCDB, OURS, RECORDED, SAMPLERS, Source
from peers import PEERS, Oracle, drive
from rich.progress import track

from toprung.search.seeds import permuted
from toprung.simulate.choosing import InOrder, Nearest
from toprung.simulate.simulation import Simulation

STARTS = {"cheap": 1 / 3, "dear": 5.0}
"""What a start costs, in epochs of the table's mean length."""
WORKERS = (4, 25)
NEAR, NEARER = 0.005, 0.002
"""The targets: this much below the table's best."""
REFERENCE = "ray asha"
ORACLE = "oracle"
LARGE = 1000
"""Tables of more configurations than that are for a few rules and samplers only."""
GP, GP_TABLE, GP_SEEDS = "gp", "digits", 16
"""An ask of it takes up to half a second, so it races where there is most to learn, with fewer seeds."""
STOPPING_PEERS = ("ray asha", "syne-tune asha", "optuna halving")
OF_ONE_KIND = ("random, no stopping", *STOPPING_PEERS, "toprung asha stopping", "toprung asha promotion", ORACLE)
QUICK = (*OF_ONE_KIND, *SAMPLERS)
"""These race on large tables as well; the others take minutes a run there."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What all contestants run in."""

    table: str
    workers: int
    start: str

    def __str__(self) -> str:
        return f"{self.table}, {self.workers} workers, {self.start} starts"


Runs = dict[str, list[Incumbents]]
"""Contestant -> its runs by seed."""


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


T = TypeVar("T")
R = TypeVar("R")


def race(run: Callable[[T], R], tasks: Sequence[T], what: str) -> list[R]:
    """Do the tasks, on all cores, one thread each as the operator's search process, and give the results in order."""
    begun = perf_counter()
    with ProcessPoolExecutor(initializer=torch.set_num_threads, initargs=(1,)) as pool:
        results = list(track(pool.map(run, tasks), what, total=len(tasks), transient=True))
    click.echo(f"{what}: {len(tasks)} runs in {perf_counter() - begun:.0f} s", err=True)
    return results


def seeds_for(name: str, setting: Setting, seeds: int) -> int:
    """How many of the seeds a contestant has."""
    if name == GP:
        return min(seeds, GP_SEEDS) if setting.table == GP_TABLE else 0
    return seeds if name in QUICK or len(source(setting.table).table.curves) <= LARGE else 0


def race_in(run: Callable[[Task], Incumbents], setting: Setting, names: Iterable[str], seeds: int) -> Runs:
    """Have each of the contestants run with its seeds."""
    counts = {name: count for name in names if (count := seeds_for(name, setting, seeds))}
    tasks = [Task(setting, name, seed) for name, count in counts.items() for seed in range(count)]
    runs: Runs = {name: [] for name in counts}
    for task, incumbents in zip(tasks, race(run, tasks, str(setting)), strict=True):
        runs[task.name].append(incumbents)
    return runs


def times(runs: Runs, target: float) -> dict[str, list[float]]:
    return {name: [time_to(run, target) for run in each] for name, each in runs.items()}


def near_and_nearer(setting: Setting, runs: Runs) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    best = source(setting.table).best
    return times(runs, best - NEAR), times(runs, best - NEARER)
