"""The LocalSearcher of *Dive into Deep Learning* (chapter Hyperparameter Optimization, exercises on the API)."""

from collections.abc import Mapping
from random import Random
from typing import Annotated, Any

from pydantic import BaseModel, Field

from toprung.api.v1alpha1.base import ParameterValue
from toprung.search.ranking import rank
from toprung.search.samplers.base import SuggestRequest
from toprung.search.samplers.random import draw
from toprung.seeds import derive
from toprung.search.space import Dimension, Space
from toprung.search.types import Configuration


class Settings(BaseModel, extra="forbid"):
    """The `settings` of an Experiment."""

    num_init_random: Annotated[int, Field(ge=1)] = 5
    """Number of trials that are drawn at random before the first local step."""
    probab_local: Annotated[float, Field(ge=0, le=1)] = 0.8
    """Probability that a later trial is a step from the best trial instead of a random draw."""


class LocalSearcher:
    """Draws one parameter of the best configuration again and keeps the others."""

    def __init__(self, space: Space, settings: Settings) -> None:
        self.space = space
        self._settings = settings

    def suggest(self, request: SuggestRequest) -> Configuration:
        """Return a step from the incumbent, or a random draw."""
        chance = Random(derive(request.seed, "local"))  # the seed determines every draw
        drawn = draw(request.space, request.seed)
        ranked = [(place, index) for index, one in request.history.items() if (place := rank(one)) is not None]
        if len(ranked) < self._settings.num_init_random or chance.random() >= self._settings.probab_local:
            return drawn
        _, best = max(ranked, key=lambda pair: (pair[0], -pair[1]))
        incumbent = request.history[best].parameters
        changed = chance.choice([one.name for one in request.space.dimensions if one.name in incumbent])

        def choose(one: Dimension) -> ParameterValue:
            # an initial trial may fix a parameter: then its domain has that one value only
            if one.name == changed or one.name not in incumbent or one.domain.count == 1:
                return drawn.get(one.name, one.domain.at(chance.random()))
            return incumbent[one.name]

        return request.space.complete(choose)


def make(space: Space, settings: Mapping[str, Any], seed: int) -> LocalSearcher:  # noqa: ARG001 - each request has a seed
    """Build the sampler; the condition of the Experiment shows validation errors of the settings."""
    return LocalSearcher(space, Settings.model_validate(settings))
