"""Recorded suggestions of all samplers: the storage and transfer of a history must not change suggestions."""

from hashlib import blake2b
from itertools import islice

from toprung.api.v1alpha1.algorithms import Algorithm
from toprung.search.conformance import SPACES
from toprung.search.study import Study
from toprung.search.types import Evaluation, EvaluationState, Problem

STATES = (
    EvaluationState.COMPLETE,
    EvaluationState.STOPPED,
    EvaluationState.COMPLETE,
    EvaluationState.FAILED,
    EvaluationState.RUNNING,
)
INITIAL = {
    "flat": ({"lr": 0.01}, {"layers": 2, "batch": 64}),
    "conditional": ({"opt": "sgd"}, {"lr": 0.001}),
    "finite": ({"layers": 3}, {"opt": "adam"}),
    "single": ({"lr": 0.05},),
}
RECORDED = {
    ("random", "flat", 1, 18): "c18ef90bf070",
    ("random", "flat", 1, 210): "632b4190d973",
    ("random", "conditional", 1, 18): "93d6541b526b",
    ("random", "conditional", 1, 210): "0e8e3bee2161",
    ("random", "finite", 1, 18): "53cadcdd061f",
    ("random", "finite", 1, 210): "183f59da8383",
    ("random", "single", 1, 18): "163db314e484",
    ("random", "single", 1, 210): "7876cb704d33",
    ("grid", "flat", 1, 18): "582652104c44",
    ("grid", "flat", 1, 210): "0960785a97df",
    ("grid", "conditional", 1, 18): "ae099928f586",
    ("grid", "conditional", 1, 210): "5882907acef4",
    ("grid", "finite", 1, 18): "0fcfe84158dd",
    ("grid", "finite", 1, 210): "69820493848b",
    ("grid", "single", 1, 18): "57189cf1c0c5",
    ("grid", "single", 1, 210): "57189cf1c0c5",
    ("qmc", "flat", 1, 18): "01be9ac36fa6",
    ("qmc", "flat", 1, 210): "e580bc89f817",
    ("qmc", "conditional", 1, 18): "3089a7cee6db",
    ("qmc", "conditional", 1, 210): "7519d40bb238",
    ("qmc", "finite", 1, 18): "fa7584cdb816",
    ("qmc", "finite", 1, 210): "1da73a52a5dc",
    ("qmc", "single", 1, 18): "b9091251b75a",
    ("qmc", "single", 1, 210): "5baaf31df570",
    ("tpe", "flat", 1, 18): "e88d3dd0a8bc",
    ("tpe", "flat", 1, 210): "1d53d275292b",
    ("tpe", "flat", 2, 18): "c18ef90bf070",
    ("tpe", "flat", 2, 210): "d85a08ef581e",
    ("tpe", "conditional", 1, 18): "c6a5315aea46",
    ("tpe", "conditional", 1, 210): "442dab2a1c76",
    ("tpe", "conditional", 2, 18): "93d6541b526b",
    ("tpe", "conditional", 2, 210): "c8e6a1b90498",
    ("tpe", "finite", 1, 18): "2deccb4f0ec3",
    ("tpe", "finite", 1, 210): "633e8cd09258",
    ("tpe", "finite", 2, 18): "53cadcdd061f",
    ("tpe", "finite", 2, 210): "502b147b2bba",
    ("tpe", "single", 1, 18): "115f7e879baf",
    ("tpe", "single", 1, 210): "51871255cbc4",
    ("tpe", "single", 2, 18): "163db314e484",
    ("tpe", "single", 2, 210): "06f566aeb78d",
    ("cmaes", "flat", 1, 18): "db2e25283ddc",
    ("cmaes", "flat", 1, 210): "d753adb76b5b",
    ("cmaes", "conditional", 1, 18): "ed5b4dca101a",
    ("cmaes", "conditional", 1, 210): "349b53d38769",
    ("cmaes", "finite", 1, 18): "c5ed5bd785e1",
    ("cmaes", "finite", 1, 210): "387227a7160b",
    ("cmaes", "single", 1, 18): "d0a03d996a92",
    ("cmaes", "single", 1, 210): "3a269c4311fa",
    ("nsga2", "flat", 1, 18): "c18ef90bf070",
    ("nsga2", "flat", 1, 210): "455a662ebbd0",
    ("nsga2", "flat", 2, 18): "c18ef90bf070",
    ("nsga2", "flat", 2, 210): "0d96a4760bc9",
    ("nsga2", "conditional", 1, 18): "93d6541b526b",
    ("nsga2", "conditional", 1, 210): "c756e88f9ea6",
    ("nsga2", "conditional", 2, 18): "93d6541b526b",
    ("nsga2", "conditional", 2, 210): "0af13648469e",
    ("nsga2", "finite", 1, 18): "53cadcdd061f",
    ("nsga2", "finite", 1, 210): "183f59da8383",
    ("nsga2", "finite", 2, 18): "53cadcdd061f",
    ("nsga2", "finite", 2, 210): "183f59da8383",
    ("nsga2", "single", 1, 18): "163db314e484",
    ("nsga2", "single", 1, 210): "33f01f72532f",
    ("nsga2", "single", 2, 18): "163db314e484",
    ("nsga2", "single", 2, 210): "7c5ee42ea6a8",
    ("gp", "flat", 1, 21): "55d17708aba1",
    ("gp", "conditional", 1, 21): "46c5c5a7154f",
    ("gp", "conditional", 2, 21): "64a02233b7f8",
    ("gp", "finite", 1, 21): "851f2ca01546",
    ("gp", "single", 1, 21): "70832cb055e8",
}

SLOW = {one for one in RECORDED if one[0] == "gp" or one[3] > 100}


def numbers(configuration):
    return [float(value) for value in configuration.values() if not isinstance(value, str)]


def reported(index, parameters, objectives):
    """Return a trial in one of all states, whose scores are a function of its parameters."""
    total = -sum(numbers(parameters))
    scores = tuple(islice((total, *numbers(parameters), 0.0, 0.0), objectives)) if objectives > 1 else ()
    rungs = tuple((3**level, total - level) for level in range(index % 3))
    state = STATES[index % len(STATES)]
    score = None if state in (EvaluationState.RUNNING, EvaluationState.FAILED) else total
    return Evaluation(index, parameters, state, score, rungs, scores)


def shown(value):
    """Format floats with three digits, because the last bits depend on the processor's vector instructions."""
    return f"{value:.3g}" if isinstance(value, float) else repr(value)


def proposals(sampler, space, objectives, trials):
    """Run an experiment with initial trials and a warm start, in batches of three."""
    drawn = Study(Problem("draws", SPACES[space], (), Algorithm.model_validate({"random": {}}), 3))
    suggested = drawn.suggest(range(20)).suggestions
    prior = tuple(reported(-1 - one.index, one.parameters, objectives) for one in suggested)
    algorithm = Algorithm.model_validate({sampler: {}})
    study = Study(Problem("uid", SPACES[space], INITIAL[space], algorithm, 7, objectives, prior if trials > 20 else ()))
    for start in range(0, trials, 3):
        batch = study.suggest(range(start, start + 3)).suggestions
        yield from ((one.index, one.parameters) for one in batch)
        study.update(reported(one.index, one.parameters, objectives) for one in batch)


def digest(sampler, space, objectives, trials):
    lines = [
        f"{index} " + " ".join(f"{name}={shown(value)}" for name, value in sorted(parameters.items()))
        for index, parameters in proposals(sampler, space, objectives, trials)
    ]
    return blake2b("\n".join(lines).encode(), digest_size=6).hexdigest()
