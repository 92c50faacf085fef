"""A contest: everybody with the same seeds, on all cores."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from time import perf_counter
from typing import TypeVar

import click
import torch
from comparison import Incumbents, time_to
from contestants import SAMPLERS
from rich.progress import track
from run_cache import Kept
from runs import NEAR, NEARER, ORACLE, Setting, Task, source

WORKERS = (4, 25)
REFERENCE = "ray asha"
LARGE = 1000
"""Tables of more configurations than that are for a few rules and samplers only."""
GP, GP_TABLE = "gp", "digits"
"""An ask of it takes up to half a second, so it races where there is most to learn, with the fewer workers."""
STOPPING_PEERS = ("ray asha", "syne-tune asha", "optuna halving")
OF_ONE_KIND = ("random, no stopping", *STOPPING_PEERS, "toprung asha stopping", "toprung asha promotion", ORACLE)
QUICK = (*OF_ONE_KIND, *SAMPLERS)
"""These race on large tables as well; the others take minutes a run there."""

Runs = dict[str, list[Incumbents]]
"""Contestant -> its runs by seed."""

T = TypeVar("T")
R = TypeVar("R")


def race(run: Callable[[T], R], tasks: Sequence[T], what: str) -> list[R]:
    """Do the tasks, on all cores, one thread each as the operator's search process, and give the results in order.

    A run that is kept from before an interruption is not done again.
    """
    begun, once = perf_counter(), Kept(run)
    there = sum(map(once.has, tasks))
    with ProcessPoolExecutor(initializer=torch.set_num_threads, initargs=(1,)) as pool:
        results = list(track(pool.map(once, tasks), what, total=len(tasks), transient=True))
    click.echo(f"{what}: {len(tasks)} runs in {perf_counter() - begun:.0f} s, {there} of them kept", err=True)
    return results


def workers_for(table: str) -> tuple[int, ...]:
    """With how many workers samplers race: with all on small tables, where a run is short."""
    return WORKERS if len(source(table).table.curves) <= LARGE else WORKERS[:1]


def seeds_for(name: str, setting: Setting, seeds: int) -> int:
    """How many of the seeds a contestant has."""
    if name == GP:
        return seeds if (setting.table, setting.workers) == (GP_TABLE, WORKERS[0]) else 0
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
