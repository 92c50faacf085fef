"""Optuna's copy of the history, mended by differences: to tell it everything at each ask would cost more than the ask.

The number of an Optuna trial is the index of ours, whatever the order of arrival, because TPE weighs trials by their
number; where nothing is to be told there is a failed trial, which Optuna ignores. An Optuna trial that runs can be
finished, but nothing else of it ever changes: where that is wanted (a higher rung is fitted on now, or a trial of a
small index comes late), everything is told anew.
"""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import InMemoryStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from toprung.search.domains import Domain, Int
from toprung.search.space import Space
from toprung.search.types import Configuration

_HOLE = create_trial(state=TrialState.FAIL)
_NAME = "experiment"


class Mirror:
    """An Optuna study that holds what a model may learn from.

    Attributes:
        study: for a sampler to read.
        scratch: a running trial of another study, for a sampler to write on.
    """

    def __init__(self, space: Space, distributions: Mapping[str, BaseDistribution]) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space = space
        self._distributions = distributions
        self._empty()

    def reflect(
        self, scores: Mapping[int, float], poor: AbstractSet[int], parameters: Callable[[int], Configuration]
    ) -> None:
        """Make the study hold these trials and nothing else.

        Args:
            scores: index -> score of trials that are finished for the model.
            poor: indices of all that never are to be an example, which a running trial is for Optuna.
            parameters: gives the configuration of a trial; that of a finished one never changes.
        """
        if not self._reachable(scores, poor, parameters):
            self._empty()
        for index in self._running.keys() - poor:
            self._finish(index, scores.get(index))
        for index in sorted((scores.keys() | poor) - self._scores.keys() - self._running.keys()):
            self._add(index, parameters(index), scores.get(index))

    def _empty(self) -> None:
        self._storage = InMemoryStorage()
        self._study_id = self._storage.create_new_study([StudyDirection.MAXIMIZE], _NAME)
        self._trial_ids: list[int] = []
        self._scores: dict[int, float] = {}
        self._running: dict[int, Configuration] = {}
        self.study: Study = optuna.load_study(study_name=_NAME, storage=self._storage)
        elsewhere = self._storage.create_new_study([StudyDirection.MAXIMIZE], "scratch")
        self.scratch: FrozenTrial = self._storage.get_trial(self._storage.create_new_trial(elsewhere))
        self.scratch.number = -1

    def _reachable(
        self, scores: Mapping[int, float], poor: AbstractSet[int], parameters: Callable[[int], Configuration]
    ) -> bool:
        """Say whether what Optuna was told can become what is wanted."""
        wanted = scores.keys() | poor
        late = wanted - self._scores.keys() - self._running.keys()
        return (
            self._scores.items() <= scores.items()
            and all(parameters(index) == known for index, known in self._running.items() if index in wanted)
            and min(late, default=len(self._trial_ids)) >= len(self._trial_ids)
        )

    def _add(self, index: int, parameters: Configuration, score: float | None) -> None:
        while len(self._trial_ids) < index:
            self._trial_ids.append(self._storage.create_new_trial(self._study_id, _HOLE))
        trial = create_trial(
            state=TrialState.RUNNING,
            params=self._params(parameters),
            distributions={name: self._distributions[name] for name in parameters},
        )
        self._trial_ids.append(self._storage.create_new_trial(self._study_id, trial))
        self._running[index] = parameters
        if score is not None:
            self._finish(index, score)

    def _finish(self, index: int, score: float | None) -> None:
        del self._running[index]
        if score is None:
            self._storage.set_trial_state_values(self._trial_ids[index], TrialState.FAIL)
        else:
            self._storage.set_trial_state_values(self._trial_ids[index], TrialState.COMPLETE, [score])
            self._scores[index] = score

    def _params(self, parameters: Configuration) -> dict[str, float]:
        positions = self._space.positions(parameters)
        domains = {one.name: one.domain for one in self._space.dimensions}
        return {name: internal(domains[name], position) for name, position in positions.items()}


def internal(domain: Domain, position: float) -> float:
    """Say a position in Optuna's numbers: a logarithmic int stands for itself, everything else is its position."""
    return domain.low + position if isinstance(domain, Int) and domain.log else position
