"""What a sampler is."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

from toprung.search.space import Key, Space
from toprung.search.types import Configuration, Evaluation


@dataclass(frozen=True, slots=True)
class SuggestRequest:
    """One question to a sampler.

    Attributes:
        index: index of the trial that wants a configuration.
        seed: of this ask alone, 64 bits; another one where the last proposal was a duplicate.
        attempt: 0, or how many proposals for this trial were duplicates.
        space: where to look: the sampler's own, or the part of it that an initial trial leaves open.
        history: what is known of the trials, index -> evaluation, in any order; what has not changed since the last ask
            is the same object.
        pending: index -> configuration of the earlier trials of the same batch, which are about to run.
        taken: keys of the configurations in the history; only ever grows from ask to ask.
        batch: keys of the pending ones.
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
        """Whether a trial has that configuration, by its key in the sampler's own space."""
        return key in self.taken or key in self.batch


class Sampler(Protocol):
    """One way of proposing configurations.

    The answer depends on the ask (and the experiment's seed) and on nothing else: whatever a sampler keeps between
    asks is a cache, so that one built anew from the same history, in any order of arrival, gives the same answer.
    """

    @property
    def space(self) -> Space:
        """What it draws from; its size is what can be exhausted."""
        ...

    def propose(self, ask: SuggestRequest) -> Configuration | None:
        """Give a configuration of `ask.space`, active parameters only; None where there is no other one.

        It need not avoid duplicates: the caller asks again.
        """
        ...
