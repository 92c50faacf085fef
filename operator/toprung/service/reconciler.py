"""Observe, decide, act: one pass over one experiment at a time."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from toprung.api.conditions import Reason
from toprung.api.errors import ClusterError, Conflict, InvalidExperiment, NotFound
from toprung.cluster.cache import Cache
from toprung.cluster.gateway import Gateway
from toprung.cluster.queue import WorkQueue
from toprung.cluster.resources import EXPERIMENTS
from toprung.planning.actions import Announce, CreatePod, Plan
from toprung.planning.plan import plan
from toprung.planning.records import ExperimentRecord, PodRecord, Snapshot, TrialRecord, Trouble
from toprung.planning.starting import holds_slot
from toprung.planning.status import invalid_status
from toprung.service.act import Actor, Target
from toprung.service.experiments import Experiments, InvalidRecord, invalid_record
from toprung.service.followers import Followers
from toprung.service.merging import agrees, merge_patch
from toprung.service.refusals import Refusals
from toprung.service.suggestions import Suggester, problem_of
from toprung.service.telemetry import Telemetry
from toprung.service.telling import announce
from toprung.service.warmth import warm_start
from toprung.stopping import Stopper, stopper_for

logger = logging.getLogger(__name__)

STATUS_EVERY = timedelta(seconds=0.5)
"""Counts are written at most this often; conditions and the end at once."""
TRY_AGAIN = timedelta(seconds=5)
"""When Pods that a quota refused are tried again, if none of ours ends before."""


@dataclass(slots=True)
class Memory:
    """What a pass leaves for the next one; all of it may be lost at any time.

    Attributes:
        trouble: why Pods were refused; one at a time is tried until all that should run do.
        hold_until: none is tried before, unless one that was `alive` then has ended.
        status_written: when the status was last written.
        refusals: what the API server refuses beside Pods.
        warm_start_told: whether an Event said what the sampler learns from.
    """

    uid: str
    trouble: Trouble | None = None
    hold_until: datetime | None = None
    alive: int = 0
    status_written: datetime | None = None
    refusals: Refusals = field(default_factory=Refusals)
    warm_start_told: bool = False


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
        """Work until cancelled; nothing that was begun in the background outlasts it."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(workers):
                    tasks.create_task(self._work())
        finally:
            self.followers.close()
            self.suggester.close()

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
            try:
                await self._pass(experiment)
            except InvalidExperiment as error:  # what only this operator can know, such as a plug-in that is not there
                await self._tell_invalid(invalid_record(experiment, error))

    async def _pass(self, experiment: ExperimentRecord) -> None:
        now, memory, stopper = self.clock(), self._memory_of(experiment), _stopper_of(experiment)
        decided = plan(self._observe(experiment, stopper, memory, now), stopper, now)
        actor = Actor(self.gateway, self.trials, self.pods, memory.refusals)
        outcome = await actor.carry_out(Target(experiment, stopper, now), decided.chains)
        self._note(experiment, decided, outcome.trouble, now)
        if outcome.setback is not None or outcome.trouble is not None:  # its status tells what could be done
            stopper = _stopper_of(experiment)
            snapshot = self._observe(experiment, stopper, memory, now)
            decided = plan(replace(snapshot, setback=outcome.setback), stopper, now)
        await self._write_status(experiment, decided, memory, now)
        for announcement in decided.announcements:
            await announce(self.gateway, experiment, announcement, now)
        await self._tell_warm_start(experiment, memory, now)
        self._look_ahead(experiment, decided, now)
        outcome.raise_passing()

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
            deleted=experiment.deleted_of(trials),
            suggestions=ready.suggestions,
            exhausted=ready.exhausted,
            trouble=memory.trouble or search,
            hold=_holds(memory, count_alive(self.pods.of(experiment.key)), now),
        )

    def _trials_of(self, experiment: ExperimentRecord) -> tuple[TrialRecord, ...]:
        ours = (trial for trial in self.trials.of(experiment.key) if trial.owner_uid == experiment.uid)
        return tuple(sorted(ours, key=lambda trial: trial.index))

    def _memory_of(self, experiment: ExperimentRecord) -> Memory:
        memory = self._memory.get(experiment.key)
        if memory is not None and memory.uid != experiment.uid:
            self._forget(experiment.key)
            memory = None
        if memory is None:
            memory = self._memory[experiment.key] = Memory(experiment.uid)
        return memory

    def _forget(self, key: str) -> None:
        memory = self._memory.pop(key, None)
        if memory is not None:
            self.suggester.forget(memory.uid)
        self.followers.forget(key)

    def _note(self, experiment: ExperimentRecord, decided: Plan, trouble: Trouble | None, now: datetime) -> None:
        """Remember why Pods are refused until all slots are taken again: Blocked holds as long as it is true."""
        memory, pods = self._memory_of(experiment), self.pods.of(experiment.key)
        alive = count_alive(pods)
        if trouble is not None:
            memory.trouble, memory.hold_until, memory.alive = trouble, now + TRY_AGAIN, alive
        elif memory.trouble is None or _holds(memory, alive, now):
            return
        elif any(isinstance(action, CreatePod) for chain in decided.chains for action in chain):
            memory.hold_until = None
            self.queue.add(experiment.key)
        elif not decided.wanted or sum(map(holds_slot, pods)) >= experiment.spec.parallel_trial_count:
            memory.trouble = memory.hold_until = None
            self.queue.add(experiment.key)

    async def _write_status(self, experiment: ExperimentRecord, decided: Plan, memory: Memory, now: datetime) -> None:
        if agrees(experiment.status, decided.status):
            return
        written = memory.status_written
        if written is not None and not decided.urgent and now < written + STATUS_EVERY:
            self.queue.add_after(experiment.key, (written + STATUS_EVERY - now).total_seconds())
            return
        memory.status_written = now
        await self._patch_status(experiment, decided.status)
        if decided.experiment_ended and experiment.completion_time is None:
            self.telemetry.experiment_ended()

    async def _tell_warm_start(self, experiment: ExperimentRecord, memory: Memory, now: datetime) -> None:
        told = warm_start(experiment, self.suggester.ready(experiment))
        if told is not None and not memory.warm_start_told:
            await announce(self.gateway, experiment, told, now)
            memory.warm_start_told = True

    async def _tell_invalid(self, experiment: InvalidRecord) -> None:
        conditions = {condition.type: condition for condition in experiment.conditions}
        status = invalid_status(conditions, experiment.generation, experiment.message, self.clock())
        if agrees(experiment.status, status) or not await self._patch_status(experiment, status):
            return
        key = f"generation-{experiment.generation} {experiment.message}"
        told = Announce(None, True, Reason.INVALID, experiment.message, key)  # noqa: FBT003
        await announce(self.gateway, experiment, told, self.clock())

    async def _patch_status(self, experiment: ExperimentRecord | InvalidRecord, status: Mapping[str, object]) -> bool:
        """Write the status; False where the Experiment is gone."""
        body = {"metadata": {"uid": experiment.uid}, "status": merge_patch(experiment.status, status)}
        try:
            answer = await self.gateway.patch(
                EXPERIMENTS, namespace=experiment.namespace, name=experiment.name, body=body, subresource="status"
            )
        except NotFound:  # a watch that is begun anew does not tell what was deleted meanwhile
            key = f"{experiment.namespace}/{experiment.name}"
            self.experiments.remove(key, experiment.uid)
            self.queue.add(key)
            return False
        self.experiments.update(answer)
        return True

    def _look_ahead(self, experiment: ExperimentRecord, decided: Plan, now: datetime) -> None:
        """Have suggestions made, and come back when time alone makes something due."""
        memory, again = self._memory_of(experiment), None
        if decided.wanted:
            again = self.suggester.want(experiment, self._trials_of(experiment), decided.wanted)
        elif decided.experiment_ended:
            self.suggester.forget(experiment.uid)
        for moment in (decided.requeue_at, memory.hold_until, memory.refusals.due(now), again):
            if moment is not None and moment > now:
                self.queue.add_after(experiment.key, (moment - now).total_seconds())


def _stopper_of(experiment: ExperimentRecord) -> Stopper | None:
    """Build the rule anew: it learns from the records of the pass."""
    spec = experiment.spec
    return stopper_for(spec.early_stopping, problem_of(experiment).seed, checkpoint=spec.checkpoint is not None)


def _holds(memory: Memory, alive: int, now: datetime) -> bool:
    """Whether no Pod is to be tried now: one was refused a moment ago, and none has ended since."""
    return memory.hold_until is not None and now < memory.hold_until and alive >= memory.alive


def count_alive(pods: Iterable[PodRecord]) -> int:
    """Count the Pods that a quota counts: those in which something may run."""
    return sum(not pod.ended for pod in pods)
