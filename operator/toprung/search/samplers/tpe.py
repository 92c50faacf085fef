"""The tree-structured Parzen estimator, by Optuna."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.samplers import TPESampler

from toprung.api.algorithms import TpeSettings
from toprung.api.base import ParameterValue
from toprung.search.samplers.base import Ask
from toprung.search.samplers.distributions import distribution, external
from toprung.search.samplers.mirror import Mirror
from toprung.search.samplers.uniform import draw
from toprung.search.space import Dimension, Space
from toprung.search.types import Configuration


class Tpe:
    """Multivariate TPE (Bergstra et al., 2011; Falkner et al., 2018) with a constant liar; random draws come first.

    Parameters that are active together are sampled together, those of a condition after those that decide it: what
    Optuna calls `group`, but read from the space instead of guessed from past trials.
    """

    def __init__(self, space: Space, settings: TpeSettings, objectives: int) -> None:
        self.space = space
        self._settings = settings
        self._distributions = {one.name: distribution(one.domain) for one in space.dimensions}
        self._mirror = Mirror(space, self._distributions, objectives)

    def propose(self, ask: Ask) -> Configuration:
        """Fit on the history and draw from the good trials' density what the others' makes least likely."""
        self._mirror.reflect(ask.history, ask.pending)
        if self._mirror.finished() < max(1, self._settings.startup_trials):
            return draw(ask.space, ask.seed)
        configuration: dict[str, ParameterValue] = {}
        for number, group in enumerate(ask.space.groups):
            if group[0].active(configuration):
                configuration |= self._sample(group, self._sampler(ask, number, configuration))
        return configuration

    def _sampler(self, ask: Ask, number: int, configuration: dict[str, ParameterValue]) -> TPESampler:
        """Give the sampler of that group of parameters, beside those drawn already."""
        finite, later = ask.space.size is not None, ask.space.groups[number + 1 :]

        def fresh(drawn: Mapping[str, float]) -> bool:
            whole = configuration | self._values(ask.space.groups[number], drawn)
            return any(group[0].active(whole) for group in later) or not ask.tried(self.space.key(whole))

        return _Fresh(
            fresh if finite else None,
            n_startup_trials=0,
            n_ei_candidates=self._settings.candidates * (4**ask.attempt if finite else 1),
            multivariate=True,
            constant_liar=True,
            seed=ask.seed % 2**32,
        )

    def _sample(self, group: tuple[Dimension, ...], sampler: TPESampler) -> Mapping[str, ParameterValue]:
        """Draw the parameters of one group jointly; those with one value only are no question."""
        free = {one.name: self._distributions[one.name] for one in group if one.domain.count != 1}
        return self._values(group, sampler.sample_relative(self._mirror.study, self._mirror.scratch, free))

    def _values(self, group: tuple[Dimension, ...], drawn: Mapping[str, float]) -> dict[str, ParameterValue]:
        return {
            one.name: external(one.domain, drawn[one.name]) if one.name in drawn else one.domain.value(0)
            for one in group
        }


class _Fresh(TPESampler):
    """Prefers candidates that are new, however promising the others are."""

    def __init__(self, fresh: Callable[[Mapping[str, float]], bool] | None, **settings: Any) -> None:
        super().__init__(**settings)
        self._fresh = fresh

    def _compute_acquisition_func(
        self, samples: dict[str, NDArray[np.float64]], *estimators: Any
    ) -> NDArray[np.float64]:
        values: NDArray[np.float64] = super()._compute_acquisition_func(samples, *estimators)
        if self._fresh is not None:
            drawn = (dict(zip(samples, each, strict=True)) for each in zip(*samples.values(), strict=True))
            values[[not self._fresh(each) for each in drawn]] = -np.inf
        return values
