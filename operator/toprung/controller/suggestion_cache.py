"""Requests suggestions ahead of time, so that a free slot never waits for a sampler."""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from toprung.api.v1alpha1.base import ParameterValue
from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.api.v1alpha1.trial import TrialState
from toprung.controller.experiment_cache import InvalidRecord
from toprung.errors import SearchFailed
from toprung.kube.backoff import Backoff, Jitter
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.ownership import owned_trials
from toprung.objects.trial import TrialRecord
from toprung.planning.scoring import evaluation
from toprung.search.process_pool import SearchPool
from toprung.search.types import Evaluation, EvaluationState, Problem, Suggestions
from toprung.timestamps import timestamp

logger = logging.getLogger(__name__)

BACKOFF = Backoff(first=10.0, longest=300.0)
"""Delays between requests to a failed sampler: one that hangs occupies a process each time."""
_TRIALS_AT_ONCE = 500
"""Trials that are processed before the event loop is released: some milliseconds."""
BATCH = 32
"""Configurations of one request: each later one is suggested with all before it as running."""


@dataclass(slots=True)
class PendingSuggestions:
    """The suggestions and the sampler's state of one experiment.

    Attributes:
        suggestions: index -> configuration.
        exhausted: the space has no configuration for a further index.
        error: why the last request failed, None if it did not.
        failures: requests to the sampler that failed, in a row.
        retry_at: when the next request is allowed after a failure, unless the Experiment has another `generation`.
        prior: ended trials of other experiments, None before the first request.
        prior_in_space: how many of them are in the space; known from the first request of an experiment, so not after a
            restart of the operator.
    """

    suggestions: dict[int, Mapping[str, ParameterValue]] = field(default_factory=dict)
    exhausted: bool = False
    error: str | None = None
    failures: int = 0
    retry_at: datetime | None = None
    generation: int = 0
    request: asyncio.Task[None] | None = None
    evaluations: dict[int, tuple[TrialRecord, Evaluation]] = field(default_factory=dict)
    prior: tuple[Evaluation, ...] | None = None
    prior_in_space: int | None = None


