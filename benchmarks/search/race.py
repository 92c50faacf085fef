"""Runs all contestants with the same seeds, on all cores."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from time import perf_counter
from typing import TypeVar

import click
import torch
from comparison import Incumbents, time_to
from contestants import SAMPLERS
from rich.progress import track
from run_cache import CachedFunction
from runs import NEAR, NEARER, ORACLE, Setting, Task, source

WORKERS = (4, 25)
REFERENCE = "ray asha"
LARGE = 1000
"""On tables with more configurations than this, only the contestants in QUICK run."""
GP, GP_TABLE = "gp", "digits"
"""A suggestion of gp takes up to half a second, so it runs on the table with the most structure, with 4 workers."""
STOPPING_PEERS = ("ray asha", "syne-tune asha", "optuna halving")
ASHA_KIND = ("random, no stopping", *STOPPING_PEERS, "toprung asha stopping", "toprung asha promotion", ORACLE)
QUICK = (*ASHA_KIND, *SAMPLERS)
"""The contestants on large tables; the others take minutes for each run there."""

Runs = dict[str, list[Incumbents]]
"""Contestant -> its runs by seed."""

T = TypeVar("T")
R = TypeVar("R")


def race(run: Callable[[T], R], tasks: Sequence[T], title: str) -> list[R]:
    """Run the tasks on all cores and return the results in order.

    Each task has one thread, as in the operator's search process. Runs that are kept on disk are not repeated.
    """
    start, cached = perf_counter(), CachedFunction(run)
    kept = sum(map(cached.has, tasks))
    with ProcessPoolExecutor(initializer=torch.set_num_threads, initargs=(1,)) as pool:
        results = list(track(pool.map(cached, tasks), title, total=len(tasks), transient=True))
    click.echo(f"{title}: {len(tasks)} runs in {perf_counter() - start:.0f} s, {kept} of them kept", err=True)
    return results


def workers_for(table: str) -> tuple[int, ...]:
    """Return the numbers of workers with which samplers run on a table; large tables have one number."""
    return WORKERS if len(source(table).table.curves) <= LARGE else WORKERS[:1]


def seeds_for(name: str, setting: Setting, seeds: int) -> int:
    """Return with how many of the seeds a contestant runs."""
    if name == GP:
        return seeds if (setting.table, setting.workers) == (GP_TABLE, WORKERS[0]) else 0
    return seeds if name in QUICK or len(source(setting.table).table.curves) <= LARGE else 0


def race_in(run: Callable[[Task], Incumbents], setting: Setting, names: Iterable[str], seeds: int) -> Runs:
    """Run each contestant with its seeds."""
    counts = {name: count for name in names if (count := seeds_for(name, setting, seeds))}
    tasks = [Task(setting, name, seed) for name, count in counts.items() for seed in range(count)]
    runs: Runs = {name: [] for name in counts}
    for task, incumbents in zip(tasks, race(run, tasks, str(setting)), strict=True):
        runs[task.name].append(incumbents)
    return runs


def times_to(runs: Runs, target: float) -> dict[str, list[float]]:
    """Return the seconds of each run to the target, by contestant."""
    return {name: [time_to(run, target) for run in each] for name, each in runs.items()}


def times_to_both_targets(setting: Setting, runs: Runs) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Return the seconds of each run to the targets 0.5 and 0.2, by contestant."""
    best = source(setting.table).best
    return times_to(runs, best - NEAR), times_to(runs, best - NEARER)
