"""Keeps the history as an Optuna study between requests, because converting it takes longer than a suggestion."""

from bisect import bisect_left
from collections.abc import Container, Mapping
from collections.abc import Set as AbstractSet
from math import isfinite, log
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import InMemoryStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from toprung.api.v1alpha1.base import ParameterValue
from toprung.search.domains import Domain, Double, Int, ordered, unit
from toprung.search.ranking import rank
from toprung.search.samplers.model_trials import (
    MAX_MODEL_TRIALS,
    SelectionKey,
    select_trials,
    selection_key,
    selection_key_of_several,
)
from toprung.search.space import Space
from toprung.search.types import Configuration, Evaluation, EvaluationState

SCRATCH_NUMBER = -(2**62)
"""The number of a scratch trial. Trials of the experiment have their index, prior trials a negative one."""
_NAME = "experiment"


class OptunaStudy:
    """An Optuna study of an experiment's trials; the number of a trial is its index, whatever the order of arrival.

    Of more than `most` trials, it keeps the best and the newest, to bound the time and memory of a model.

    Attributes:
        study: for a sampler to read.
        scratch: a running trial of another study, for a sampler to write on.
    """

    def __init__(
        self,
        space: Space,
        distributions: Mapping[str, BaseDistribution],
        objectives: int = 1,
        most: int = MAX_MODEL_TRIALS,
    ) -> None:
        self._domains: dict[str, Domain] = {one.name: one.domain for one in space.dimensions}
        self._space = space
        self._distributions = dict(distributions)
        self._most = most
        self._observed: dict[int, Evaluation] = {}
        self._selection_keys: dict[int, SelectionKey] = {}
        self._stored: AbstractSet[int] = frozenset()
        self._storage = OptunaHistory()
        self.study, self.scratch = open_study(self._storage, objectives)
        self._values_of = optuna_values if objectives == 1 else optuna_values_of_several
        self._key_of = selection_key if objectives == 1 else selection_key_of_several

    def synchronize(self, history: Mapping[int, Evaluation], pending: Mapping[int, Configuration]) -> None:
        """Apply all changes since the last call. Pending trials stay until the next call only."""
        changed = {index for index, evaluation in history.items() if self._observed.get(index) is not evaluation}
        self._observed |= {index: history[index] for index in changed}
        self._selection_keys |= {index: self._key_of(history[index]) for index in changed}
        if changed:
            self._store(select_trials(self._selection_keys, self._most), changed)
        running = (Evaluation(index, parameters, EvaluationState.RUNNING) for index, parameters in pending.items())
        self._storage.pending = [self._trial(evaluation) for evaluation in running]

    def finished(self) -> int:
        """Count the trials that a model can learn from, including those that the study does not hold."""
        return sum(key is not None for key in self._selection_keys.values())

    def _store(self, chosen: AbstractSet[int], changed: AbstractSet[int]) -> None:
        for index in self._stored - chosen:
            self._storage.drop(index)
        for index in chosen:
            if index in changed or index not in self._stored:
                self._storage.put(self._trial(self._observed[index]))
        self._stored = frozenset(chosen)

    def _trial(self, evaluation: Evaluation) -> FrozenTrial:
        state, values, intermediate = self._values_of(evaluation)
        positions = self._space.positions(evaluation.parameters)
        return FrozenTrial(  # without the validation of `create_trial`, which takes most of the time
            number=evaluation.index,
            state=state,
            value=None,
            values=values,
            datetime_start=None,
            datetime_complete=None,
            params={name: internal(self._domains[name], position) for name, position in positions.items()},
            distributions=self._distributions,
            user_attrs={},
            system_attrs={},
            intermediate_values=intermediate,
            trial_id=evaluation.index,
        )