class SuggestionCache:
    """Keeps suggestions for the next trials; requests them from the search pool in the background.

    `on_answer` is called with the key of an experiment when its request has ended. Other Experiments and their trials,
    by their key `namespace/name`, are read only for a warm start.
    """

    def __init__(
        self,
        pool: SearchPool,
        on_answer: Callable[[str], None],
        experiment_of: Callable[[str], ExperimentRecord | InvalidRecord | None],
        trials_of: Callable[[str], Iterable[TrialRecord]],
        clock: Callable[[], datetime],
        *,
        jitter: Jitter = random.random,
    ) -> None:
        self._pool = pool
        self._on_answer = on_answer
        self._experiment_of = experiment_of
        self._trials_of = trials_of
        self._clock = clock
        self._jitter = jitter
        self._pending: dict[str, PendingSuggestions] = {}

    def pending(self, experiment: ExperimentRecord) -> PendingSuggestions:
        """Return the suggestions for the experiment that no trial has used yet."""
        return self._pending.get(experiment.uid) or PendingSuggestions()

    def request(
        self, experiment: ExperimentRecord, trials: Iterable[TrialRecord], indices: tuple[int, ...]
    ) -> datetime | None:
        """Request the missing suggestions of these indices; those of trials that exist are dropped.

        Returns:
            When to request them again, while the back-off of a failed sampler lasts; else None.
        """
        pending = self._pending.setdefault(experiment.uid, PendingSuggestions())
        trials = tuple(trials)
        used = trials[-1].index if trials else -1
        pending.suggestions = {index: each for index, each in pending.suggestions.items() if index > used}
        missing = tuple(index for index in indices if index not in pending.suggestions)
        if not missing or pending.exhausted or pending.request is not None:
            return None
        if self._backs_off(pending, experiment):
            return pending.retry_at
        waiting = dict(pending.suggestions)
        pending.request = asyncio.create_task(self._request(experiment, pending, trials, waiting, missing))
        return None

    def forget(self, uid: str) -> None:
        """Drop the state of an experiment that is deleted or has ended, and cancel its request."""
        pending = self._pending.pop(uid, None)
        if pending is not None and pending.request is not None:
            pending.request.cancel()
        self._pool.forget(uid)

    def close(self) -> None:
        """Drop all state and cancel all requests."""
        for uid in tuple(self._pending):
            self.forget(uid)

    async def prior_of(self, experiment: ExperimentRecord, *, missing_ok: bool = False) -> tuple[Evaluation, ...]:
        """Return the trials of spec.warmStart's experiments that had ended when this one was created; negative indices.

        Those that ended later are left out, so that a restarted operator sends the same to the sampler. There may be
        many, so the event loop is released regularly.

        Args:
            experiment: the one that starts warm.
            missing_ok: leave out experiments that do not exist.

        Raises:
            SearchFailed: an experiment does not exist, or has another objective.
        """
        warm = experiment.spec.warm_start
        names = warm.experiments if warm else ()
        prior: list[Evaluation] = []
        for name in names:
            for part, spec in self._ended(experiment, name, missing_ok=missing_ok):
                evaluations = [evaluation(one, spec) for one in part]
                prior += [replace(one, index=-1 - number) for number, one in enumerate(evaluations, len(prior))]
                await asyncio.sleep(0)
        return tuple(prior)

    def _ended(
        self, experiment: ExperimentRecord, name: str, *, missing_ok: bool
    ) -> Iterable[tuple[Sequence[TrialRecord], ExperimentSpec]]:
        """Return the trials of one experiment in parts, with its spec."""
        key = f"{experiment.namespace}/{name}"
        other = self._experiment_of(key)
        if not isinstance(other, ExperimentRecord):
            message = f"spec.warmStart: no valid Experiment {name} exists in namespace {experiment.namespace}"
            if not missing_ok:
                raise SearchFailed(f"{message}. Name an existing Experiment, or remove spec.warmStart.")
            logger.warning("continuing without a warm start: experiment=%s reason=%s", experiment.key, message)
            return ()
        mine, theirs = (_goals(spec) for spec in (experiment.spec, other.spec))
        if mine != theirs:
            same = "objective" if experiment.spec.objectives is None else "objectives in the same order"
            raise SearchFailed(
                f"spec.warmStart: the objective of {name} is to {theirs}, that of this Experiment to {mine}. "
                f"Name Experiments with the same {same}."
            )
        trials = owned_trials(other, self._trials_of(key))
        ended = [one for one in trials if _had_ended(one, other, experiment.created)]
        return [(ended[start : start + _TRIALS_AT_ONCE], other.spec) for start in range(0, len(ended), _TRIALS_AT_ONCE)]

    async def _history(
        self,
        pending: PendingSuggestions,
        experiment: ExperimentRecord,
        trials: Sequence[TrialRecord],
        waiting: Mapping[int, Mapping[str, ParameterValue]],
    ) -> dict[int, Evaluation]:
        """Return the evaluation of each trial; suggestions without a trial count as running.

        After a restart all trials are new, so the event loop is released regularly.
        """
        for start in range(0, len(trials), _TRIALS_AT_ONCE):
            if start:
                await asyncio.sleep(0)
            for trial in trials[start : start + _TRIALS_AT_ONCE]:
                known = pending.evaluations.get(trial.index)
                if known is None or known[0] is not trial:
                    pending.evaluations[trial.index] = (trial, evaluation(trial, experiment.spec))
        history = {index: each for index, (_, each) in pending.evaluations.items()}
        for index, parameters in waiting.items():
            history[index] = Evaluation(index, parameters, EvaluationState.RUNNING)
        return history

    async def _request(
        self,
        experiment: ExperimentRecord,
        pending: PendingSuggestions,
        trials: Sequence[TrialRecord],
        waiting: Mapping[int, Mapping[str, ParameterValue]],
        indices: tuple[int, ...],
    ) -> None:
        try:
            history = await self._history(pending, experiment, trials, waiting)
            if pending.prior is None:
                # an experiment that has begun continues without deleted ones; not at the first try, because an operator
                # that has just started may not have listed them yet
                pending.prior = await self.prior_of(
                    experiment, missing_ok=bool(pending.evaluations) and pending.error is not None
                )
            problem = replace(problem_of(experiment), prior=pending.prior)
            answer = await self._pool.suggest(problem, history, indices[:BATCH])
            _store(pending, answer)
            if not history:
                pending.prior_in_space = answer.prior_in_space
        except Exception as error:  # noqa: BLE001 - an exception that ended the task would be neither reported nor retried
            self._back_off(pending, experiment, _error_message(experiment, error))
        finally:
            pending.request = None
        self._on_answer(experiment.key)

    def _backs_off(self, pending: PendingSuggestions, experiment: ExperimentRecord) -> bool:
        """Return whether the back-off of a failed sampler lasts; an edit of the Experiment ends it."""
        return (
            pending.retry_at is not None
            and self._clock() < pending.retry_at
            and pending.generation == experiment.generation
        )

    def _back_off(self, pending: PendingSuggestions, experiment: ExperimentRecord, message: str) -> None:
        """Start the back-off of a failed sampler; it is short if the failure precedes the sampler's call."""
        pending.failures += pending.prior is not None
        delay = BACKOFF.delay(max(1, pending.failures), self._jitter)
        pending.retry_at, pending.generation = self._clock() + timedelta(seconds=delay), experiment.generation
        pending.error = f"{message} (next try at {timestamp(pending.retry_at)})" if pending.failures else message


def problem_of(experiment: ExperimentRecord) -> Problem:
    """Return the search problem of an experiment."""
    spec = experiment.spec
    return Problem(
        experiment.uid,
        spec.parameters,
        spec.initial_trials,
        spec.algorithm,
        experiment.seed,
        len(spec.all_objectives),
        namespace=experiment.namespace,
    )


def _error_message(experiment: ExperimentRecord, error: Exception) -> str:
    """Log why a request failed, an internal error with its traceback, and return the message for the status."""
    if isinstance(error, SearchFailed):
        logger.warning("request for suggestions failed: experiment=%s error=%s", experiment.key, error)
        return str(error)
    logger.error("internal error in a request for suggestions: experiment=%s", experiment.key, exc_info=error)
    return f"internal error; the operator's log has details: {type(error).__name__}: {error}"


def _goals(spec: ExperimentSpec) -> str:
    return " and ".join(f"{goal.type} {goal.metric}" for goal in spec.all_objectives)


def _store(pending: PendingSuggestions, answer: Suggestions) -> None:
    pending.suggestions.update({each.index: each.parameters for each in answer.suggestions})
    pending.exhausted, pending.error, pending.failures, pending.retry_at = answer.exhausted, None, 0, None


def _had_ended(trial: TrialRecord, owner: ExperimentRecord, moment: datetime) -> bool:
    """Return whether the trial, or the experiment in which it was paused, had ended by then."""
    ended = trial.completion_time or (owner.completion_time if trial.state is TrialState.PAUSED else None)
    return trial.controller_uid == owner.uid and ended is not None and ended <= moment
