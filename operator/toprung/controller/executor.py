"""Executes plans: each action is one idempotent write."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import singledispatchmethod
from typing import Any

from toprung.api.names import trial_name
from toprung.controller import action_backoff
from toprung.controller.action_backoff import EVERYTHING, ActionBackoff, ActionFailure, Subject, affects_everything
from toprung.controller.event_recorder import emit_event
from toprung.errors import (
    AlreadyExists,
    ClusterError,
    Conflict,
    Forbidden,
    InternalError,
    NameTaken,
    NotFound,
    Rejected,
    TopRungError,
)
from toprung.kube.cache import Cache
from toprung.kube.client import KubeClient
from toprung.kube.merge_patch import merge_patch
from toprung.kube.resources import PODS, TRIALS
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.owner_references import controller_of
from toprung.objects.pod import PodRecord, stop_patch
from toprung.objects.pod_manifest import pod_manifest
from toprung.objects.trial import TrialRecord
from toprung.objects.trial_json import trial_manifest, trial_status
from toprung.planning.actions import (
    Action,
    ActionSequence,
    CreatePod,
    CreateTrial,
    DeletePod,
    EmitEvent,
    StopPod,
    WriteTrial,
)

logger = logging.getLogger(__name__)

CONCURRENT_WRITES = 8
"""Concurrent writes of one reconciliation."""
MAX_WRITES = 32
"""Writes of one reconciliation. The next one makes the rest, after the turns of the other experiments."""


@dataclass(frozen=True, slots=True)
class ExecutionContext:
    """The experiment that actions belong to, its back-off, and the time."""

    experiment: ExperimentRecord
    backoff: ActionBackoff
    now: datetime


@dataclass(slots=True)
class ExecutionResult:
    """The result of an execution.

    Attributes:
        failures: actions that were tried and failed.
        backed_off: actions that were not tried, because their back-off lasts.
        done: subjects of the actions that succeeded.
        unwritten: indices of the trials whose new status was not written.
        deferred: whether actions are left for the next reconciliation.
    """

    failures: list[ActionFailure] = field(default_factory=list)
    backed_off: list[ActionFailure] = field(default_factory=list)
    done: set[Subject] = field(default_factory=set)
    unwritten: set[int] = field(default_factory=set)
    deferred: bool = False

    @property
    def complete(self) -> bool:
        """Return whether the whole plan was executed."""
        return not (self.failures or self.backed_off or self.deferred)

    @property
    def pods_refused(self) -> ActionFailure | None:
        """Return why no Pod can be created, None if Pods can be."""
        return next((each for each in self.failures if each.subject == action_backoff.PODS), None)


class Executor:
    """Executes actions, and puts each response into the cache, which the next reconciliation reads."""

    def __init__(
        self,
        client: KubeClient,
        trials: Cache[TrialRecord],
        pods: Cache[PodRecord],
        is_current: Callable[[ExperimentRecord], bool],
    ) -> None:
        """Build an executor; `is_current` returns whether an Experiment still exists."""
        self._client = client
        self._trials = trials
        self._pods = pods
        self._is_current = is_current

    async def execute(self, context: ExecutionContext, chains: Iterable[ActionSequence]) -> ExecutionResult:
        """Execute the chains concurrently; each ends at its first failure, and no Pod is tried after a refused one.

        New Trials are created one after the other, in the order of the chains, and none after a failure: the next index
        is the one above the highest, so a gap that a failure or a kill leaves would never be filled.
        """
        result, limit = ExecutionResult(), asyncio.Semaphore(CONCURRENT_WRITES)
        admitted = _admit(chains, context, result)

        async def run(chain: ActionSequence) -> bool:
            for action in chain:
                async with limit:
                    if not await self._attempt(action, context, result):
                        return False
            return True

        async with asyncio.TaskGroup() as tasks:
            for chain in admitted:
                if not isinstance(chain[0], CreateTrial):
                    tasks.create_task(run(chain))
            for chain in admitted:
                if isinstance(chain[0], CreateTrial):
                    if not await run(chain[:1]):
                        break
                    tasks.create_task(run(chain[1:]))
        return result

    async def _attempt(self, action: Action, context: ExecutionContext, result: ExecutionResult) -> bool:
        """Execute one action; return whether it succeeded."""
        creates = isinstance(action, CreateTrial | CreatePod)
        if not self._is_current(context.experiment) or (creates and result.pods_refused is not None):
            return False
        if (backed_off := _blocking_failure(action, context)) is not None:
            result.backed_off.append(backed_off)
            return False
        try:
            await self._do(action, context)
        except ClusterError as error:
            result.failures.append(_failure(action, context, error))
            return False
        except Exception as error:
            logger.exception("%s: internal error in %s", context.experiment.key, type(action).__name__)
            result.failures.append(_failure(action, context, InternalError(f"{type(error).__name__}: {error}")))
            return False
        result.done.update(_subjects(action, context))
        if isinstance(action, WriteTrial):
            result.unwritten.discard(action.trial.index)
        return True

    @singledispatchmethod
    async def _do(self, action: Any, context: ExecutionContext) -> None:
        raise NotImplementedError(f"{action} of {context}")

    @_do.register
    async def _create_trial(self, action: CreateTrial, context: ExecutionContext) -> None:
        body = trial_manifest(context.experiment, action.index, action.parameters, action.bracket)
        await self._create(TRIALS, self._trials, body, context.experiment.uid)

    @_do.register
    async def _create_pod(self, action: CreatePod, context: ExecutionContext) -> None:
        namespace, name = context.experiment.namespace, trial_name(context.experiment.name, action.index)
        trial = self._trials.get(namespace, name)
        if trial is None:
            raise Conflict(f"Trial {name} was deleted before its Pod was created")
        body = pod_manifest(context.experiment, trial, action.attempt, action.max_resource)
        await self._create(PODS, self._pods, body, trial.uid)

    async def _create(self, resource: Any, cache: Cache[Any], body: dict[str, Any], controller_uid: str) -> None:
        """Create an object with the controller of that UID. An object that already exists is read instead.

        Raises:
            NameTaken: another object controls the object of that name.
        """
        namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
        try:
            stored = await self._client.create(resource, namespace=namespace, body=body)
        except AlreadyExists:
            stored = await self._client.get(resource, namespace=namespace, name=name)
            _check_controller(stored, body["kind"], controller_uid)
        cache.put(stored)

    @_do.register
    async def _write_trial(self, action: WriteTrial, context: ExecutionContext) -> None:
        trial = action.trial
        body = {"metadata": {"resourceVersion": trial.resource_version}, "status": self._status_patch(trial)}
        answer = await self._client.patch(
            TRIALS, namespace=context.experiment.namespace, name=trial.name, body=body, subresource="status"
        )
        self._trials.put(answer)

    def _status_patch(self, trial: TrialRecord) -> dict[str, Any]:
        there = self._trials.get(trial.experiment_key.partition("/")[0], trial.name) or trial
        before, after = trial_status(there), trial_status(trial)
        gone = dict.fromkeys(before.keys() - after.keys())  # such as the values of an attempt without checkpoint
        return {**gone, **merge_patch(before, after)}

    @_do.register
    async def _stop_pod(self, action: StopPod, context: ExecutionContext) -> None:
        body = stop_patch(action.uid, context.now)
        with suppress(NotFound):
            self._pods.put(
                await self._client.patch(PODS, namespace=context.experiment.namespace, name=action.name, body=body)
            )

    @_do.register
    async def _delete_pod(self, action: DeletePod, context: ExecutionContext) -> None:
        with suppress(NotFound):
            await self._client.delete(PODS, namespace=context.experiment.namespace, name=action.name, uid=action.uid)

    @_do.register
    async def _emit_event(self, action: EmitEvent, context: ExecutionContext) -> None:
        await emit_event(self._client, context.experiment, action, context.now)


def _admit(
    chains: Iterable[ActionSequence], context: ExecutionContext, result: ExecutionResult
) -> list[ActionSequence]:
    """Return the chains to execute now: those that do not wait for a back-off, within the bound on writes."""
    admitted, writes = list[ActionSequence](), 0
    for chain in filter(None, chains):
        result.unwritten |= {action.trial.index for action in chain if isinstance(action, WriteTrial)}
        if (backed_off := _blocking_failure(chain[0], context)) is not None:
            result.backed_off.append(backed_off)
        elif result.deferred or (admitted and writes + len(chain) > MAX_WRITES):
            result.deferred = True
        else:
            writes += len(chain)
            admitted.append(chain)
    return admitted


def _blocking_failure(action: Action, context: ExecutionContext) -> ActionFailure | None:
    failures = (context.backoff.blocking_failure(subject, context.now) for subject in _subjects(action, context))
    return next(filter(None, failures), None)


def _failure(action: Action, context: ExecutionContext, error: TopRungError) -> ActionFailure:
    """Return the failure with the widest subject that the error affects."""
    own, *wider = _subjects(action, context)
    if isinstance(error, ClusterError) and affects_everything(error):
        subject = EVERYTHING
    elif wider and isinstance(error, Forbidden | Rejected | InternalError):
        subject = wider[0]
    else:
        subject = own
    return ActionFailure(subject, _description(action, context), error)


def _subjects(action: Action, context: ExecutionContext) -> tuple[Subject, ...]:
    """Return what the action is about, the narrowest first."""
    match action:
        case CreateTrial(index) | CreatePod(index):
            return (type(action).__name__, trial_name(context.experiment.name, index)), action_backoff.PODS
        case WriteTrial(trial):
            return (("WriteTrial", trial.name),)
        case StopPod(name) | DeletePod(name):
            return ((type(action).__name__, name),)
        case EmitEvent(reason=reason, key=key):
            return (("Event", f"{reason} {key}"),)


def _description(action: Action, context: ExecutionContext) -> str:
    match action:
        case CreateTrial(index):
            return f"Trial {trial_name(context.experiment.name, index)}"
        case CreatePod(index):
            return f"the Pod of trial {trial_name(context.experiment.name, index)}"
        case WriteTrial(trial):
            return f"the status of Trial {trial.name}"
        case StopPod(name):
            return f"the stop of Pod {name}"
        case DeletePod(name):
            return f"the deletion of Pod {name}"
        case EmitEvent():
            return "the Event"


def _check_controller(stored: dict[str, Any], kind: str, controller_uid: str) -> None:
    """Check that an object that already exists has the expected controller.

    Raises:
        NameTaken: it has another controller.
    """
    owner = controller_of(stored["metadata"])
    if owner.get("uid") != controller_uid:
        name = stored["metadata"]["name"]
        whose = f"belongs to {owner['kind']} {owner['name']}" if owner else "has no owner"
        raise NameTaken(
            f"{kind} {name} already exists and {whose}. Delete it, or recreate the Experiment by another name."
        )