def open_study(storage: "OptunaHistory", objectives: int = 1) -> tuple[Study, FrozenTrial]:
    """Return a study of a storage's trials, and a running trial of another study, for a sampler to write on."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    directions = [StudyDirection.MAXIMIZE] * objectives
    storage.create_new_study(directions, _NAME)
    elsewhere = storage.create_new_study(directions, "scratch")
    scratch = storage.get_trial(storage.create_new_trial(elsewhere))
    scratch.number = SCRATCH_NUMBER
    return reload_study(storage), scratch


def reload_study(storage: "OptunaHistory") -> Study:
    """Load the study again: a study caches the trials that a sampler has read."""
    return optuna.load_study(study_name=_NAME, storage=storage)


class OptunaHistory(InMemoryStorage):
    """A storage whose trials can change and arrive in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.trials: list[FrozenTrial] = []
        self.pending: list[FrozenTrial] = []

    def put(self, trial: FrozenTrial) -> None:
        """Add a trial, or replace the trial with the same number."""
        self.trials[self._slice_of(trial.number)] = [trial]

    def drop(self, number: int) -> None:
        """Remove a trial, if it exists."""
        self.trials[self._slice_of(number)] = []

    def _slice_of(self, number: int) -> slice:
        at = bisect_left(self.trials, number, key=_number)
        known = at < len(self.trials) and self.trials[at].number == number
        return slice(at, at + known)

    def get_all_trials(
        self,
        study_id: int,  # noqa: ARG002 - Optuna's signature
        deepcopy: bool = True,  # noqa: ARG002, FBT001, FBT002 - as above
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """Return the trials by number, without copies, because no sampler changes them."""
        return [trial for trial in (*self.trials, *self.pending) if states is None or trial.state in states]

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:  # noqa: ARG002 - Optuna's signature
        """Return nothing: notes of a sampler about an earlier history are not valid for this one."""
        return {}


def _number(trial: FrozenTrial) -> int:
    return int(trial.number)


OptunaValues = tuple[TrialState, tuple[float, ...] | None, dict[int, float]]
"""State, values and intermediate values of a trial."""


def optuna_values(evaluation: Evaluation) -> OptunaValues:
    """Return Optuna's state and values for the rank of a trial.

    TPE uses only the order of the trials, so trials with different resources need no common scale. A trial without a
    rank is a running trial for Optuna: a point near which no new trial should be (the constant liar's lie), which is
    never a good example, however many trials fail.
    """
    match rank(evaluation):
        case None:
            return TrialState.RUNNING, None, {}
        case True, _, score:
            return TrialState.COMPLETE, (score,), {}
        case _, rung, score:
            return TrialState.PRUNED, None, {rung: score}


def optuna_values_of_several(evaluation: Evaluation) -> OptunaValues:
    """Return them for several objectives: only complete trials can be good, since rungs record the first one only."""
    if evaluation.state is EvaluationState.COMPLETE and evaluation.scores and all(map(isfinite, evaluation.scores)):
        return TrialState.COMPLETE, evaluation.scores, {}
    return TrialState.RUNNING, None, {}


class Positions(CategoricalDistribution):
    """The positions of a list. Each is its own internal representation, so that Optuna does not search the list."""

    def to_internal_repr(self, param_value_in_external_repr: object) -> float:
        """Return the position itself."""
        return float(param_value_in_external_repr)  # type: ignore[arg-type]


_LARGEST, _SMALLEST, _SMALLEST_LOG = 1e300, 1e-300, 1e-9


def distribution(domain: Domain) -> BaseDistribution:
    """Return the distribution of the positions of a domain; a logarithmic int is its own position."""
    match domain:
        case Double(count=None) if _extreme(domain):
            return FloatDistribution(0.0, 1.0)
        case Double(count=None):
            return FloatDistribution(domain.low, domain.high, log=domain.log)
        case Int(log=True):
            return IntDistribution(domain.low, domain.high, log=True)
    if not ordered(domain):
        return Positions(range(domain.count or 1))
    return IntDistribution(0, (domain.count or 1) - 1)


def internal(domain: Domain, position: float) -> float:
    """Return the number that Optuna computes with: the value of a logarithmic int, else the position."""
    if isinstance(domain, Double) and domain.count is None and _extreme(domain):
        return unit(domain, position)
    return domain.low + position if isinstance(domain, Int) and domain.log else position


def external(domain: Domain, drawn: float) -> ParameterValue:
    """Return the value of a number drawn from the distribution; the inverse of :func:`internal`."""
    if isinstance(domain, Double) and domain.count is None and _extreme(domain):
        return domain.at(drawn)
    return int(drawn) if isinstance(domain, Int) and domain.log else domain.value(drawn)


def _extreme(domain: Double) -> bool:
    """Return whether sums of the bounds, or a hundredth of the range, exceed the range of a float."""
    if domain.log:
        return log(domain.high) - log(domain.low) < _SMALLEST_LOG
    return max(-domain.low, domain.high) > _LARGEST or domain.high - domain.low < _SMALLEST
