"""Optuna's copy of the history, mended by differences: to tell it everything at each ask would cost more than the ask.

The number of an Optuna trial is the index of ours, whatever the order of arrival, because TPE weighs trials by their
number; where nothing is to be told there is a failed trial, which Optuna ignores. An Optuna trial that runs can be
finished, but nothing else of it ever changes: where that is wanted (a higher rung is fitted on now, or a trial of a
small index comes late), everything is told anew.
"""

from collections.abc import Mapping

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import InMemoryStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from toprung.search.domains import Domain, Int
from toprung.search.fidelity import Records
from toprung.search.space import Space
from toprung.search.types import Configuration, Evaluation

_HOLE = create_trial(state=TrialState.FAIL)
_NAME = "experiment"
_Told = tuple[Configuration, float | None]
"""Parameters of a trial, and its score; None for a running one, which serves for all that is poor."""


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

    def reflect(self, known: Records, history: Mapping[int, Evaluation]) -> None:
        """Make the study hold these records and nothing else."""
        scores: dict[int, float | None] = {**dict.fromkeys(known.poor), **known.scores}
        wanted = {index: (history[index].parameters, scores[index]) for index in sorted(scores)}
        if not all(self._reachable(index, wanted.get(index)) for index in self._told) or self._late(wanted):
            self._empty()
        for index in self._told.keys() - wanted.keys():
            self._finish(index, None)
        for index, told in wanted.items():
            self._tell(index, told)

    def _empty(self) -> None:
        self._storage = InMemoryStorage()
        self._study_id = self._storage.create_new_study([StudyDirection.MAXIMIZE], _NAME)
        self._trial_ids: list[int] = []
        self._told: dict[int, _Told] = {}
        self.study: Study = optuna.load_study(study_name=_NAME, storage=self._storage)
        elsewhere = self._storage.create_new_study([StudyDirection.MAXIMIZE], "scratch")
        self.scratch: FrozenTrial = self._storage.get_trial(self._storage.create_new_trial(elsewhere))
        self.scratch.number = -1

    def _reachable(self, index: int, wanted: _Told | None) -> bool:
        """Say whether what Optuna was told of a trial can become what is wanted."""
        parameters, score = self._told[index]
        if wanted is None:
            return score is None
        return wanted[0] == parameters and score in (None, wanted[1])

    def _late(self, wanted: Mapping[int, _Told]) -> bool:
        return any(index < len(self._trial_ids) and index not in self._told for index in wanted)

    def _tell(self, index: int, told: _Told) -> None:
        parameters, score = told
        if index not in self._told:
            self._add(index, parameters, score)
        elif self._told[index][1] != score:
            self._finish(index, score)
        self._told[index] = told

    def _add(self, index: int, parameters: Configuration, score: float | None) -> None:
        while len(self._trial_ids) < index:
            self._trial_ids.append(self._storage.create_new_trial(self._study_id, _HOLE))
        trial = create_trial(
            state=TrialState.RUNNING if score is None else TrialState.COMPLETE,
            value=score,
            params=self._params(parameters),
            distributions={name: self._distributions[name] for name in parameters},
        )
        self._trial_ids.append(self._storage.create_new_trial(self._study_id, trial))

    def _finish(self, index: int, score: float | None) -> None:
        state = TrialState.FAIL if score is None else TrialState.COMPLETE
        self._storage.set_trial_state_values(self._trial_ids[index], state, None if score is None else [score])
        if score is None:
            del self._told[index]

    def _params(self, parameters: Configuration) -> dict[str, float]:
        positions = self._space.positions(parameters)
        return {
            one.name: internal(one.domain, positions[one.name])
            for one in self._space.dimensions
            if one.name in positions
        }


def internal(domain: Domain, position: float) -> float:
    """Say a position in Optuna's numbers: a logarithmic int stands for itself, everything else is its position."""
    return domain.low + position if isinstance(domain, Int) and domain.log else position
