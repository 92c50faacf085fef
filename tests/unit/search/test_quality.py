"""The samplers with models compared with random search: means over fixed seeds, with a margin."""

from dataclasses import replace
from math import log10
from random import Random
from statistics import fmean, geometric_mean

import pytest

from support.search import evaluation, parameters, problem, run
from toprung.search.study import Study
from toprung.search.types import Evaluation, EvaluationState

SPACE = parameters(
    {"name": "x", "type": "double", "min": -5, "max": 5},
    {"name": "lr", "type": "double", "min": 1e-6, "max": 1, "scale": "log"},
    {"name": "kind", "type": "categorical", "values": ["a", "b", "c"]},
    {"name": "depth", "type": "ordinal", "values": [1, 2, 4, 8, 16], "when": {"parameter": "kind", "in": ["a", "b"]}},
)


def score(configuration):
    """Return a quadratic score with its optimum, 0, at x = 1, lr = 0.001, kind = a, depth = 4."""
    depth = [1, 2, 4, 8, 16].index(configuration.get("depth", 16))
    off = (configuration["x"] - 1) ** 2 + log10(configuration["lr"] / 1e-3) ** 2 + (depth - 2) ** 2
    return -off - (configuration["kind"] != "a")


def regret(algorithm):
    """Return the mean distance of the best of 60 trials from the optimum, over 10 seeds."""
    return fmean(-max(one.score for one in run(problem(SPACE, algorithm, seed=seed), 60, score)) for seed in range(10))


def test_tpe_beats_random():
    """Its regret is at most half of that of random search."""
    assert regret("tpe") < 0.5 * regret("random")


SQUARE = parameters(*({"name": name, "type": "int", "min": 0, "max": 24} for name in "xy"))


@pytest.mark.parametrize(("algorithm", "trials", "least"), [("tpe", 150, 55), ("gp", 60, 27)])
def test_a_model_still_finds_good_untried_configurations_of_a_finite_space(algorithm, trials, least):
    """The best 100 of 625 configurations are two peaks. Random search finds 24 and 10 of them."""

    def height(configuration):
        x, y = configuration["x"], configuration["y"]
        return -min((x - 5) ** 2 + (y - 5) ** 2, (x - 18) ** 2 + (y - 18) ** 2)

    best = sorted((height({"x": x, "y": y}) for x in range(25) for y in range(25)), reverse=True)[99]
    found = run(problem(SQUARE, algorithm), trials, height)
    assert sum(one.score >= best for one in found) >= least


FLOATS = parameters(*({"name": f"x{n}", "type": "double", "min": 0, "max": 1} for n in range(4)))


def valley(configuration):
    """Return a quadratic score, ten times as steep along the diagonal as across, with its optimum, 0, at 0.3."""
    off = [value - 0.3 for value in configuration.values()]
    return -sum(one**2 for one in off) - 10 * sum(off) ** 2


def regret_in_the_valley(algorithm, trials, seeds=5):
    return geometric_mean(
        -max(one.score for one in run(problem(FLOATS, algorithm, seed=seed), trials, valley)) for seed in range(seeds)
    )


def test_cmaes_beats_random():
    """It learns the direction of the valley. Its regret after 150 trials is a tenth of that of random search."""
    assert regret_in_the_valley("cmaes", 150) < 0.1 * regret_in_the_valley("random", 150)


def test_gp_beats_random():
    """Its regret after 25 trials is a fifth of that of random search."""
    assert regret_in_the_valley("gp", 25, seeds=3) < 0.2 * regret_in_the_valley("random", 25, seeds=3)


def dominated_area(algorithm, seed):
    """Return the area that the Pareto front of 200 trials dominates in the unit square."""
    experiment = replace(problem(FLOATS, algorithm, seed=seed), objectives=2)
    study, points = Study(experiment), []
    for index in range(200):
        parameters = study.suggest([index]).suggestions[0].parameters
        off = sum(value for name, value in parameters.items() if name != "x0") / 3
        loss = parameters["x0"] ** 2 + off, (parameters["x0"] - 0.7) ** 2 + off
        points.append(loss)
        scores = tuple(-one for one in loss)
        study.update([Evaluation(index, parameters, EvaluationState.COMPLETE, scores[0], scores=scores)])
    area, lowest = 0.0, 1.0
    for one, other in sorted(points):
        if one < 1 and other < lowest:
            area += (1 - one) * (lowest - other)
            lowest = other
    return area


@pytest.mark.parametrize("algorithm", ["nsga2", "tpe"])
@pytest.mark.parametrize("seed", range(3))
def test_nsga2_and_tpe_beat_random_with_several_objectives(algorithm, seed):
    """They dominate more than random search does, in each of three runs."""
    assert dominated_area(algorithm, seed) > dominated_area("random", seed) + 0.05


CUBE = parameters(*({"name": f"x{n}", "type": "double", "min": 0, "max": 1} for n in range(3)))
RUNGS = (1, 3, 9, 27)


def regret_with_early_stopping(algorithm, seed, budget=400):
    """Return the distance from the optimum of the best trial at the last rung, after `budget` epochs.

    The best third of each rung continues. Early values are noisy, and biased by one of the parameters.
    """
    noise = Random(seed)
    optimum = {one.name: noise.random() for one in CUBE}
    study = Study(problem(CUBE, algorithm, seed=seed))
    reached = {rung: [] for rung in RUNGS}
    best, spent, index = 1.0, 0, 0
    while spent < budget:
        configuration = study.suggest([index]).suggestions[0].parameters
        loss = sum((configuration[name] - at) ** 2 for name, at in optimum.items())
        records = []
        for rung in RUNGS:
            score = -loss - 0.25 * (1 - configuration["x0"]) / rung + noise.gauss(0, 0.06) / rung**0.5
            records.append((rung, score))
            reached[rung].append(score)
            if sum(other > score for other in reached[rung]) >= max(1, len(reached[rung]) // 3):
                break
        complete = len(records) == len(RUNGS)
        best = min(best, loss) if complete else best
        spent += records[-1][0]
        state = EvaluationState.COMPLETE if complete else EvaluationState.STOPPED
        study.update([evaluation(index, configuration, records[-1][1], state=state, rungs=records)])
        index += 1
    return best + 1e-4


def test_tpe_learns_from_stopped_trials():
    """Most trials never reach the last rung, and the regret of tpe is two thirds of that of random search."""
    ratios = [regret_with_early_stopping("tpe", seed) / regret_with_early_stopping("random", seed) for seed in range(8)]
    assert geometric_mean(ratios) < 0.67


def test_cmaes_learns_from_stopped_trials():
    """Its regret is two thirds of that of random search."""
    ratios = [
        regret_with_early_stopping("cmaes", seed, 800) / regret_with_early_stopping("random", seed, 800)
        for seed in range(12)
    ]
    assert geometric_mean(ratios) < 0.67


def test_gp_learns_from_stopped_trials():
    """Its regret, from records at all rungs, is half of that of random search."""
    ratios = [
        regret_with_early_stopping("gp", seed, 120) / regret_with_early_stopping("random", seed, 120)
        for seed in range(4)
    ]
    assert geometric_mean(ratios) < 0.5
