"""Quasi-Monte Carlo: a sequence that fills the space more evenly than chance."""

from numpy.random import default_rng
from scipy.stats.qmc import Sobol

from toprung.search.samplers.base import SuggestRequest
from toprung.search.samplers.random import draw
from toprung.search.space import Space
from toprung.search.types import Configuration
from toprung.seeds import derive

_BITS = 30
"""The sequence repeats after 2**30 points, the most that scipy scrambles in 64 bits with room to spare."""


class Qmc:
    """Scrambled Sobol points (Owen, 1998; direction numbers of Joe and Kuo, 2008): trial i has point i.

    Every parameter has a coordinate, conditional or not, so that its points do not depend on which others are active. A
    coordinate is a quantile of the prior, so that the values of a list get nearly equal shares. Duplicates in a finite
    space are replaced by independent draws, because skipped points would unbalance later ones.
    """

    def __init__(self, space: Space, seed: int) -> None:
        self.space = space
        self._seed = derive(seed, "sobol")
        self._engine = self._restarted()

    def suggest(self, request: SuggestRequest) -> Configuration:
        """Return the configuration of point `request.index`."""
        if request.attempt:
            return draw(request.space, request.seed)
        names = (dimension.name for dimension in self.space.dimensions)
        units = dict(zip(names, self._point(request.index % 2**_BITS), strict=True))
        return request.space.complete(lambda dimension: dimension.domain.at(units[dimension.name]))

    def _restarted(self) -> Sobol:
        return Sobol(len(self.space.dimensions), scramble=True, bits=_BITS, rng=default_rng(self._seed))

    def _point(self, index: int) -> list[float]:
        if index < self._engine.num_generated:
            self._engine = self._restarted()
        if ahead := index - self._engine.num_generated:  # scipy cannot fast-forward by 0 from the start
            self._engine.fast_forward(ahead)
        point: list[float] = self._engine.random(1)[0].tolist()
        return point
