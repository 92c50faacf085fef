"""Writes the status of Experiments, after the Events that belong to it."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from toprung.controller.action_backoff import STATUS
from toprung.controller.event_recorder import emit_event
from toprung.controller.experiment_cache import ExperimentCache, InvalidRecord
from toprung.controller.reconcile_state import ReconcileState
from toprung.controller.telemetry import Telemetry
from toprung.errors import ClusterError, NotFound
from toprung.kube.client import KubeClient
from toprung.kube.merge_patch import matches, merge_patch
from toprung.kube.resources import EXPERIMENTS
from toprung.kube.work_queue import WorkQueue
from toprung.objects.conditions import BlockReason
from toprung.objects.experiment import ExperimentRecord
from toprung.planning.events import blocked_events, invalid_event
from toprung.planning.snapshot import Snapshot
from toprung.planning.status import blocked_status, invalid_status
from toprung.planning.summary import Summary

logger = logging.getLogger(__name__)

STATUS_EVERY = timedelta(seconds=0.5)
"""Counts are written at most this often; conditions and the end at once."""


@dataclass(frozen=True, slots=True)
class StatusWriter:
    """Writes statuses, each at most once in a reconciliation."""

    client: KubeClient
    experiments: ExperimentCache
    queue: WorkQueue
    telemetry: Telemetry
    clock: Callable[[], datetime]

    async def write(
        self, experiment: ExperimentRecord, snapshot: Snapshot, summary: Summary, state: ReconcileState, now: datetime
    ) -> None:
        """Write a status that differs from the stored one, after the Events of its transitions.

        Raises:
            ClusterError: the write failed.
        """
        if matches(experiment.status, summary.status):
            state.backoff.forget(STATUS)
        elif state.backoff.blocking_failure(STATUS, now) is not None:
            return
        elif not summary.conditions_changed and not _is_due(state, now):
            self.queue.add_after(experiment.key, STATUS_EVERY.total_seconds())
        elif await self._emit_events(experiment, snapshot, summary, now):
            state.status_written = now
            await self._patch_status(experiment, summary.status)
            state.backoff.forget(STATUS)
            if summary.finished and experiment.completion_time is None:
                self.telemetry.experiment_ended()

    async def _emit_events(
        self, experiment: ExperimentRecord, snapshot: Snapshot, summary: Summary, now: datetime
    ) -> bool:
        """Emit the Events of a transition before the status records it; return False if the Experiment is gone.

        Their names are a function of the transition. A process that dies before the status write emits them again,
        and the API server has them already. Missing Trials may mean that the Experiment is being deleted.
        """
        if summary.events and snapshot.deleted and not await self._still_exists(experiment):
            return False
        for event in summary.events:
            await emit_event(self.client, experiment, event, now)
        return True

    async def _still_exists(self, experiment: ExperimentRecord) -> bool:
        try:
            there = await self.client.get(EXPERIMENTS, namespace=experiment.namespace, name=experiment.name)
        except NotFound:
            there = None
        if there is not None and there["metadata"]["uid"] == experiment.uid:
            self.experiments.update(there)
        else:
            self.experiments.remove(experiment.key, experiment.uid)
        if (current := self.experiments.is_current(experiment)) is False:
            self.queue.add(experiment.key)
        return current

    async def report_invalid(self, experiment: InvalidRecord) -> None:
        """Write the condition Valid=False, after its Event."""
        conditions = {condition.type: condition for condition in experiment.conditions}
        status = invalid_status(conditions, experiment.generation, experiment.message, self.clock())
        if matches(experiment.status, status):
            return
        report = invalid_event(experiment.generation, experiment.message)
        await emit_event(self.client, experiment, report, self.clock())
        await self._patch_status(experiment, status)

    async def report_blocked(self, experiment: ExperimentRecord | InvalidRecord, reason: BlockReason) -> None:
        """Write the condition Blocked and nothing else of the status, where no plan can be made."""
        now = self.clock()
        conditions = {condition.type: condition for condition in experiment.conditions}
        status = blocked_status(conditions, experiment.generation, reason, now)
        if matches(experiment.status, status):
            return
        try:
            for report in blocked_events(experiment.conditions, reason):
                await emit_event(self.client, experiment, report, now)
            await self._patch_status(experiment, status)
        except ClusterError as error:
            logger.warning("condition Blocked not written: experiment=%s error=%s", experiment.name, error)

    async def _patch_status(self, experiment: ExperimentRecord | InvalidRecord, status: Mapping[str, object]) -> None:
        """Write the status. An Experiment that no longer exists is removed from the cache."""
        body = {"metadata": {"uid": experiment.uid}, "status": merge_patch(experiment.status, status)}
        try:
            answer = await self.client.patch(
                EXPERIMENTS, namespace=experiment.namespace, name=experiment.name, body=body, subresource="status"
            )
        except NotFound:  # a restarted watch does not report deletions that happened meanwhile
            key = f"{experiment.namespace}/{experiment.name}"
            self.experiments.remove(key, experiment.uid)
            self.queue.add(key)
            return
        self.experiments.update(answer)


def _is_due(state: ReconcileState, now: datetime) -> bool:
    """Return whether new counts may be written."""
    written = state.status_written
    return written is None or not timedelta(0) <= now - written < STATUS_EVERY  # the clock may be set back
