"""Is a model worth its time? Averages over fixed seeds, with room to spare."""

from math import log10
from statistics import fmean

from unit.search.builders import parameters, problem, run

SPACE = parameters(
    {"name": "x", "type": "double", "min": -5, "max": 5},
    {"name": "lr", "type": "double", "min": 1e-6, "max": 1, "scale": "log"},
    {"name": "kind", "type": "categorical", "values": ["a", "b", "c"]},
    {"name": "depth", "type": "ordinal", "values": [1, 2, 4, 8, 16], "when": {"parameter": "kind", "in": ["a", "b"]}},
)


def score(configuration):
    """A bowl with its bottom, 0, at x = 1, lr = 0.001, kind = a, depth = 4."""
    depth = [1, 2, 4, 8, 16].index(configuration.get("depth", 16))
    off = (configuration["x"] - 1) ** 2 + log10(configuration["lr"] / 1e-3) ** 2 + (depth - 2) ** 2
    return -off - (configuration["kind"] != "a")


def regret(algorithm):
    """The mean distance of the best of 60 trials from the optimum, over 10 seeds."""
    return fmean(-max(one.score for one in run(problem(SPACE, algorithm, seed=seed), 60, score)) for seed in range(10))


def test_tpe_beats_random():
    """By a factor of two at least in what is left to gain."""
    assert regret("tpe") < 0.5 * regret("random")
