"""Suggestions made ready ahead, so that a free slot never waits for a sampler."""

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
from toprung.objects.timestamps import timestamp
from toprung.objects.trial import TrialRecord
from toprung.planning.scoring import evaluation
from toprung.search.seeds import derive
from toprung.search.types import Evaluation, EvaluationState, Problem, Suggestions
from toprung.search.worker_client import SearchWorker

logger = logging.getLogger(__name__)

BACKOFF = Backoff(first=10.0, longest=300.0)
"""When a sampler that failed is asked again: one that hangs occupies a process each time."""
_AT_ONCE = 500
"""How many trials are looked at before others have the event loop: some milliseconds."""
BATCH = 32
"""How many configurations are requested at once: each later one of a batch is sent all before it."""


@dataclass(slots=True)
class PendingSuggestions:
    """What is ready for one experiment.

    Attributes:
        suggestions: index -> configuration.
        exhausted: the space has no configuration for a further index.
        error: why the last ask failed, None if it did not.
        failures: asks of the sampler that failed, in a row.
        again: when one that failed is asked again, unless the Experiment has another `generation` before.
        prior: ended trials of other experiments, None before the first ask.
        learnt: how many of them lie in the space; known when the first trials are suggested, and not by an operator
            that is started later.
    """

    suggestions: dict[int, Mapping[str, ParameterValue]] = field(default_factory=dict)
    exhausted: bool = False
    error: str | None = None
    failures: int = 0
    again: datetime | None = None
    generation: int = 0
    asking: asyncio.Task[None] | None = None
    told: dict[int, tuple[TrialRecord, Evaluation]] = field(default_factory=dict)
    prior: tuple[Evaluation, ...] | None = None
    learnt: int | None = None


