"""Measures a suggestion of TopRung's tpe, gp or cmaes beside bare Optuna's, on the same history, in turns.

TopRung's time includes the update with one finished trial. Optuna's time is `study.ask` alone, without its `tell`.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import create_trial
from rich.console import Console
from rich.table import Table

from toprung.api.v1alpha1.algorithms import Algorithm
from toprung.api.v1alpha1.parameters import Parameter
from toprung.search.study import Study
from toprung.search.types import Configuration, Evaluation, EvaluationState, Problem

sys.path.append(str(Path(__file__).parents[1]))
from run_record import json_option, write_run

Times = list[float]
LIMIT = 1.2
"""Limit of the ratio of the medians."""


def space(width: int) -> tuple[tuple[Parameter, ...], dict[str, BaseDistribution]]:
    """Return `width` parameters for TopRung and for Optuna: half are floats, the others ints and categories in turn."""
    parameters: list[Parameter] = []
    distributions: dict[str, BaseDistribution] = {}
    for number in range(width):
        name = f"p{number}"
        if number % 4 < 2:
            parameters.append(Parameter(name=name, type="double", min=1e-5, max=0.1, scale="log"))
            distributions[name] = FloatDistribution(1e-5, 0.1, log=True)
        elif number % 4 == 2:
            parameters.append(Parameter(name=name, type="int", min=1, max=16))
            distributions[name] = IntDistribution(1, 16)
        else:
            parameters.append(Parameter(name=name, type="categorical", values=("a", "b", "c")))
            distributions[name] = CategoricalDistribution(("a", "b", "c"))
    return tuple(parameters), distributions


def score(configuration: Configuration) -> float:
    """Return a score for a configuration; larger is better."""
    return -sum(abs(np.log10(float(value)) + 2.5) for value in configuration.values() if not isinstance(value, str))


PEERS = {
    "tpe": optuna.samplers.TPESampler,
    "gp": optuna.samplers.GPSampler,
    "cmaes": lambda seed: optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False),
}


def measure(algorithm: str, width: int, finished: int, asks: int) -> tuple[Times, Times]:
    """Return the seconds of each suggestion of TopRung's and of Optuna's, in turns."""
    parameters, distributions = space(width)
    problem = Problem("bench", parameters, (), Algorithm.model_validate({algorithm: {}}), 1)
    drawn = Study(Problem("draws", parameters, (), Algorithm.model_validate({"random": {}}), 2)).suggest(
        range(finished)
    )
    history = [
        Evaluation(s.index, s.parameters, EvaluationState.COMPLETE, score(s.parameters)) for s in drawn.suggestions
    ]
    ours = Study(problem)
    ours.update(history)
    ours.suggest([finished])
    bare = optuna.create_study(direction="maximize", sampler=PEERS[algorithm](seed=1))
    for one in history:
        bare.add_trial(create_trial(params=dict(one.parameters), distributions=distributions, value=one.score))
    newest = history[-1:]
    our_times: Times = []
    optuna_times: Times = []
    for index in range(finished, finished + asks):
        start = perf_counter()
        ours.update(newest)
        suggestion = ours.suggest([index]).suggestions[0]
        our_times.append(perf_counter() - start)
        newest = [Evaluation(index, suggestion.parameters, EvaluationState.COMPLETE, score(suggestion.parameters))]
        start = perf_counter()
        trial = bare.ask(distributions)
        optuna_times.append(perf_counter() - start)
        bare.tell(trial, score(trial.params))
    return our_times, optuna_times


def figures(algorithm: str, asks: int) -> Iterator[dict[str, Any]]:
    """Measure each case, with the medians in milliseconds and their ratio."""
    for width in (4, 8):
        for finished in (100, 500, 1000):
            ours, bare = (1e3 * np.array(times) for times in measure(algorithm, width, finished, asks))
            ratio = float(np.median(ours) / np.median(bare))
            p50 = f"p50 {np.median(ours):.2f} ms beside {np.median(bare):.2f} ms"
            p99 = f"p99 {np.percentile(ours, 99):.2f} ms beside {np.percentile(bare, 99):.2f} ms"
            yield {
                "figure": f"ratio of a suggestion of {algorithm} to bare Optuna's",
                "case": f"{width} parameters, {finished} finished trials",
                "measured": f"{ratio:.2f} ({p50}, {p99})",
                "limit": f"<= {LIMIT}",
                "met": ratio <= LIMIT,
            }


@click.command()
@click.option("--asks", default=100, show_default=True, help="Suggestions in each case.")
@click.option("--algorithm", type=click.Choice(list(PEERS)), default="tpe", show_default=True)
@json_option
def main(asks: int, algorithm: str, output: Path | None) -> None:
    """Print the times side by side, and their ratio."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    found = list(figures(algorithm, asks))
    table = Table("case", "ratio of the medians", title=f"A suggestion of {algorithm} to bare Optuna's, limit {LIMIT}")
    for each in found:
        table.add_row(each["case"], each["measured"])
    Console().print(table)
    write_run(output, "ask-cost", found)


if __name__ == "__main__":
    main()
