"""Grid search: every combination once."""

from collections.abc import Iterator
from itertools import count

from toprung.search.samplers.base import SuggestRequest
from toprung.search.space import Space
from toprung.search.types import Configuration
from toprung.seeds import derive, permuted


def shuffled(space: Space, seed: int, start: int = 0) -> Iterator[Configuration]:
    """Yield the configurations of a finite space in an order shuffled by the seed, in constant memory."""
    size = space.size or 0
    return (space.combination(permuted(seed, size, position)) for position in range(start, size))


class Grid:
    """The first combination, in shuffled order, that is not in the history."""

    def __init__(self, space: Space, seed: int) -> None:
        self.space = space
        self._seed = derive(seed, "grid")
        self._start = 0

    def suggest(self, request: SuggestRequest) -> Configuration | None:
        """Return the first combination, in shuffled order, that is not taken."""
        start = self._first_untried(request) if request.space is self.space else 0
        for configuration in shuffled(request.space, self._seed, start):
            key = self.space.key(configuration)
            if key is None or (key not in request.taken and key not in request.batch):
                return configuration
        return None

    def _first_untried(self, request: SuggestRequest) -> int:
        for position in count(self._start):
            self._start = position
            combination = next(shuffled(self.space, self._seed, position), None)
            if combination is None or self.space.key(combination) not in request.taken:
                break
        return self._start
