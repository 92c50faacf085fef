"""Measures how much structure a table's space has for a model to learn."""

from collections.abc import Sequence
from statistics import fmean

import numpy as np
from contestants import Source
from numpy.random import default_rng
from sklearn.ensemble import RandomForestRegressor

from toprung.simulate.configuration_source import Nearest

KNOWN = 100
"""Configurations that the forest is fitted to; about as many as a run has started when it is near the best."""
DRAWS = 20


def rank_of_good_configurations(source: Source, within: float) -> tuple[int, float]:
    """Return the number of configurations within a distance of the best, and their mean rank by a forest's prediction.

    A random forest (Breiman, 2001) is fitted to the best values of 100 configurations drawn at random, and the rest are
    sorted by its prediction. The rank is the mean over the good configurations and over the draws: 0 is first, 1 is
    last, 0.5 is chance. Twice the rank is about the fraction of random search's trials that such a model needs.
    """
    chooser = Nearest(source.spec(1, ("median", {}), source.best), source.table, 0)
    values = np.array([max(curve.values) for curve in source.table.curves])
    ranks = [_ranks(chooser.points, values, source.best - within, draw) for draw in range(DRAWS)]
    return int((values >= source.best - within).sum()), fmean(rank for each in ranks for rank in each)


def _ranks(points: np.ndarray, values: np.ndarray, target: float, draw: int) -> Sequence[float]:
    """Return the rank of each good configuration that is not among those drawn."""
    order = default_rng(draw).permutation(len(values))
    known, rest = order[:KNOWN], order[KNOWN:]
    predicted = RandomForestRegressor(random_state=draw).fit(points[known], values[known]).predict(points[rest])
    ranks = np.empty(len(rest))
    ranks[np.argsort(-predicted)] = np.arange(len(rest)) / (len(rest) - 1)
    return [float(rank) for rank in ranks[values[rest] >= target]]
