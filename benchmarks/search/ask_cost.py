"""What an ask costs: TopRung's tpe, gp or cmaes beside bare Optuna's, on the same history, in turns in one process.

Ours is timed with the news of one finished trial taken in; Optuna's is `study.ask` alone, without its `tell`.
"""

from time import perf_counter

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

Times = list[float]


def space(width: int) -> tuple[tuple[Parameter, ...], dict[str, BaseDistribution]]:
    """Give `width` parameters in our words and in Optuna's; half are floats, the others an int and a list in turn."""
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
    return -sum(abs(np.log10(float(value)) + 2.5) for value in configuration.values() if not isinstance(value, str))


PEERS = {
    "tpe": optuna.samplers.TPESampler,
    "gp": optuna.samplers.GPSampler,
    "cmaes": lambda seed: optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False),
}


def measure(algorithm: str, width: int, finished: int, asks: int) -> tuple[Times, Times]:
    """Give the seconds of each of our asks and of each of Optuna's, in turns."""
    parameters, distributions = space(width)
    problem = Problem("bench", parameters, (), Algorithm.model_validate({algorithm: {}}), 1)
    drawn = Study(Problem("draws", parameters, (), Algorithm.model_validate({"random": {}}), 2)).suggest(
        range(finished)
    )
    told = [Evaluation(s.index, s.parameters, EvaluationState.COMPLETE, score(s.parameters)) for s in drawn.suggestions]
    ours = Study(problem)
    ours.update(told)
    ours.suggest([finished])
    bare = optuna.create_study(direction="maximize", sampler=PEERS[algorithm](seed=1))
    for one in told:
        bare.add_trial(create_trial(params=dict(one.parameters), distributions=distributions, value=one.score))
    news = told[-1:]
    mine: Times = []
    theirs: Times = []
    for index in range(finished, finished + asks):
        start = perf_counter()
        ours.update(news)
        suggestion = ours.suggest([index]).suggestions[0]
        mine.append(perf_counter() - start)
        news = [Evaluation(index, suggestion.parameters, EvaluationState.COMPLETE, score(suggestion.parameters))]
        start = perf_counter()
        trial = bare.ask(distributions)
        theirs.append(perf_counter() - start)
        bare.tell(trial, score(trial.params))
    return mine, theirs


@click.command()
@click.option("--asks", default=100, show_default=True, help="How many asks are timed in each case.")
@click.option("--algorithm", type=click.Choice(list(PEERS)), default="tpe", show_default=True)
def main(asks: int, algorithm: str) -> None:
    """Print the times side by side, and their ratio."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    columns = ("parameters", "finished", "ours p50 ms", "ours p99 ms", "Optuna p50 ms", "Optuna p99 ms", "ratio p50")
    table = Table(*columns, title=f"One ask of {algorithm}, {asks} asks a row; limit of the ratio 1.2")
    for width in (4, 8):
        for finished in (100, 500, 1000):
            mine, theirs = (1e3 * np.array(times) for times in measure(algorithm, width, finished, asks))
            figures = [np.median(mine), np.percentile(mine, 99), np.median(theirs), np.percentile(theirs, 99)]
            ratio = np.median(mine) / np.median(theirs)
            table.add_row(str(width), str(finished), *(f"{figure:.2f}" for figure in figures), f"{ratio:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
