"""A Gaussian process with expected improvement, by Optuna."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import islice
from math import isfinite, log
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from optuna._gp.acqf import BaseAcquisitionFunc
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import GPSampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from toprung.api.v1alpha1.algorithms import GpSettings
from toprung.api.v1alpha1.base import ParameterValue
from toprung.search.domains import Domain, ordered, unit
from toprung.search.ranking import Rank, rank
from toprung.search.samplers.base import SuggestRequest
from toprung.search.samplers.grid import shuffled
from toprung.search.samplers.optuna_adapter import OptunaHistory, Positions, open_study
from toprung.search.samplers.random import draw
from toprung.search.space import Space
from toprung.search.types import Configuration, Evaluation, EvaluationState

_RESOURCE = "/resource"
"""The name of the model's additional input, which is not valid for a parameter."""
_PENDING = 16
"""Maximum number of running trials to fantasize, the newest ones. Each makes the next request slower."""
_UNTRIED = 1000
"""Number of untried configurations of a finite space to choose from if the optimum was tried already."""
_FEW = 16
"""Maximum number of ordered values to enumerate. More values are searched as a continuum and rounded."""


@dataclass(frozen=True, slots=True)
class EvaluatedPoint:
    """Values of the objectives, observed at a level.

    Attributes:
        level: resource of the observation; 0 without rungs.
        values: one per objective; larger is better.
        rank: the trial's rank; None for a failed trial.
    """

    index: int
    parameters: Configuration
    level: int
    values: tuple[float, ...]
    rank: Rank | None = None


class Gp:
    """Bayesian optimization with a Matern 5/2 kernel and (log) expected improvement (Jones et al., 1998; Ament et al.,
    2023), pending trials fantasized about; random draws come first.

    Under early stopping the resource is one more input of the model, on a log scale, every rung record an observation,
    and the acquisition is maximized at the highest level seen: MOBSTER (Klein et al., 2020, arXiv:2003.10865), with one
    kernel over both. A parameter that is not active beside the others counts as the middle of its range.
    """

    def __init__(self, space: Space, settings: GpSettings, objectives: int) -> None:
        self.space = space
        self._settings = settings
        self._objectives = objectives
        self._storage = OptunaHistory()
        self._study, self._scratch = open_study(self._storage, objectives)

    def suggest(self, request: SuggestRequest) -> Configuration:
        """Fit the model and maximize the acquisition, in a finite space over untried configurations."""
        known = [*self._observed(request.history.values())]
        trials = len({one.index for one in known if one.rank is not None})
        if request.attempt or trials < self._settings.startup_trials:
            return draw(request.space, request.seed)
        view = _View.of(request.space, known := _most_informative(known, self._settings.max_observations))
        self._storage.trials = [view.trial(one.index, one.parameters, one.level, one.values) for one in known]
        self._storage.pending = [view.trial(index, parameters) for index, parameters in _running(request)]
        if not view.distributions:
            return request.space.combination(0)
        sampler = _MaxFidelityGPSampler(
            lambda drawn: self._alternatives(view, request, drawn), seed=request.seed % 2**32, n_startup_trials=0
        )
        with np.errstate(invalid="ignore", divide="ignore"):  # if the acquisition is 0 everywhere except at its maximum
            drawn = sampler.sample_relative(self._study, self._scratch, view.distributions)
        return view.configuration(drawn)

    def _alternatives(self, view: "_View", request: SuggestRequest, drawn: Mapping[str, float]) -> list[FrozenTrial]:
        """Return untried configurations to choose from instead of a configuration that was tried already."""
        if request.space.size is None or not request.tried(self.space.key(view.configuration(drawn))):
            return []
        untried = (one for one in shuffled(request.space, request.seed) if not request.tried(self.space.key(one)))
        return [view.trial(number, parameters) for number, parameters in enumerate(islice(untried, _UNTRIED))]

    def _observed(self, evaluations: Iterable[Evaluation]) -> list[EvaluatedPoint]:
        """Return the points to fit the model to; failed and diverged trials have the worst value of the others."""
        points, without_value = [], []
        for one in sorted(evaluations, key=lambda evaluation: evaluation.index):
            found = _points_of_several(one) if self._objectives > 1 else _points_of_one(one)
            points += found
            if not found and one.state is not EvaluationState.RUNNING:
                without_value.append(one)
        if not points or self._objectives > 1:
            return points
        worst = min(observation.values for observation in points)
        top = max(observation.level for observation in points)
        return [*points, *(EvaluatedPoint(one.index, one.parameters, top, worst) for one in without_value)]


