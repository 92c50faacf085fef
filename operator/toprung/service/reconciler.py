"""Observe, decide, act: one pass over one experiment at a time."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from toprung.api.conditions import Reason
from toprung.api.errors import ClusterError, Conflict
from toprung.cluster.cache import Cache
from toprung.cluster.gateway import Gateway
from toprung.cluster.queue import WorkQueue
from toprung.cluster.resources import EXPERIMENTS
from toprung.planning.actions import CreatePod, Plan
from toprung.planning.plan import plan
from toprung.planning.records import ExperimentRecord, PodRecord, Snapshot, TrialRecord, Trouble
from toprung.planning.status import invalid_status
from toprung.service.act import Actor, Target
from toprung.service.experiments import Experiments, InvalidRecord
from toprung.service.followers import Followers
from toprung.service.suggestions import Suggester, problem_of
from toprung.service.telemetry import Telemetry
from toprung.stopping import Stopper, stopper_for

logger = logging.getLogger(__name__)

STATUS_EVERY = timedelta(seconds=0.5)
"""Counts are written at most this often; conditions and the end at once."""
TRY_AGAIN = timedelta(seconds=5)
"""When Pods that a quota refused, or a sampler that failed, are tried again."""


@dataclass(slots=True)
class Memory:
    """What a pass leaves for the next one; all of it may be lost at any time.

    Attributes:
        trouble: why the last pass could not start Pods; none is tried until `hold_until`.
        status_written: when the status was last written.
    """

    uid: str
    trouble: Trouble | None = None
    hold_until: datetime | None = None
    status_written: datetime | None = None


@dataclass(slots=True)
class Reconciler:
    """The operator's loop; every part of the world that it touches is handed to it."""

    gateway: Gateway
    experiments: Experiments
    trials: Cache[TrialRecord]
    pods: Cache[PodRecord]
    followers: Followers
    suggester: Suggester
    queue: WorkQueue
    telemetry: Telemetry
    clock: Callable[[], datetime]
    _memory: dict[str, Memory] = field(default_factory=dict)

    async def run(self, workers: int) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(workers):
                tasks.create_task(self._work())

    async def _work(self) -> None:
        async for key in self.queue:
            try:
                with self.telemetry.timed_pass():
                    await self.reconcile(key)
                self.queue.forget(key)
            except ClusterError as error:
                level = logging.INFO if isinstance(error, Conflict) else logging.WARNING
                logger.log(level, "%s: trying again: %s", key, error)
                self.queue.retry(key, at_least=error.retry_after)
            except Exception:
                logger.exception("%s: a defect of the operator; trying again", key)
                self.queue.retry(key)
            finally:
                self.queue.done(key)

    async def reconcile(self, key: str) -> None:
        """Make one pass.

        Raises:
            ClusterError: a write failed; the pass is to be made again.
        """
        experiment = self.experiments.get(key)
        if experiment is None:
            self._forget(key)
        elif isinstance(experiment, InvalidRecord):
            await self._tell_invalid(experiment)
        else:
            await self._pass(experiment)

    async def _pass(self, experiment: ExperimentRecord) -> None:
        now, memory = self.clock(), self._memory_of(experiment)
        stopper = stopper_for(experiment.spec.early_stopping, problem_of(experiment).seed)
        snapshot = self._observe(experiment, stopper, memory, now)
        decided = plan(snapshot, stopper, now)
        actor, target = Actor(self.gateway, self.trials, self.pods), Target(experiment, stopper, now)
        self._note(memory, decided, await actor.carry_out(target, decided.chains), now)
        await self._write_status(experiment, decided, memory, now)
        for announcement in decided.announcements:
            await actor.announce(target, announcement)
        self._look_ahead(experiment, decided, now)

    def _observe(
        self, experiment: ExperimentRecord, stopper: Stopper | None, memory: Memory, now: datetime
    ) -> Snapshot:
        trials = self._trials_of(experiment)
        pods: dict[str, tuple[PodRecord, ...]] = {}
        for pod in self.pods.of(experiment.key):
            pods[pod.trial] = (*pods.get(pod.trial, ()), pod)
        self.followers.follow(experiment, trials, pods, stopper)
        ready = self.suggester.ready(experiment)
        search = Trouble(Reason.SEARCH_FAILED, ready.error) if ready.error is not None else None
        return Snapshot(
            experiment=experiment,
            trials=trials,
            pods=pods,
            collected=self.followers.collected(experiment.key),
            suggestions=ready.suggestions,
            exhausted=ready.exhausted,
            trouble=memory.trouble or search,
            hold=memory.hold_until is not None and now < memory.hold_until,
        )

    def _trials_of(self, experiment: ExperimentRecord) -> tuple[TrialRecord, ...]:
        ours = (trial for trial in self.trials.of(experiment.key) if trial.owner_uid == experiment.uid)
        return tuple(sorted(ours, key=lambda trial: trial.index))

    def _memory_of(self, experiment: ExperimentRecord) -> Memory:
        memory = self._memory.get(experiment.key)
        if memory is None or memory.uid != experiment.uid:
            memory = self._memory[experiment.key] = Memory(experiment.uid)
        return memory

    def _forget(self, key: str) -> None:
        memory = self._memory.pop(key, None)
        if memory is not None:
            self.suggester.forget(memory.uid)
        self.followers.forget(key)

    @staticmethod
    def _note(memory: Memory, decided: Plan, trouble: Trouble | None, now: datetime) -> None:
        """Remember why Pods are refused until one is not."""
        if trouble is not None:
            memory.trouble, memory.hold_until = trouble, now + TRY_AGAIN
        elif any(isinstance(action, CreatePod) for chain in decided.chains for action in chain):
            memory.trouble = memory.hold_until = None

    async def _write_status(self, experiment: ExperimentRecord, decided: Plan, memory: Memory, now: datetime) -> None:
        if agrees(experiment.status, decided.status):
            return
        written = memory.status_written
        if written is not None and not decided.urgent and now < written + STATUS_EVERY:
            self.queue.add_after(experiment.key, (written + STATUS_EVERY - now).total_seconds())
            return
        memory.status_written = now
        await self._patch_status(experiment, decided.status)
        if decided.experiment_ended:
            self.telemetry.experiment_ended()

    async def _tell_invalid(self, experiment: InvalidRecord) -> None:
        conditions = {condition.type: condition for condition in experiment.conditions}
        status = invalid_status(conditions, experiment.generation, experiment.message, self.clock())
        if not agrees(experiment.status, status):
            await self._patch_status(experiment, status)

    async def _patch_status(self, experiment: ExperimentRecord | InvalidRecord, status: Mapping[str, object]) -> None:
        body = {"metadata": {"uid": experiment.uid}, "status": status}
        answer = await self.gateway.patch(
            EXPERIMENTS, namespace=experiment.namespace, name=experiment.name, body=body, subresource="status"
        )
        self.experiments.put(answer)

    def _look_ahead(self, experiment: ExperimentRecord, decided: Plan, now: datetime) -> None:
        """Have suggestions made, and come back when time alone makes something due."""
        memory = self._memory_of(experiment)
        if decided.wanted:
            self.suggester.want(experiment, self._trials_of(experiment), decided.wanted)
        elif decided.experiment_ended:
            self.suggester.forget(experiment.uid)
        for moment in (decided.requeue_at, memory.hold_until):
            if moment is not None:
                self.queue.add_after(experiment.key, max(0.0, (moment - now).total_seconds()))


def agrees(there: object, wanted: object) -> bool:
    """Whether a status in the cluster says all that is wanted; None stands for absent, lists are compared whole."""
    if isinstance(wanted, Mapping):
        known = there if isinstance(there, Mapping) else {}
        return all(agrees(known.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(there, list) and len(there) == len(wanted) and all(map(agrees, there, wanted))
    return there == wanted
