"""A genetic algorithm for several objectives, by Optuna."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from math import isfinite
from warnings import catch_warnings

from optuna.exceptions import ExperimentalWarning
from optuna.samplers import NSGAIISampler
from optuna.samplers.nsgaii import PolynomialMutation
from optuna.trial import FrozenTrial, TrialState

from toprung.api.v1alpha1.algorithms import Nsga2Settings
from toprung.api.v1alpha1.base import ParameterValue
from toprung.search.domains import Domain
from toprung.search.samplers.base import SuggestRequest
from toprung.search.samplers.model_trials import MAX_MODEL_TRIALS, select_trials
from toprung.search.samplers.optuna_adapter import (
    OptunaHistory,
    distribution,
    external,
    internal,
    open_study,
    reload_study,
)
from toprung.search.samplers.random import draw
from toprung.search.space import Dimension, Space
from toprung.search.types import Configuration, Evaluation, EvaluationState
from toprung.seeds import derive


class Nsga2:
    """Steady-state NSGA-II (Deb et al., 2002; Durillo et al., 2009): the parents are the best of all complete trials,
    by front and crowding distance, as soon as one has ended. No trial waits for a generation.

    Stopped and failed trials are no parents. A parameter that is not active in a parent is inherited, too, with a value
    drawn for it once, and dropped if it is not active in the child.
    """

    def __init__(self, space: Space, settings: Nsga2Settings, objectives: int) -> None:
        self.space = space
        self._settings = settings
        self._objectives = objectives
        self._distributions = {one.name: distribution(one.domain) for one in space.dimensions}
        self._storage = OptunaHistory()
        _, self._scratch = open_study(self._storage, objectives)
        self._observed: dict[int, Evaluation] = {}
        self._values: dict[int, tuple[float, ...]] = {}
        self._parents: AbstractSet[int] = frozenset()
        with catch_warnings(category=ExperimentalWarning, action="ignore"):  # may change with Optuna, which is pinned
            self._mutation = PolynomialMutation()

    def suggest(self, request: SuggestRequest) -> Configuration:
        """Return a child of two parents or a copy of one, mutated: numbers change a little, lists are redrawn."""
        self._update(request.history)
        drawn = draw(request.space, request.seed)
        if len(self._storage.trials) < self._settings.population_size:
            return drawn
        inherited = self._child(request)
        fresh = {one.name: one.domain.at(_unit(request.seed, one.name)) for one in request.space.dimensions}

        def gene(dimension: Dimension) -> ParameterValue:
            return inherited.get(dimension.name, fresh[dimension.name])

        return request.space.complete(gene)

    def _child(self, request: SuggestRequest) -> Mapping[str, ParameterValue]:
        sampler = NSGAIISampler(
            population_size=self._settings.population_size,
            crossover_prob=self._settings.crossover_probability,
            mutation=self._mutation,
            mutation_prob=self._settings.mutation_probability,
            seed=request.seed % 2**32,
        )
        domains: dict[str, Domain] = {one.name: one.domain for one in request.space.dimensions if one.domain.count != 1}
        self._scratch.system_attrs = {_generation(): 1}
        free = {name: self._distributions[name] for name in domains}
        genes = sampler.sample_relative(reload_study(self._storage), self._scratch, free) if free else {}
        return {name: external(domains[name], number) for name, number in genes.items()}

    def _update(self, history: Mapping[int, Evaluation]) -> None:
        changed = {index for index, evaluation in history.items() if self._observed.get(index) is not evaluation}
        for index in changed:
            self._observed[index] = history[index]
            self._values.pop(index, None)
            if (values := self._values_of(history[index])) is not None:
                self._values[index] = values
        parents = select_trials(self._values, MAX_MODEL_TRIALS) if changed else self._parents
        for index in self._parents - parents:
            self._storage.drop(index)
        for index in parents:
            if index in changed or index not in self._parents:
                self._storage.put(self._trial(self._observed[index], self._values[index]))
        self._parents = frozenset(parents)

    def _values_of(self, evaluation: Evaluation) -> tuple[float, ...] | None:
        """Return the values by which a complete trial is compared; None for any other trial."""
        values = evaluation.scores or (evaluation.score,)
        finite = tuple(value for value in values if value is not None and isfinite(value))
        return finite if evaluation.state is EvaluationState.COMPLETE and len(finite) == self._objectives else None

    def _trial(self, evaluation: Evaluation, values: tuple[float, ...]) -> FrozenTrial:
        return FrozenTrial(  # without the validation of `create_trial`, which takes most of the time
            number=evaluation.index,
            state=TrialState.COMPLETE,
            value=None,
            values=values,
            datetime_start=None,
            datetime_complete=None,
            params={one.name: _number(one, evaluation) for one in self.space.dimensions},
            distributions=self._distributions,
            user_attrs={},
            system_attrs={_generation(): 0},
            intermediate_values={},
            trial_id=evaluation.index,  # identifies the parents
        )


def _generation() -> str:
    """Return the name of the attribute that marks parents: generation 0, for a child of generation 1."""
    return str(NSGAIISampler._get_generation_key())  # noqa: SLF001 - pinned with Optuna


def _number(dimension: Dimension, evaluation: Evaluation) -> float:
    idle = dimension.domain.at(_unit(evaluation.index, dimension.name))
    return internal(dimension.domain, dimension.domain.position(evaluation.parameters.get(dimension.name, idle)))


def _unit(seed: int, name: str) -> float:
    return derive(seed, "gene", name) / 2**64
