"""How much a table's space has for a model to learn."""

from collections.abc import Sequence
from statistics import fmean

import numpy as np
from contestants import Source
from numpy.random import default_rng
from sklearn.ensemble import RandomForestRegressor

from toprung.simulate.configuration_source import Nearest

KNOWN = 100
"""So many configurations the forest has seen to their end; about as many as a run has begun when it is near."""
DRAWS = 20


def place_of_the_good(source: Source, within: float) -> tuple[int, float]:
    """Give how many configurations come so near the best, and where a forest that knows 100 others places them.

    A random forest (Breiman, 2001) is fitted to the best values of 100 configurations drawn at random, and the rest are
    sorted by what it predicts. The place is the mean over the good ones and over the draws, 0 the first and 1 the last;
    0.5 is chance, and twice the place is about the share of random search's trials that a model so informed needs.
    """
    chooser = Nearest(source.spec(1, ("median", {}), source.best), source.table, 0)
    values = np.array([max(curve.values) for curve in source.table.curves])
    places = [_placed(chooser.points, values, source.best - within, draw) for draw in range(DRAWS)]
    return int((values >= source.best - within).sum()), fmean(place for each in places for place in each)


def _placed(points: np.ndarray, values: np.ndarray, target: float, draw: int) -> Sequence[float]:
    """Give the place of each good configuration that is not among those drawn."""
    order = default_rng(draw).permutation(len(values))
    known, rest = order[:KNOWN], order[KNOWN:]
    predicted = RandomForestRegressor(random_state=draw).fit(points[known], values[known]).predict(points[rest])
    places = np.empty(len(rest))
    places[np.argsort(-predicted)] = np.arange(len(rest)) / (len(rest) - 1)
    return [float(place) for place in places[values[rest] >= target]]