class SuggestionCache:
    """Keeps suggestions ready; asks the search worker in the background and says when there is an answer.

    Experiments and trials of others, by their key `namespace/name`, are read for a warm start alone.
    """

    def __init__(
        self,
        worker: SearchWorker,
        on_answer: Callable[[str], None],
        experiment_of: Callable[[str], ExperimentRecord | InvalidRecord | None],
        trials_of: Callable[[str], Iterable[TrialRecord]],
        clock: Callable[[], datetime],
        *,
        jitter: Jitter = random.random,
    ) -> None:
        self._worker = worker
        self._on_answer = on_answer
        self._experiment_of = experiment_of
        self._trials_of = trials_of
        self._clock = clock
        self._jitter = jitter
        self._ready: dict[str, PendingSuggestions] = {}

    def ready(self, experiment: ExperimentRecord) -> PendingSuggestions:
        """Give what is ready for the experiment."""
        return self._ready.setdefault(experiment.uid, PendingSuggestions())

    def want(
        self, experiment: ExperimentRecord, trials: Iterable[TrialRecord], indices: tuple[int, ...]
    ) -> datetime | None:
        """See to it that suggestions for these indices get ready; those of trials that exist are dropped.

        Returns:
            When they are to be wanted again, where a sampler that failed is left alone until then.
        """
        ready = self.ready(experiment)
        trials = tuple(trials)
        used = trials[-1].index if trials else -1
        ready.suggestions = {index: each for index, each in ready.suggestions.items() if index > used}
        missing = tuple(index for index in indices if index not in ready.suggestions)
        if not missing or ready.exhausted or ready.asking is not None:
            return None
        if self._rests(ready, experiment):
            return ready.again
        waiting = dict(ready.suggestions)
        ready.asking = asyncio.create_task(self._ask(experiment, ready, trials, waiting, missing))
        return None

    def forget(self, uid: str) -> None:
        """Drop what is known of an experiment that is gone or over."""
        ready = self._ready.pop(uid, None)
        if ready is not None and ready.asking is not None:
            ready.asking.cancel()
        self._worker.forget(uid)

    def close(self) -> None:
        """Drop everything, and what is being asked."""
        for uid in tuple(self._ready):
            self.forget(uid)

    async def prior_of(self, experiment: ExperimentRecord, *, missing_ok: bool = False) -> tuple[Evaluation, ...]:
        """Return the trials of spec.warmStart's experiments that had ended when this one was made; negative indices.

        Those that ended later are left out, so that an operator that starts again passes the same to the sampler. There
        may be many: others have the event loop now and then.

        Args:
            experiment: the one that starts warm.
            missing_ok: leave out experiments that are not there.

        Raises:
            SearchFailed: an experiment is not there, or has another objective.
        """
        warm = experiment.spec.warm_start
        names = warm.experiments if warm else ()
        prior: list[Evaluation] = []
        for name in names:
            for part, spec in self._ended(experiment, name, missing_ok=missing_ok):
                told = [evaluation(one, spec) for one in part]
                prior += [replace(one, index=-1 - number) for number, one in enumerate(told, len(prior))]
                await asyncio.sleep(0)
        return tuple(prior)

    def _ended(
        self, experiment: ExperimentRecord, name: str, *, missing_ok: bool
    ) -> Iterable[tuple[Sequence[TrialRecord], ExperimentSpec]]:
        """Return the trials of one experiment in parts, with its spec."""
        key = f"{experiment.namespace}/{name}"
        other = self._experiment_of(key)
        if not isinstance(other, ExperimentRecord):
            message = f"spec.warmStart: there is no valid Experiment {name} in {experiment.namespace}"
            if not missing_ok:
                raise SearchFailed(f"{message}; name one, or apply this one without it")
            logger.warning("%s: %s any more; going on without it", experiment.key, message)
            return ()
        mine, theirs = (_aims(spec) for spec in (experiment.spec, other.spec))
        if mine != theirs:
            same = "objective" if experiment.spec.objectives is None else "objectives in the same order"
            raise SearchFailed(
                f"spec.warmStart: {name} is to {theirs}, this one to {mine}; name experiments with the same {same}"
            )
        trials = owned_trials(other, self._trials_of(key))
        ended = [one for one in trials if _had_ended(one, other, experiment.created)]
        return [(ended[start : start + _AT_ONCE], other.spec) for start in range(0, len(ended), _AT_ONCE)]

    async def _history(
        self,
        ready: PendingSuggestions,
        experiment: ExperimentRecord,
        trials: Sequence[TrialRecord],
        waiting: Mapping[int, Mapping[str, ParameterValue]],
    ) -> dict[int, Evaluation]:
        """Return what is known of each trial; suggestions that wait for their turn count as running.

        An operator that starts again finds all trials new, so others have the event loop now and then.
        """
        for start in range(0, len(trials), _AT_ONCE):
            if start:
                await asyncio.sleep(0)
            for trial in trials[start : start + _AT_ONCE]:
                known = ready.told.get(trial.index)
                if known is None or known[0] is not trial:
                    ready.told[trial.index] = (trial, evaluation(trial, experiment.spec))
        history = {index: told for index, (_, told) in ready.told.items()}
        for index, parameters in waiting.items():
            history[index] = Evaluation(index, parameters, EvaluationState.RUNNING)
        return history

    async def _ask(
        self,
        experiment: ExperimentRecord,
        ready: PendingSuggestions,
        trials: Sequence[TrialRecord],
        waiting: Mapping[int, Mapping[str, ParameterValue]],
        indices: tuple[int, ...],
    ) -> None:
        try:
            history = await self._history(ready, experiment, trials, waiting)
            if ready.prior is None:
                # one that has begun goes on when the others are gone; an operator that has just started may not know
                # them yet, hence not at the first try
                ready.prior = await self.prior_of(experiment, missing_ok=bool(ready.told) and ready.error is not None)
            problem = replace(problem_of(experiment), prior=ready.prior)
            answer = await self._worker.suggest(problem, history, indices[:BATCH])
            _take(ready, answer)
            if not history:
                ready.learnt = answer.learnt
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody else would tell of it and ask again
            self._rest(ready, experiment, _told(experiment, error))
        finally:
            ready.asking = None
        self._on_answer(experiment.key)

    def _rests(self, ready: PendingSuggestions, experiment: ExperimentRecord) -> bool:
        """Whether a sampler that failed is not asked yet; whoever has edited the Experiment may have mended it."""
        return ready.again is not None and self._clock() < ready.again and ready.generation == experiment.generation

    def _rest(self, ready: PendingSuggestions, experiment: ExperimentRecord, message: str) -> None:
        """Have a sampler that failed left alone; what fails before it is asked costs nobody, and rests least."""
        ready.failures += ready.prior is not None
        delay = BACKOFF.delay(max(1, ready.failures), self._jitter)
        ready.again, ready.generation = self._clock() + timedelta(seconds=delay), experiment.generation
        ready.error = f"{message} (next try at {timestamp(ready.again)})" if ready.failures else message


def problem_of(experiment: ExperimentRecord) -> Problem:
    """Give what the sampler must know of an experiment; without spec.algorithm.seed the UID is the seed."""
    spec = experiment.spec
    seed = spec.algorithm.seed if spec.algorithm.seed is not None else derive(0, "experiment", experiment.uid)
    return Problem(
        experiment.uid,
        spec.parameters,
        spec.initial_trials,
        spec.algorithm,
        seed,
        len(spec.all_objectives),
        namespace=experiment.namespace,
    )


def _told(experiment: ExperimentRecord, error: Exception) -> str:
    """Log why a request failed, an internal error with its traceback, and return the message for the status."""
    if isinstance(error, SearchFailed):
        logger.warning("%s: %s", experiment.key, error)
        return str(error)
    logger.error("%s: internal error in a request for suggestions", experiment.key, exc_info=error)
    return f"internal error; the operator's log has details: {type(error).__name__}: {error}"


def _aims(spec: ExperimentSpec) -> str:
    return " and ".join(f"{aim.type} {aim.metric}" for aim in spec.all_objectives)


def _take(ready: PendingSuggestions, answer: Suggestions) -> None:
    ready.suggestions.update({each.index: each.parameters for each in answer.suggestions})
    ready.exhausted, ready.error, ready.failures, ready.again = answer.exhausted, None, 0, None


def _had_ended(trial: TrialRecord, owner: ExperimentRecord, moment: datetime) -> bool:
    """Whether the trial, or the experiment that it was paused in, was over by then."""
    ended = trial.completion_time or (owner.completion_time if trial.state is TrialState.PAUSED else None)
    return trial.controller_uid == owner.uid and ended is not None and ended <= moment
