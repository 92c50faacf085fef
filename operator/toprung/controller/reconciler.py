"""Reconciles one experiment at a time: observe, decide, act, write the status."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain

from toprung.api.v1alpha1.conditions import Reason
from toprung.controller.action_backoff import (
    EVERYTHING,
    PODS,
    STATUS,
    ActionFailure,
    affects_everything,
)
from toprung.controller.event_recorder import announce
from toprung.controller.executor import ExecutionContext, ExecutionResult, Executor
from toprung.controller.experiment_cache import ExperimentCache, InvalidRecord, found_invalid
from toprung.controller.log_collection import LogCollection
from toprung.controller.node_models import NodeModels
from toprung.controller.pod_events import PodEvents
from toprung.controller.reconcile_state import ReconcileState
from toprung.controller.status_writer import StatusWriter
from toprung.controller.suggestion_cache import SuggestionCache, problem_of
from toprung.controller.telemetry import Telemetry
from toprung.controller.warmth import warm_start
from toprung.early_stopping import Stopper, stopper_for
from toprung.errors import ClusterError, Conflict, InternalError, InvalidExperiment
from toprung.kube.cache import Cache
from toprung.kube.client import KubeClient
from toprung.kube.work_queue import WorkQueue
from toprung.objects.conditions import BlockReason
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.ownership import owned_pods, owned_trials
from toprung.objects.pod import PodRecord
from toprung.objects.trial import TrialRecord
from toprung.planning.actions import CreatePod, Plan
from toprung.planning.plan import plan
from toprung.planning.slots import holds_slot
from toprung.planning.snapshot import Setback, Snapshot, deleted_indices

logger = logging.getLogger(__name__)

LOG_EVERY = timedelta(minutes=1)
"""Failures of one experiment are logged at most this often."""
LARGE = 300
"""Trials, or Pods, from which on a plan is made in a thread: it would block the event loop for about 10 ms."""


@dataclass(slots=True)
class Reconciler:
    """The operator's loop; every part of the world that it touches is passed in."""

    gateway: KubeClient
    experiments: ExperimentCache
    trials: Cache[TrialRecord]
    pods: Cache[PodRecord]
    followers: LogCollection
    suggester: SuggestionCache
    queue: WorkQueue
    telemetry: Telemetry
    nodes: NodeModels
    pod_events: PodEvents
    clock: Callable[[], datetime]
    _states: dict[str, ReconcileState] = field(default_factory=dict)

    async def run(self, workers: int) -> None:
        """Work until cancelled; then end what runs in the background."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(workers):
                    tasks.create_task(self._work())
        finally:
            self.nodes.close()
            self.pod_events.close()
            self.followers.close()
            self.suggester.close()

    @property
    def _status(self) -> StatusWriter:
        return StatusWriter(self.gateway, self.experiments, self.queue, self.telemetry, self.clock)

    async def _work(self) -> None:
        async for key in self.queue:
            try:
                with self.telemetry.timed_pass():
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
        if state.backoff.held(EVERYTHING, now) is None:
            await self._reconcile(experiment, key, state, now)
        if state.backoff.retry_at is not None:
            self.queue.add_after(key, max(0.0, (state.backoff.retry_at - now).total_seconds()))

    async def _reconcile(
        self, experiment: ExperimentRecord | InvalidRecord, key: str, state: ReconcileState, now: datetime
    ) -> None:
        before = state.backoff.failure_of(EVERYTHING)
        try:
            if not isinstance(experiment, InvalidRecord):
                await self._reconcile_valid(experiment, state, now)
            elif state.backoff.held(STATUS, now) is None:
                await self._status.report_invalid(experiment)
                state.backoff.forget(STATUS)
            if state.backoff.failure_of(EVERYTHING) is before:
                state.backoff.forget(EVERYTHING)
        except InvalidExperiment as error:  # only this operator can know it: for example, a plug-in is missing
            assert isinstance(experiment, ExperimentRecord)  # noqa: S101 - the other kind is not planned
            await self._reconcile(found_invalid(experiment, error), key, state, now)
        except ClusterError as error:
            subject = EVERYTHING if affects_everything(error) else STATUS
            self._note_failure(key, state, ActionFailure(subject, "the Experiment's status", error), now)
        except Exception as error:
            failure = ActionFailure(EVERYTHING, "the Experiment", InternalError(f"{type(error).__name__}: {error}"))
            if self._note_failure(key, state, failure, now):
                logger.exception("%s: internal error", key)
            await self._status.report_blocked(experiment, failure.reason)

    async def _reconcile_valid(self, experiment: ExperimentRecord, state: ReconcileState, now: datetime) -> None:
        if (unreadable := self._unreadable(experiment)) is not None:
            await self._status.report_blocked(experiment, unreadable)  # to plan without the object could start it twice
            return
        stopper, alive = _stopper_of(experiment), count_alive(self._pods_of(experiment))
        state.backoff.note_alive(alive)
        snapshot = self._observe(experiment, stopper, state, now)
        decided = await _plan(snapshot, stopper, state, now)
        executor = Executor(self.gateway, self.trials, self.pods, self.experiments.is_current)
        result = await executor.execute(ExecutionContext(experiment, stopper, state.backoff, now), decided.chains)
        if not self.experiments.is_current(experiment):
            self.queue.add(experiment.key)
            return
        self._note(experiment, decided, result, state, now)
        if state.backoff.held(EVERYTHING, now) is not None:
            return
        if result.deferred and not self._status.due(state, now):
            self._look_ahead(experiment, decided, now)
            return
        if not result.complete:  # the status reports what was done
            stopper = _stopper_of(experiment)
            setback = Setback(frozenset(result.unwritten), state.backoff.reported)
            snapshot = replace(self._observe(experiment, stopper, state, now), setback=setback)
            decided = await _plan(snapshot, stopper, state, now)
        if not await self._status.write(experiment, snapshot, decided, state, now):
            return
        await self._report_warm_start(experiment, state, now)
        self._look_ahead(experiment, decided, now)

    def _observe(
        self, experiment: ExperimentRecord, stopper: Stopper | None, state: ReconcileState, now: datetime
    ) -> Snapshot:
        trials = self._trials_of(experiment)
        pods = self.pod_events.explain(experiment.key, owned_pods(trials, self.pods.of(experiment.key)), now)
        self.nodes.look_up(chain.from_iterable(pods.values()))
        self.followers.follow(experiment, trials, pods, stopper)
        ready = self.suggester.ready(experiment)
        search = BlockReason(Reason.SEARCH_FAILED, ready.error) if ready.error is not None else None
        return Snapshot(
            experiment=experiment,
            trials=trials,
            pods=pods,
            collected=self.followers.collected(experiment.key),
            models=dict(self.nodes.models),
            deleted=deleted_indices(experiment, trials),
            suggestions=dict(ready.suggestions),  # a plan may be made in another thread
            exhausted=ready.exhausted,
            blocked=state.pods_refused or search,
            hold=state.backoff.held(PODS, now) is not None,
        )

    def _trials_of(self, experiment: ExperimentRecord) -> tuple[TrialRecord, ...]:
        return owned_trials(experiment, self.trials.of(experiment.key))

    def _pods_of(self, experiment: ExperimentRecord) -> tuple[PodRecord, ...]:
        """Return the experiment's own Pods; costs as much as there are of them, not of trials."""
        return tuple(pod for pod in self.pods.of(experiment.key) if self._is_ours(experiment, pod))

    def _is_ours(self, experiment: ExperimentRecord, pod: PodRecord) -> bool:
        trial = self.trials.get(experiment.namespace, pod.trial)
        return trial is not None and (pod.controller_uid, trial.controller_uid) == (trial.uid, experiment.uid)

    def _unreadable(self, experiment: ExperimentRecord) -> BlockReason | None:
        """Return which objects of the experiment cannot be read, None where all can."""
        trials, pods = self.trials.unreadable(experiment.key), self.pods.unreadable(experiment.key)
        uids = {trial.uid for trial in self._trials_of(experiment)} if pods else set()
        problems = {key: why for key, (uid, why) in trials.items() if uid == experiment.uid}
        problems |= {key: why for key, (uid, why) in pods.items() if uid in uids}
        if not problems:
            return None
        key, why = min(problems.items())
        others = f" {len(problems) - 1} more objects cannot be read." if len(problems) > 1 else ""
        message = f"{key} cannot be read: {why}. Correct or delete it; until then no trial of the experiment changes."
        return BlockReason(Reason.UNREADABLE, message + others)

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
            self.suggester.forget(state.uid)
        self.followers.forget(key)
        self.pod_events.forget(key)

    def _note(
        self, experiment: ExperimentRecord, decided: Plan, result: ExecutionResult, state: ReconcileState, now: datetime
    ) -> None:
        """Record what failed. Pods count as refused until all slots are taken: Blocked holds as long as it is true."""
        pods = self._pods_of(experiment)
        state.backoff.record(result.failures, result.done, alive=count_alive(pods), now=now)
        for failure in result.failures:
            self._log(experiment.key, state, failure, now)
        if result.deferred:
            self.queue.add(experiment.key)
        if result.pods_refused is not None:
            state.pods_refused = result.pods_refused.reason
        elif state.pods_refused is None or state.backoff.held(PODS, now) is not None:
            return
        elif any(isinstance(action, CreatePod) for chain in decided.chains for action in chain):
            self.queue.add(experiment.key)  # one more fits; try the next one
        elif (
            not decided.suggestions_needed
            or sum(holds_slot(pod, now) for pod in pods) >= experiment.spec.parallel_trial_count
        ):
            state.pods_refused = None
            self.queue.add(experiment.key)

    def _note_failure(self, key: str, state: ReconcileState, failure: ActionFailure, now: datetime) -> bool:
        """Record a failure; return whether it is to be logged."""
        state.backoff.record((failure,), (), alive=0, now=now)  # only a refused Pod is tried again when one ends
        return self._log(key, state, failure, now)

    @staticmethod
    def _log(key: str, state: ReconcileState, failure: ActionFailure, now: datetime) -> bool:
        if state.logged is not None and timedelta(0) <= now - state.logged < LOG_EVERY:
            return False
        state.logged = now
        level = logging.INFO if isinstance(failure.error, Conflict) else logging.WARNING
        logger.log(
            level, "request failed, retrying: experiment=%s object=%s error=%s", key, failure.what, failure.error
        )
        return True

    async def _report_warm_start(self, experiment: ExperimentRecord, state: ReconcileState, now: datetime) -> None:
        report = warm_start(experiment, self.suggester.ready(experiment))
        if report is not None and not state.warm_start_reported:
            await announce(self.gateway, experiment, report, now)
            state.warm_start_reported = True

    def _look_ahead(self, experiment: ExperimentRecord, decided: Plan, now: datetime) -> None:
        """Request suggestions, and come back when time alone makes something due."""
        again = None
        if decided.suggestions_needed:
            again = self.suggester.want(experiment, self._trials_of(experiment), decided.suggestions_needed)
        elif decided.experiment_ended:
            self.suggester.forget(experiment.uid)
        for moment in (decided.requeue_at, again):
            if moment is not None and moment > now:
                self.queue.add_after(experiment.key, (moment - now).total_seconds())


async def _plan(snapshot: Snapshot, stopper: Stopper | None, state: ReconcileState, now: datetime) -> Plan:
    """Make the plan, and its status, without blocking the event loop."""
    if max(len(snapshot.trials), sum(map(len, snapshot.pods.values()))) < LARGE:
        state.planning_seconds = 0.0
        return plan(snapshot, stopper, now)
    loop = asyncio.get_running_loop()
    started = loop.time()
    decided = await asyncio.to_thread(_plan_with_status, snapshot, stopper, now)
    state.planning_seconds = loop.time() - started
    return decided


def _plan_with_status(snapshot: Snapshot, stopper: Stopper | None, now: datetime) -> Plan:
    decided = plan(snapshot, stopper, now)
    _ = decided.status  # computed on first use
    return decided


def _stopper_of(experiment: ExperimentRecord) -> Stopper | None:
    """Build the rule; it learns from the records of the snapshot."""
    spec = experiment.spec
    return stopper_for(spec.early_stopping, problem_of(experiment).seed, checkpoint=spec.checkpoint is not None)


def count_alive(pods: Iterable[PodRecord]) -> int:
    """Count the Pods that a quota counts: those in which something may run."""
    return sum(not pod.ended for pod in pods)
