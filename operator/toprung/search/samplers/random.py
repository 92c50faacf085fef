"""Random search: independent draws."""

from random import Random

from toprung.api.v1alpha1.base import ParameterValue
from toprung.search.samplers.base import SuggestRequest
from toprung.search.space import Dimension, Space
from toprung.search.types import Configuration


def draw(space: Space, seed: int) -> Configuration:
    """Draw each active parameter independently, evenly on its scale.

    The draw depends on the name, so that the value of a parameter does not depend on which others are active.
    """
    generator = Random(seed)  # noqa: S311 - no secret
    units = {dimension.name: generator.random() for dimension in space.dimensions}
    return space.complete(lambda dimension: dimension.domain.at(units[dimension.name]))


def draw_endless(space: Space, seed: int) -> Configuration:
    """Draw from the branches of an infinite space that have infinitely many configurations."""
    generator = Random(seed)  # noqa: S311 - no secret
    units = {dimension.name: generator.random() for dimension in space.dimensions}

    def choose(dimension: Dimension) -> ParameterValue:
        values = space.endless(dimension)
        return (
            values[int(units[dimension.name] * len(values))] if values else dimension.domain.at(units[dimension.name])
        )

    return space.complete(choose)


class Uniform:
    """Random search (Bergstra and Bengio, JMLR 2012)."""

    def __init__(self, space: Space) -> None:
        self.space = space

    def suggest(self, request: SuggestRequest) -> Configuration:
        """Return an independent draw."""
        return draw(request.space, request.seed)
