"""The history in Optuna's words, kept from ask to ask, since to say it anew would cost more than the ask."""

from bisect import bisect_left
from collections.abc import Container, Mapping
from math import isfinite

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import InMemoryStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from toprung.search.domains import Domain, Int
from toprung.search.space import Space
from toprung.search.types import Configuration, Evaluation, Standing

_NAME = "experiment"
_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


class Mirror:
    """An Optuna study of an experiment's trials; the number of a trial is its index, whatever the order of arrival.

    Attributes:
        study: for a sampler to read.
        scratch: a running trial of another study, for a sampler to write on.
    """

    def __init__(self, space: Space, distributions: Mapping[str, BaseDistribution]) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._domains: dict[str, Domain] = {one.name: one.domain for one in space.dimensions}
        self._space = space
        self._distributions = distributions
        self._told: dict[int, Evaluation] = {}
        self._storage = _History()
        self._storage.create_new_study([StudyDirection.MAXIMIZE], _NAME)
        self.study: Study = optuna.load_study(study_name=_NAME, storage=self._storage)
        elsewhere = self._storage.create_new_study([StudyDirection.MAXIMIZE], "scratch")
        self.scratch: FrozenTrial = self._storage.get_trial(self._storage.create_new_trial(elsewhere))
        self.scratch.number = -1

    def reflect(self, history: Mapping[int, Evaluation], pending: Mapping[int, Configuration]) -> None:
        """Take in what has changed since the last time; pending trials are there until the next time only."""
        for index, evaluation in history.items():
            if self._told.get(index) is not evaluation:
                self._storage.put(self._trial(evaluation))
                self._told[index] = evaluation
        running = (Evaluation(index, parameters, Standing.RUNNING) for index, parameters in pending.items())
        self._storage.pending = [self._trial(evaluation) for evaluation in running]

    def finished(self) -> int:
        """Count the trials that a model can learn from."""
        return sum(trial.state in _FINISHED for trial in self._storage.trials)

    def _trial(self, evaluation: Evaluation) -> FrozenTrial:
        state, value, intermediate = standing(evaluation)
        positions = self._space.positions(evaluation.parameters)
        trial = create_trial(
            state=state,
            value=value,
            params={name: internal(self._domains[name], position) for name, position in positions.items()},
            distributions={name: self._distributions[name] for name in positions},
            intermediate_values=intermediate,
        )
        trial.number = evaluation.index
        return trial


class _History(InMemoryStorage):
    """A storage whose trials can change and come in any order, which samplers never ask for but operators live with."""

    def __init__(self) -> None:
        super().__init__()
        self.trials: list[FrozenTrial] = []
        self.pending: list[FrozenTrial] = []

    def put(self, trial: FrozenTrial) -> None:
        """Add a trial, or put it in the place of the one of that number."""
        at = bisect_left(self.trials, trial.number, key=_number)
        known = at < len(self.trials) and self.trials[at].number == trial.number
        self.trials[at : at + known] = [trial]

    def get_all_trials(
        self,
        study_id: int,  # noqa: ARG002 - Optuna's signature
        deepcopy: bool = True,  # noqa: ARG002, FBT001, FBT002 - as above
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """Give the trials by number; never copies, for no sampler writes on them."""
        return [trial for trial in (*self.trials, *self.pending) if states is None or trial.state in states]


def _number(trial: FrozenTrial) -> int:
    return int(trial.number)


def standing(evaluation: Evaluation) -> tuple[TrialState, float | None, dict[int, float]]:
    """Say in Optuna's words how good a trial is: state, value, intermediate values.

    TPE asks for nothing but the order of the trials, so runs that were given different resources need no common scale:
    complete ones come first, by their score; then those that were stopped or still run, by the last rung they reached
    and their score there. What has no finite score is running for Optuna: something near which nothing new should be
    tried (the constant liar's lie), and which is never a good example, however many trials fail.
    """
    rung, score = evaluation.rungs[-1] if evaluation.rungs else (0, evaluation.score)
    if evaluation.standing is Standing.COMPLETE:
        score = evaluation.score
    unknown = evaluation.standing is Standing.RUNNING and not evaluation.rungs
    if unknown or evaluation.standing is Standing.FAILED or score is None or not isfinite(score):
        return TrialState.RUNNING, None, {}
    if evaluation.standing is Standing.COMPLETE:
        return TrialState.COMPLETE, score, {}
    return TrialState.PRUNED, None, {rung: score}


def internal(domain: Domain, position: float) -> float:
    """Say a position in Optuna's numbers: a logarithmic int stands for itself, everything else is its position."""
    return domain.low + position if isinstance(domain, Int) and domain.log else position