@dataclass(frozen=True, slots=True)
class _View:
    """The space and the resource as inputs of one model.

    Attributes:
        space: the parameters to choose; parameters with a single value are no input.
        levels: the lowest and the highest observed level; equal if the resource is no input.
    """

    space: Space
    distributions: dict[str, BaseDistribution]
    levels: tuple[int, int]

    @classmethod
    def of(cls, space: Space, known: Sequence[EvaluatedPoint]) -> "_View":
        levels = {one.level for one in known if one.level > 0} or {1}
        free = {one.name: _input(one.domain) for one in space.dimensions if one.domain.count != 1}
        resource = {_RESOURCE: FloatDistribution(0.0, 1.0)} if free and len(levels) > 1 else {}
        return cls(space, free | resource, (min(levels), max(levels)))

    def trial(
        self, number: int, parameters: Configuration, level: int = 0, values: tuple[float, ...] | None = None
    ) -> FrozenTrial:
        """Build Optuna's trial for an observation; without values it is a running trial."""
        params = {
            one.name: _number(one.domain, parameters.get(one.name, one.domain.at(0.5)))
            for one in self.space.dimensions
            if one.name in self.distributions
        }
        if _RESOURCE in self.distributions:
            params[_RESOURCE] = self._resource_input(level)
        state = TrialState.RUNNING if values is None else TrialState.COMPLETE
        trial = create_trial(state=state, values=values, params=params, distributions=self.distributions)
        trial.number = number
        return trial

    def configuration(self, drawn: Mapping[str, float]) -> Configuration:
        """Return the configuration of a proposal."""
        return self.space.complete(
            lambda one: _value(one.domain, drawn[one.name]) if one.name in drawn else one.domain.value(0)
        )

    def _resource_input(self, level: int) -> float:
        low, high = self.levels
        return log(level / low) / log(high / low) if level else 1.0


def _input(domain: Domain) -> BaseDistribution:
    """Return the input of a parameter: the unit interval, or the positions of few values."""
    if not ordered(domain):
        return Positions(range(domain.count or 1))
    if domain.count is not None and domain.count <= _FEW:
        return IntDistribution(0, domain.count - 1)
    return FloatDistribution(0.0, 1.0)


def _number(domain: Domain, value: ParameterValue) -> float:
    return unit(domain, value) if isinstance(_input(domain), FloatDistribution) else domain.position(value)


def _value(domain: Domain, number: float) -> ParameterValue:
    return domain.at(number) if isinstance(_input(domain), FloatDistribution) else domain.value(number)


def _points_of_one(evaluation: Evaluation) -> list[EvaluatedPoint]:
    trial_rank = rank(evaluation)
    if trial_rank is None:
        return []
    records = list(evaluation.rungs)
    if evaluation.state is EvaluationState.COMPLETE or not records:
        records[-1:] = [(records[-1][0] if records else 0, evaluation.score or 0.0)]
    return [
        EvaluatedPoint(evaluation.index, evaluation.parameters, level, (score,), trial_rank)
        for level, score in records
        if isfinite(score)
    ]


def _points_of_several(evaluation: Evaluation) -> list[EvaluatedPoint]:
    complete = evaluation.state is EvaluationState.COMPLETE and evaluation.scores
    if not complete or not all(map(isfinite, evaluation.scores)):
        return []
    return [EvaluatedPoint(evaluation.index, evaluation.parameters, 0, evaluation.scores, rank(evaluation))]


def _most_informative(known: list[EvaluatedPoint], most: int) -> list[EvaluatedPoint]:
    """Return at most `most` points, half of them the best and half the newest, by index."""
    if len(known) <= most:
        return known
    best = nlargest(most // 2, known, key=lambda one: (one.rank or (False, -1, 0.0), one.level, -one.index))
    chosen = {(one.index, one.level) for one in best}
    rest = [one for one in known if (one.index, one.level) not in chosen]
    newest = nlargest(most - len(best), rest, key=lambda one: (one.index, one.level))
    return sorted((*best, *newest), key=lambda one: (one.index, one.level))


def _running(request: SuggestRequest) -> list[tuple[int, Configuration]]:
    history = ((index, request.history[index]) for index in sorted(request.history))
    running = [(i, one.parameters) for i, one in history if one.state is EvaluationState.RUNNING and not one.rungs]
    return [*running, *request.pending.items()][-_PENDING:]


class _MaxFidelityGPSampler(GPSampler):
    """Maximizes the acquisition at the highest resource, among the given alternative trials if there are any."""

    def __init__(self, alternatives: Callable[[Mapping[str, float]], list[FrozenTrial]], **settings: Any) -> None:
        super().__init__(**settings)
        self._alternatives = alternatives

    def _optimize_acqf(self, acqf: BaseAcquisitionFunc, best_params: NDArray[np.float64] | None) -> NDArray[np.float64]:
        names = list(acqf.search_space._optuna_search_space)  # noqa: SLF001 - the columns have no other names
        if _RESOURCE in names:
            column = names.index(_RESOURCE)
            acqf = _FixedInput(acqf, column)
            if best_params is not None:
                best_params = best_params.copy()
                best_params[:, column] = 1.0
        found: NDArray[np.float64] = super()._optimize_acqf(acqf, best_params)
        if others := self._alternatives(acqf.search_space.get_unnormalized_param(found)):
            points: NDArray[np.float64] = acqf.search_space.get_normalized_params(others)
            found = points[np.argmax(acqf.eval_acqf_no_grad(points))]
        return found


class _FixedInput(BaseAcquisitionFunc):
    """An acquisition function with one input held at 1."""

    def __init__(self, free: BaseAcquisitionFunc, column: int) -> None:
        super().__init__(free.length_scales, free.search_space)
        self._free = free
        self._column = column

    def eval_acqf(self, x: torch.Tensor) -> torch.Tensor:
        """Evaluate at points of shape (..., inputs)."""
        held = x.clone()
        held[..., self._column] = 1.0
        value: torch.Tensor = self._free.eval_acqf(held)
        return value
