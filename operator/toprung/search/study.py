"""The history of one experiment in the search process, and the suggestion of configurations."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from types import MappingProxyType

from toprung.api.v1alpha1.base import ParameterValue
from toprung.errors import SearchFailed
from toprung.search.samplers import create
from toprung.search.samplers.base import Sampler, SuggestRequest
from toprung.search.samplers.grid import shuffled
from toprung.search.samplers.random import draw, draw_endless
from toprung.search.space import Key, Space, digest
from toprung.search.types import Configuration, Evaluation, EvaluationState, Problem, Suggestion, Suggestions
from toprung.seeds import derive, trial_seed

_ATTEMPTS = 5
"""Maximum number of duplicates that a sampler may suggest before a remaining configuration is drawn at random."""
_DRAWS = 100
"""Maximum number of draws from an infinite space that may fall into a discrete branch that was already tried."""
_NONE: Mapping[int, Configuration] = MappingProxyType({})


class Study:
    """The history of one experiment, and its sampler.

    A suggestion is a function of the problem, the set of evaluations and the index. The order of arrival and earlier
    requests have no effect, so a study that is rebuilt after a crash makes the same suggestions.

    Trials of other experiments are part of the history from the start, so their configurations are not tried again.
    """

    def __init__(self, problem: Problem, make: Callable[[Problem, Space], Sampler] = create) -> None:
        self._problem = problem
        self._space = Space.of(problem.parameters)
        self._sampler = make(problem, self._space)
        self._named = max((1 + index for index, one in enumerate(problem.initial) if one), default=0)
        self._history: dict[int, Evaluation] = {}
        self._taken: set[Key] = set()
        self._prior_in_space = 0
        self.update(problem.prior)

    @property
    def space(self) -> Space:
        """The space of the sampler."""
        return self._sampler.space

    def update(self, evaluations: Iterable[Evaluation]) -> None:
        """Add evaluations that are new or have changed; those of other experiments have negative indices."""
        for evaluation in evaluations:
            known = evaluation if evaluation.index >= 0 else self._projected(evaluation)
            if known is None:
                continue
            row = self._packed(known.parameters)
            if known.index not in self._history:
                self._prior_in_space += known.index < 0
                packed = row is not None and self._sampler.space is self._space
                self._taken |= {digest(row or b"")} if packed else self._keys(known.parameters)
            parameters = known.parameters if row is None else Packed(self._space, row)
            self._history[known.index] = replace(known, parameters=parameters)

    def suggest(self, indices: Sequence[int], pending: Mapping[int, Configuration] = _NONE) -> Suggestions:
        """Return configurations for trials; each sees those before it as running.

        A trial that is already in the history gets the configuration that it has. There are fewer suggestions than
        indices if the space is exhausted.

        Args:
            indices: of the trials.
            pending: earlier suggestions of the same batch, which are about to run as well.

        Raises:
            SearchFailed: an initial trial or a suggestion of the sampler is outside the space.
        """
        running = dict(pending)
        batch = {key for configuration in running.values() for key in self._keys(configuration)}
        suggestions = []
        for index in indices:
            known = self._history.get(index)
            configuration = dict(known.parameters) if known else self._propose(index, running, batch)
            if configuration is None:
                continue
            suggestions.append(Suggestion(index, configuration))
            if not known:
                running[index] = configuration
                batch |= self._keys(configuration)
        exhausted = self._exhausted(batch) and max(indices, default=-1) + 1 >= self._named
        return Suggestions(tuple(suggestions), exhausted, self._prior_in_space)

    def _propose(self, index: int, pending: Mapping[int, Configuration], batch: set[Key]) -> Configuration | None:
        given = self._given(index)
        space = self._sampler.space.fixed(given) if given else self._sampler.space
        if given and space.size == 1:
            return space.combination(0)
        if index >= self._named and self._exhausted(batch):
            return None
        return self._sampled(index, space, pending, batch)

    def _sampled(
        self, index: int, space: Space, pending: Mapping[int, Configuration], batch: set[Key]
    ) -> Configuration:
        """Request suggestions until one is new; else draw, in a finite space from the remaining configurations."""
        seed = trial_seed(self._problem.seed, index)
        request = SuggestRequest(index, seed, 0, space, self._history, pending, self._taken, batch)
        for attempt in range(_ATTEMPTS):
            proposal = self._sampler.suggest(replace(request, seed=derive(seed, attempt), attempt=attempt))
            if proposal is None:
                break
            self._check(proposal, space)
            if self._new(proposal, request):
                return proposal
        return self._left(request) if space.size is not None else self._drawn(request)

    def _check(self, proposal: Configuration, space: Space) -> None:
        """Check that a suggestion is in the space: a custom sampler may suggest others."""
        try:
            space.positions(proposal)
        except ValueError as error:
            outside = f"{self._problem.algorithm.sampler} proposed a configuration outside the search space"
            raise SearchFailed(f"{outside}: {error}. Correct the sampler's package.") from error

    def _left(self, request: SuggestRequest) -> Configuration:
        """Return a new configuration of a finite space, or any if none is left, for example with an initial trial.

        The search checks at most one configuration more than are taken.
        """
        some = islice(shuffled(request.space, request.seed), len(request.taken) + len(request.batch) + 1)
        new = (configuration for configuration in some if self._new(configuration, request))
        return next(new, None) or draw(request.space, request.seed)

    def _drawn(self, request: SuggestRequest) -> Configuration:
        """Return a new configuration of an infinite space, finally from a branch that has infinitely many."""
        drawn = draw(request.space, request.seed)
        for attempt in range(_DRAWS):
            if self._new(drawn, request):
                return drawn
            drawn = draw(request.space, derive(request.seed, "draw", attempt))
        return draw_endless(request.space, request.seed)

    def _given(self, index: int) -> Configuration:
        initial = self._problem.initial[index] if index < len(self._problem.initial) else {}
        try:
            return self._space.exact(initial)
        except ValueError as error:
            raise SearchFailed(f"spec.initialTrials[{index}]: {error}") from error

    def _exhausted(self, batch: set[Key]) -> bool:
        return len(self._taken) + len(batch - self._taken) == self._sampler.space.size

    def _new(self, configuration: Configuration, request: SuggestRequest) -> bool:
        return not request.tried(self._sampler.space.key(configuration))

    def _keys(self, configuration: Configuration) -> set[Key]:
        """Return the key in the space of the sampler; no key for an initial trial outside the grid."""
        key = self._sampler.space.key(configuration)
        return set() if key is None else {key}

    def _packed(self, configuration: Configuration) -> bytes | None:
        """Return the packed configuration; None if it is outside the space."""
        try:
            return self._space.packed(configuration)
        except ValueError:
            return None

    def _projected(self, one: Evaluation) -> Evaluation | None:
        """Return a finished trial of another experiment, without the parameters that the space does not have."""
        known = {name: one.parameters[name] for name in self._space.active(one.parameters)}
        if one.state is EvaluationState.RUNNING or self._space.key(known) is None:
            return None
        return replace(one, parameters=self._space.exact(known))


class Packed(Mapping[str, ParameterValue]):
    """A configuration in a few bytes per parameter: a history may have 100,000 of 64 parameters."""

    __slots__ = ("_row", "_space")

    def __init__(self, space: Space, row: bytes) -> None:
        self._space = space
        self._row = row

    def __getitem__(self, name: str) -> ParameterValue:
        """Return the value of an active parameter."""
        return self._space.unpacked_value(self._row, name)

    def __iter__(self) -> Iterator[str]:
        """Return an iterator over the names of the active parameters."""
        return iter(self._space.unpacked(self._row))

    def __len__(self) -> int:
        """Return the number of active parameters."""
        return len(self._space.unpacked(self._row))
