"""The tree-structured Parzen estimator, by Optuna."""

from collections.abc import Mapping

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
        sampler = TPESampler(
            n_startup_trials=0,
            n_ei_candidates=self._settings.candidates,
            multivariate=True,
            constant_liar=True,
            seed=ask.seed % 2**32,
        )
        configuration: dict[str, ParameterValue] = {}
        for group in ask.space.groups:
            if group[0].active(configuration):
                configuration |= self._sample(group, sampler)
        return configuration

    def _sample(self, group: tuple[Dimension, ...], sampler: TPESampler) -> Mapping[str, ParameterValue]:
        """Draw the parameters of one group jointly; those with one value only are no question."""
        free = {one.name: self._distributions[one.name] for one in group if one.domain.count != 1}
        drawn = sampler.sample_relative(self._mirror.study, self._mirror.scratch, free)
        return {
            one.name: external(one.domain, drawn[one.name]) if one.name in free else one.domain.value(0)
            for one in group
        }
