"""Reconciles one experiment at a time, in one linear sequence.

    Experiment, Trial or Pod event, report of a trial, timer
      -> kube/work_queue.py           which experiment is next
      -> reconciler.py _observe       the snapshot, from the caches; starts nothing
      -> planning/plan.py             make_plan: snapshot, time -> plan; pure
      -> controller/executor.py       at most 32 writes, in an order that survives a crash
      -> planning/summary.py          summarize: snapshot, plan, execution, time -> status and Events; pure
      -> controller/status_writer.py  the Events of a transition, then one status write
      -> reconciler.py _sync          followers, requests for suggestions, look-ups, timer

An event crosses seven modules on its path to the status: kube/informer.py (or kopf_adapter.py) and the six above.

A process may die at any point. The next one starts from what is stored:

    dies after            stored                  the next reconciliation
    --------------------  ----------------------  --------------------------------------------------------
    observe, plan         nothing                 makes the same plan
    CreateTrial           a Trial without a Pod   creates its Pod; the index is not used again
    Event of a Trial      the Event               emits it again by the same name, then writes the Trial
    WriteTrial            the verdict or outcome  stops or creates the Pod that follows from it
    Event of Experiment   the Event               emits it again by the same name, then writes the status
    status                everything              leaves nothing to do
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from toprung.api.v1alpha1.conditions import Reason
from toprung.controller.action_backoff import EVERYTHING, PODS, STATUS, ActionFailure, affects_everything
from toprung.controller.event_recorder import emit_event, warm_start_event
from toprung.controller.executor import ExecutionContext, ExecutionResult, Executor
from toprung.controller.experiment_cache import ExperimentCache, InvalidRecord, with_invalid_rule
from toprung.controller.log_collection import LogCollection
from toprung.controller.node_models import NodeModels
from toprung.controller.owned_objects import OwnedObjects
from toprung.controller.pod_events import PodEvents
from toprung.controller.reconcile_state import ReconcileState
from toprung.controller.status_writer import StatusWriter
from toprung.controller.suggestion_cache import SuggestionCache
from toprung.controller.telemetry import Telemetry
from toprung.errors import ClusterError, InternalError, InvalidExperiment
from toprung.kube.cache import Cache
from toprung.kube.client import KubeClient
from toprung.kube.work_queue import WorkQueue
from toprung.objects.conditions import BlockReason
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.ownership import owned_pods
from toprung.objects.pod import PodRecord
from toprung.objects.trial import TrialRecord
from toprung.planning.actions import CreatePod, Plan
from toprung.planning.plan import make_plan
from toprung.planning.slots import holds_slot
from toprung.planning.snapshot import Snapshot, deleted_indices
from toprung.planning.summary import Execution, summarize

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
LARGE = 300
"""Trials, or Pods, from which on plans are made in a thread: one would block the event loop for about 10 ms."""


@dataclass(slots=True)
class Reconciler:
    """Runs the operator's loop. Its collaborators are arguments."""

    client: KubeClient
    experiments: ExperimentCache
    trials: Cache[TrialRecord]
    pods: Cache[PodRecord]
    log_collection: LogCollection
    suggestion_cache: SuggestionCache
    queue: WorkQueue
    telemetry: Telemetry
    nodes: NodeModels
    pod_events: PodEvents
    clock: Callable[[], datetime]
    _states: dict[str, ReconcileState] = field(default_factory=dict)

    async def run(self, workers: int) -> None:
        """Reconcile until cancelled, then stop the background tasks."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(workers):
                    tasks.create_task(self._work())
        finally:
            self.nodes.close()
            self.pod_events.close()
            self.log_collection.close()
            self.suggestion_cache.close()

    @property
    def _status(self) -> StatusWriter:
        return StatusWriter(self.client, self.experiments, self.queue, self.telemetry, self.clock)

    @property
    def _executor(self) -> Executor:
        return Executor(self.client, self.trials, self.pods, self.experiments.is_current)

    @property
    def _owned(self) -> OwnedObjects:
        return OwnedObjects(self.trials, self.pods)

    async def _work(self) -> None:
        async for key in self.queue:
            try:
                with self.telemetry.timed_reconciliation():
                    await self.reconcile(key)
            finally:
                state = self._states.get(key)
                self.queue.done(key, at_least=state.planning_seconds if state is not None else 0.0)

    async def reconcile(self, key: str) -> None:
        """Reconcile one experiment. Failures are reported in its conditions, logged, and retried with back-off."""
        experiment = self.experiments.get(key)
        if experiment is None:
            self._forget(key)
            return
        now, state = self.clock(), self._state_of(experiment, key)
        state.planning_seconds = 0.0
        if state.backoff.blocking_failure(EVERYTHING, now) is None:
            await self._reconcile(experiment, key, state, now)
        if state.backoff.retry_at is not None:
            self.queue.add_after(key, max(0.0, (state.backoff.retry_at - now).total_seconds()))

    async def _reconcile(
        self, experiment: ExperimentRecord | InvalidRecord, key: str, state: ReconcileState, now: datetime
    ) -> None:
        """Reconcile a valid experiment, or report an invalid one; handle the errors of both."""
        before = state.backoff.failure_of(EVERYTHING)
        try:
            if not isinstance(experiment, InvalidRecord):
                await self._reconcile_valid(experiment, state, now)
            elif state.backoff.blocking_failure(STATUS, now) is None:
                await self._status.report_invalid(experiment)
                state.backoff.forget(STATUS)
            if state.backoff.failure_of(EVERYTHING) is before:
                state.backoff.forget(EVERYTHING)
        except InvalidExperiment as error:  # only this operator can detect it: for example, a plug-in is missing
            assert isinstance(experiment, ExperimentRecord)  # noqa: S101 - the other kind is not planned
            await self._reconcile(with_invalid_rule(experiment, error), key, state, now)
        except ClusterError as error:
            subject = EVERYTHING if affects_everything(error) else STATUS
            self._record_failure(key, state, ActionFailure(subject, "the Experiment's status", error), now)
        except Exception as error:
            failure = ActionFailure(EVERYTHING, "the Experiment", InternalError(f"{type(error).__name__}: {error}"))
            if self._record_failure(key, state, failure, now):
                logger.exception("%s: internal error", key)
            current = self.experiments.get(key)  # with the conditions of a status write before the error
            if current is not None and current.uid == experiment.uid:
                await self._status.report_blocked(current, failure.reason)

    async def _reconcile_valid(self, experiment: ExperimentRecord, state: ReconcileState, now: datetime) -> None:
        """Observe, plan, execute, summarize, write the status, synchronize."""
        if (unreadable := self._owned.unreadable(experiment)) is not None:
            await self._status.report_blocked(experiment, unreadable)
            return
        state.backoff.note_alive(self._owned.alive(experiment))
        snapshot = self._observe(experiment, state, now)
        plan = await _compute(state, snapshot, make_plan, snapshot, now)
        result = await self._executor.execute(ExecutionContext(experiment, state.backoff, now), plan.chains)
        execution = self._record(experiment, plan, result, state, now)
        try:
            if self.experiments.is_current(experiment) and state.backoff.blocking_failure(EVERYTHING, now) is None:
                summary = await _compute(state, snapshot, summarize, snapshot, plan, execution, now)
                await self._status.write(experiment, snapshot, summary, state, now)
                await self._report_warm_start(experiment, state, now)
        finally:  # a status that cannot be written delays neither logs nor suggestions
            self._sync(experiment, plan, now)

    def _observe(self, experiment: ExperimentRecord, state: ReconcileState, now: datetime) -> Snapshot:
        """Build a snapshot from the caches."""
        trials = self._owned.trials_of(experiment)
        pending = self.suggestion_cache.pending(experiment)
        search_failed = BlockReason(Reason.SEARCH_FAILED, pending.error) if pending.error is not None else None
        return Snapshot(
            experiment=experiment,
            trials=trials,
            pods=self.pod_events.explain(experiment.key, owned_pods(trials, self.pods.of(experiment.key))),
            collected=self.log_collection.collected(experiment.key),
            models=dict(self.nodes.models),
            deleted=deleted_indices(experiment, trials),
            suggestions=dict(pending.suggestions),  # a copy: the plan may be made in another thread
            exhausted=pending.exhausted,
            blocked=state.pods_refused or search_failed,
            backing_off=state.backoff.blocking_failure(PODS, now) is not None,
        )

    def _record(
        self, experiment: ExperimentRecord, plan: Plan, result: ExecutionResult, state: ReconcileState, now: datetime
    ) -> Execution:
        """Record the failures of an execution, and return how much of the plan was executed."""
        state.backoff.record(result.failures, result.done, alive=self._owned.alive(experiment), now=now)
        for failure in result.failures:
            state.log_failure(experiment.key, failure, now)
        if result.deferred:
            self.queue.add(experiment.key)
        self._record_refusal(experiment, plan, result, state, now)
        blocked = None if result.complete else state.backoff.reported
        return Execution(result.complete, frozenset(result.unwritten), blocked)

    def _record_refusal(
        self, experiment: ExperimentRecord, plan: Plan, result: ExecutionResult, state: ReconcileState, now: datetime
    ) -> None:
        """Record whether Pods are refused: from a refusal on, until all slots are taken."""
        if result.pods_refused is not None:
            state.pods_refused = result.pods_refused.reason
        elif state.pods_refused is None or state.backoff.blocking_failure(PODS, now) is not None:
            return
        elif any(isinstance(action, CreatePod) for chain in plan.chains for action in chain):
            self.queue.add(experiment.key)  # a Pod was accepted: try the next one
        else:
            taken = sum(holds_slot(pod, now) for pod in self._owned.pods_of(experiment))
            if not plan.suggestions_needed or taken >= experiment.spec.parallel_trial_count:
                state.pods_refused = None
                self.queue.add(experiment.key)

    async def _report_warm_start(self, experiment: ExperimentRecord, state: ReconcileState, now: datetime) -> None:
        event = warm_start_event(experiment, self.suggestion_cache.pending(experiment))
        if event is not None and not state.warm_start_reported:
            await emit_event(self.client, experiment, event, now)
            state.warm_start_reported = True

    def _sync(self, experiment: ExperimentRecord, plan: Plan, now: datetime) -> None:
        """Start and stop background work by the caches, which have the results of the writes; set the timer."""
        current = self.experiments.get(experiment.key)
        if current is None or current.uid != experiment.uid:
            self.queue.add(experiment.key)
            return
        attempts = tuple(self._owned.attempts_of(experiment))
        pods = [pod for _, pod in attempts]
        self.log_collection.follow(experiment, attempts)
        self.nodes.look_up(pods)
        self.pod_events.watch(experiment.key, pods, now)
        retry_at = None
        if plan.suggestions_needed:
            trials = self._owned.trials_of(experiment)
            retry_at = self.suggestion_cache.request(experiment, trials, plan.suggestions_needed)
        elif plan.ended is not None and isinstance(current, ExperimentRecord) and current.completion_time is not None:
            self.suggestion_cache.forget(experiment.uid)
        for moment in (plan.requeue_at, retry_at):
            if moment is not None and moment > now:
                self.queue.add_after(experiment.key, (moment - now).total_seconds())

    def _state_of(self, experiment: ExperimentRecord | InvalidRecord, key: str) -> ReconcileState:
        state = self._states.get(key)
        if state is not None and state.uid != experiment.uid:
            self._forget(key)
            state = None
        if state is None:
            state = self._states[key] = ReconcileState(experiment.uid, experiment.generation)
        if state.generation != experiment.generation:  # the user edited it, and may have corrected it
            state.generation = experiment.generation
            state.backoff.reset()
        return state

    def _forget(self, key: str) -> None:
        state = self._states.pop(key, None)
        if state is not None:
            self.suggestion_cache.forget(state.uid)
        self.log_collection.forget(key)
        self.pod_events.forget(key)

    @staticmethod
    def _record_failure(key: str, state: ReconcileState, failure: ActionFailure, now: datetime) -> bool:
        """Record a failure; return whether it was logged."""
        state.backoff.record((failure,), (), alive=0, now=now)  # only a refused Pod is tried again when one ends
        return state.log_failure(key, failure, now)


async def _compute(
    state: ReconcileState, snapshot: Snapshot, function: Callable[..., Result], *arguments: object
) -> Result:
    """Call a pure function without blocking the event loop: in a thread if the experiment is large."""
    if max(len(snapshot.trials), sum(map(len, snapshot.pods.values()))) < LARGE:
        return function(*arguments)
    loop = asyncio.get_running_loop()
    started = loop.time()
    result = await asyncio.to_thread(function, *arguments)
    state.planning_seconds += loop.time() - started
    return result
