"""CMA-ES, the covariance matrix adaptation evolution strategy, by the package cmaes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import sqrt
from random import Random

import numpy as np
from cmaes import CMA
from numpy.random import default_rng
from numpy.typing import NDArray

from toprung.api.v1alpha1.algorithms import CmaesSettings
from toprung.search.domains import ordered, unit
from toprung.search.ranking import has_result, rank
from toprung.search.samplers.base import SuggestRequest
from toprung.search.space import Dimension, Space
from toprung.search.types import Configuration, Evaluation
from toprung.seeds import derive

Point = NDArray[np.float64]
Generation = tuple[Evaluation, ...]


_BLOCK = 5000
"""Number of results to replay: of more than twice as many only the last, starting at the best earlier one."""


@dataclass(slots=True)
class _Replay:
    """A strategy and the results that it has received.

    Attributes:
        start: the earlier result at which it starts; None for the middle of the space.
        generations: those that it has received, in order.
        restarts: number of restarts after convergence.
    """

    start: Evaluation | None
    generations: list[Generation]
    strategy: CMA
    restarts: int = 0


class CmaEs:
    """CMA-ES (Hansen, 2016) on the parameters that are always active and have an order; the others are drawn at random.

    The strategy's state is replayed from the history: trials that have a result are cut into generations in the order
    of their indices. A trial that ends late joins the generation of its neighbors, even if it was not drawn from it:
    like every injected solution, its step is shortened to the length of a draw (Hansen, 2011, arXiv:1110.4181).
    Only the order within a generation counts, and it includes stopped trials.

    A strategy starts at the best initial or prior trial that ended before all others, else in the middle of the space.
    After it has converged, the next one starts elsewhere with twice the population (Auger and Hansen, 2005).
    """

    def __init__(self, space: Space, settings: CmaesSettings, seed: int) -> None:
        self.space = space
        self._settings = settings
        self._seed = seed
        self._adapted = tuple(one for one in space.dimensions if _adaptable(one))
        self._replay: _Replay | None = None

    def suggest(self, request: SuggestRequest) -> Configuration:
        """Return a draw from the normal distribution that results from the history."""
        generator = Random(request.seed)  # noqa: S311 - no secret
        units = {dimension.name: generator.random() for dimension in self.space.dimensions}
        if self._adapted:
            strategy = self._strategy_after(request.history)
            strategy.reseed_rng(request.seed % 2**32)
            units |= zip((one.name for one in self._adapted), strategy.ask().tolist(), strict=True)
        return request.space.complete(lambda dimension: dimension.domain.at(units[dimension.name]))

    def _strategy_after(self, history: Mapping[int, Evaluation]) -> CMA:
        """Return the strategy after all complete generations; replay only new ones if no earlier trial has changed."""
        results = [history[index] for index in sorted(history) if has_result(history[index])]
        prior = sum(one.index < 0 for one in results)
        earlier = prior + max(0, (len(results) - prior) // _BLOCK - 1) * _BLOCK
        start = max(results[:earlier], key=_sort_key, default=None)
        trials = results[earlier:]
        replay = self._replay
        if replay is None or replay.start is not start or not _begins_with(trials, replay.generations):
            replay = self._replay = _Replay(start, [], self._strategy(start, restarts=0))
        self._replay_generations(replay, islice(trials, sum(map(len, replay.generations)), None))
        return replay.strategy

    def _replay_generations(self, replay: _Replay, trials: Iterator[Evaluation]) -> None:
        while len(generation := tuple(islice(trials, replay.strategy.population_size))) == (
            replay.strategy.population_size
        ):
            worst_first = sorted(generation, key=_sort_key)
            points = (_shortened_step(replay.strategy, self._point(one)) for one in worst_first)
            replay.strategy.tell([(point, -float(place)) for place, point in enumerate(points)])
            replay.generations.append(generation)
            if replay.strategy.should_stop():
                replay.restarts += 1
                replay.strategy = self._strategy(None, restarts=replay.restarts)

    def _strategy(self, start: Evaluation | None, *, restarts: int) -> CMA:
        width = len(self._adapted)
        middle = default_rng(derive(self._seed, "restart", restarts)).random(width) if restarts else np.full(width, 0.5)
        population = self._settings.population_size or 4 + int(3 * np.log(width))
        return CMA(
            mean=middle if start is None else self._point(start),
            sigma=self._settings.sigma,
            bounds=np.array([[0.0, 1.0]] * width),
            population_size=population * 2**restarts,
            seed=0,  # draws are seeded at each request
        )

    def _point(self, evaluation: Evaluation) -> Point:
        return np.array([unit(one.domain, evaluation.parameters[one.name]) for one in self._adapted])


def _adaptable(dimension: Dimension) -> bool:
    return dimension.condition is None and ordered(dimension.domain) and dimension.domain.count != 1


def _sort_key(evaluation: Evaluation) -> tuple[bool, int, float, int]:
    """Return the sort key of a trial; failed and diverged trials are the worst, and ties go to the smaller index."""
    complete, reached, score = rank(evaluation) or (False, -1, 0.0)
    return complete, reached, score, -evaluation.index


def _begins_with(trials: Sequence[Evaluation], generations: Sequence[Generation]) -> bool:
    before = [one for generation in generations for one in generation]
    return len(before) <= len(trials) and all(a is b for a, b in zip(before, trials, strict=False))


def _shortened_step(strategy: CMA, point: Point) -> Point:
    """Return a step of at most sqrt(n) + 2 n / (n + 2) standard deviations (Hansen, 2011, equation 3)."""
    width = strategy.dim
    axes, scales = strategy._eigen_decomposition()  # noqa: SLF001 - the package offers no Mahalanobis length
    step = point - strategy.mean
    length = float(np.linalg.norm((axes.T @ step) / scales)) / strategy._sigma  # noqa: SLF001 - as above
    longest = sqrt(width) + 2 * width / (width + 2)
    return strategy.mean + step * min(1.0, longest / length) if length else point
