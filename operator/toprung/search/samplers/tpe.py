"""The tree-structured Parzen estimator, by Optuna."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from toprung.api.v1alpha1.algorithms import TpeSettings
from toprung.api.v1alpha1.base import ParameterValue
from toprung.search.domains import ordered
from toprung.search.samplers.base import SuggestRequest
from toprung.search.samplers.model_trials import MAX_MODEL_TRIALS
from toprung.search.samplers.optuna_adapter import OptunaStudy, distribution, external
from toprung.search.samplers.random import draw
from toprung.search.space import Dimension, Space
from toprung.search.types import Configuration

_MIN_TRIALS = 250
"""Minimum number of trials of the model. With as many, the better group of Optuna has its largest size."""
_WORK = 2**26
"""Product of candidates, trials and parameters for a proposal: one or two seconds."""
_VALUES = 2**22
"""Product of trials and categorical values: 32 MiB of weights."""
_PART = 2**20
"""Product of candidates, trials and parameters that are computed at once: arrays of 8 MiB."""


class Tpe:
    """Multivariate TPE (Bergstra et al., 2011; Falkner et al., 2018) with a constant liar; random draws come first.

    Parameters that are active together are sampled together, conditional ones after their parents. This is Optuna's
    `group`, but derived from the space instead of from past trials.
    """

    def __init__(self, space: Space, settings: TpeSettings, objectives: int) -> None:
        self.space = space
        self._settings = settings
        self._distributions = {one.name: distribution(one.domain) for one in space.dimensions}
        self._study = OptunaStudy(space, self._distributions, objectives, _max_trials(space, settings))

    def suggest(self, request: SuggestRequest) -> Configuration:
        """Return the draw from the density of the better trials whose ratio to the density of the others is highest."""
        self._study.synchronize(request.history, request.pending)
        if self._study.finished() < max(1, self._settings.startup_trials):
            return draw(request.space, request.seed)
        configuration: dict[str, ParameterValue] = {}
        for number, group in enumerate(request.space.groups):
            if group[0].active(configuration):
                configuration |= self._sample(group, self._sampler(request, number, configuration))
        return configuration

    def _sampler(self, request: SuggestRequest, number: int, configuration: dict[str, ParameterValue]) -> TPESampler:
        """Return the sampler of a group of parameters, apart from those that are already drawn."""
        repeats, later = request.space.repeats, request.space.groups[number + 1 :]

        def untried(drawn: Mapping[str, float]) -> bool:
            whole = configuration | self._values(request.space.groups[number], drawn)
            return any(group[0].active(whole) for group in later) or not request.tried(self.space.key(whole))

        return _UntriedTPESampler(
            untried if repeats else None,
            n_startup_trials=0,
            n_ei_candidates=self._candidates(request.attempt) if repeats else self._settings.ei_candidates,
            multivariate=True,
            constant_liar=True,
            seed=request.seed % 2**32,
        )

    def _candidates(self, attempt: int) -> int:
        """Return the number of candidates: four times as many at each further attempt, limited by the time."""
        affordable = _WORK // (self._study.finished() * len(self.space.dimensions) + 1)
        wanted: int = self._settings.ei_candidates * 4**attempt
        return max(self._settings.ei_candidates, min(wanted, affordable))

    def _sample(self, group: tuple[Dimension, ...], sampler: TPESampler) -> Mapping[str, ParameterValue]:
        """Draw the parameters of one group jointly; parameters with a single value are not sampled."""
        free = {one.name: self._distributions[one.name] for one in group if one.domain.count != 1}
        return self._values(group, sampler.sample_relative(self._study.study, self._study.scratch, free))

    def _values(self, group: tuple[Dimension, ...], drawn: Mapping[str, float]) -> dict[str, ParameterValue]:
        return {
            one.name: external(one.domain, drawn[one.name]) if one.name in drawn else one.domain.value(0)
            for one in group
        }


def _max_trials(space: Space, settings: TpeSettings) -> int:
    """Return the maximum number of trials of the model.

    The time grows with the product of trials, candidates and parameters. The memory grows with the product of trials
    and categorical values.
    """
    work = settings.ei_candidates * len(space.dimensions)
    values = sum(one.domain.count or 0 for one in space.dimensions if not ordered(one.domain))
    return max(_MIN_TRIALS, min(MAX_MODEL_TRIALS, _WORK // work, _VALUES // max(1, values)))


class _UntriedTPESampler(TPESampler):
    """Prefers untried candidates to all others, and compares them in parts that fit in memory."""

    def __init__(self, untried: Callable[[Mapping[str, float]], bool] | None, **settings: Any) -> None:
        super().__init__(**settings)
        self._untried = untried

    def _get_internal_repr(
        self,
        trials: list[FrozenTrial],
        search_space: dict[str, BaseDistribution],
        study: Study,  # noqa: ARG002 - Optuna's signature
    ) -> dict[str, NDArray[np.float64]]:
        """Return the parameters of the trials, which already are Optuna's internal numbers."""
        names = list(search_space)
        rows = [[one.params[name] for name in names] for one in trials if search_space.keys() <= one.params.keys()]
        table = np.array(rows, dtype=float).reshape(len(rows), len(names))
        return dict(zip(names, table.T, strict=True))

    def _compute_acquisition_func(
        self, samples: dict[str, NDArray[np.float64]], *estimators: Any
    ) -> NDArray[np.float64]:
        size = max(1, _PART // (len(samples) * max(_kernels(one) for one in estimators)))
        count = len(next(iter(samples.values())))
        parts = (
            super(_UntriedTPESampler, self)._compute_acquisition_func(
                {name: column[start : start + size] for name, column in samples.items()}, *estimators
            )
            for start in range(0, count, size)
        )
        values: NDArray[np.float64] = np.concatenate(list(parts))
        if self._untried is not None:
            drawn = (dict(zip(samples, each, strict=True)) for each in zip(*samples.values(), strict=True))
            values[[not self._untried(each) for each in drawn]] = -np.inf
        return values


def _kernels(estimator: Any) -> int:
    return len(estimator._mixture_distribution.weights)  # noqa: SLF001 - pinned with Optuna
