"""Spaces, problems and histories for the tests of search."""

from collections.abc import Callable

from toprung.api.v1alpha1.algorithms import Algorithm
from toprung.api.v1alpha1.parameters import Parameter
from toprung.search.study import Study
from toprung.search.types import Configuration, Evaluation, EvaluationState, Problem


def parameters(*bodies) -> tuple[Parameter, ...]:
    return tuple(Parameter.model_validate(body) for body in bodies)


LR = {"name": "lr", "type": "double", "min": 1e-5, "max": 0.1, "scale": "log"}
DROPOUT = {"name": "dropout", "type": "double", "min": 0.0, "max": 0.5, "step": 0.1}
WIDTH = {"name": "width", "type": "int", "min": 1, "max": 1024, "scale": "log"}
LAYERS = {"name": "layers", "type": "int", "min": 1, "max": 4}
BATCH = {"name": "batch", "type": "ordinal", "values": [32, 64, 128, 256]}
OPT = {"name": "opt", "type": "categorical", "values": ["sgd", "adam", "lion"]}
MOMENTUM = {"name": "momentum", "type": "double", "min": 0, "max": 0.99, "when": {"parameter": "opt", "in": ["sgd"]}}
NESTEROV = {
    "name": "nesterov",
    "type": "categorical",
    "values": [True, False],
    "when": {"parameter": "opt", "in": ["sgd", "lion"]},
}
DECAY = {
    "name": "decay",
    "type": "ordinal",
    "values": [0.5, 1.0],
    "when": {"parameter": "nesterov", "in": [True]},
}

FLAT = parameters(LR, DROPOUT, WIDTH, LAYERS, BATCH, OPT)
CONDITIONAL = parameters(MOMENTUM, LR, DECAY, OPT, NESTEROV)
FINITE = parameters(LAYERS, OPT, NESTEROV, DECAY)
SINGLE = parameters({"name": "data", "type": "ordinal", "values": ["all"]}, LR)
SPACES = {"flat": FLAT, "conditional": CONDITIONAL, "finite": FINITE, "single": SINGLE}
ALGORITHMS = {
    name: Algorithm.model_validate({name: {}}) for name in ("random", "grid", "qmc", "tpe", "cmaes", "nsga2", "gp")
}


def problem(space=FLAT, algorithm="tpe", *, initial=(), seed=7, **settings) -> Problem:
    return Problem("uid", space, tuple(initial), Algorithm.model_validate({algorithm: settings}), seed)


def evaluation(index, configuration, score=None, *, state=EvaluationState.COMPLETE, rungs=()) -> Evaluation:
    return Evaluation(index, configuration, state, score, tuple(rungs))


def run(
    problem: Problem, trials: int, score: Callable[[Configuration], float], study: Study | None = None
) -> list[Evaluation]:
    """Run trials one after another, or fewer if the space is exhausted."""
    study = study or Study(problem)
    done: list[Evaluation] = []
    for index in range(trials):
        for suggestion in study.suggest([index]).suggestions:
            done.append(evaluation(index, suggestion.parameters, score(suggestion.parameters)))
            study.update(done[-1:])
    return done


def negative_sum(configuration: Configuration) -> float:
    """Return a simple score: the negative sum of the numbers."""
    return -sum(float(v) for v in configuration.values() if isinstance(v, int | float))
