"""The protocol of samplers."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

from toprung.search.space import Key, Space
from toprung.search.types import Configuration, Evaluation


@dataclass(frozen=True, slots=True)
class SuggestRequest:
    """A request for the configuration of one trial.

    Attributes:
        index: of the trial that needs a configuration.
        seed: of this request only, 64 bits; a request that follows a duplicate has another seed.
        attempt: number of suggestions for this trial that were duplicates.
        space: the sampler's space, or the part of it that an initial trial leaves open.
        history: index -> evaluation of a trial, in any order. An evaluation that has not changed since the last request
            is the same object.
        pending: index -> configuration of the earlier trials of the same batch, which are about to run.
        taken: keys of the configurations in the history; keys are never removed.
        batch: keys of the pending configurations.
    """

    index: int
    seed: int
    attempt: int
    space: Space
    history: Mapping[int, Evaluation]
    pending: Mapping[int, Configuration]
    taken: AbstractSet[Key]
    batch: AbstractSet[Key]

    def tried(self, key: Key | None) -> bool:
        """Return whether a trial has the configuration with this key of the sampler's space."""
        return key in self.taken or key in self.batch


class Sampler(Protocol):
    """A search algorithm.

    A suggestion is a function of the request and the seed of the experiment. State that a sampler keeps between
    requests is a cache: a sampler rebuilt from the same history, in any order, makes the same suggestion.
    """

    @property
    def space(self) -> Space:
        """Return the space of the suggestions. The search ends when all of a finite space is tried."""
        ...

    def suggest(self, request: SuggestRequest) -> Configuration | None:
        """Return a configuration of `request.space` with active parameters only; None if there is no further one.

        Duplicates are allowed: the caller sends another request.
        """
        ...
