"""Carrying out a plan: each action is one write, and doing it twice is as good as once."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import singledispatchmethod
from typing import Any

from toprung.api.errors import AlreadyExists, ClusterError, Conflict, Forbidden, NotFound, Rejected
from toprung.api.names import trial_name
from toprung.cluster.cache import Cache
from toprung.cluster.gateway import Gateway
from toprung.cluster.resources import PODS, TRIALS
from toprung.planning.actions import Action, Announce, Chain, CreatePod, CreateTrial, DeletePod, StopPod, WriteTrial
from toprung.planning.codec import controller_of, trial_status
from toprung.planning.manifests import pod_manifest, trial_manifest
from toprung.planning.pods import stop_patch
from toprung.planning.records import ExperimentRecord, PodRecord, TrialRecord, Trouble
from toprung.service.merging import merge_patch
from toprung.service.outcome import Failure, Outcome, trouble_of
from toprung.service.refusals import Refusals
from toprung.service.telling import announce
from toprung.stopping.types import Stopper

CONCURRENT_CHAINS = 16
"""Chains of one pass that are carried out side by side."""


@dataclass(frozen=True, slots=True)
class Target:
    """The experiment that actions are about, its early-stopping rule (None: none), and the time of the pass."""

    experiment: ExperimentRecord
    stopper: Stopper | None
    now: datetime

    def budget(self, bracket: int) -> int | None:
        """What an attempt may spend, None where nothing limits it."""
        return self.stopper.levels(bracket)[-1] if self.stopper is not None else None


class _GapError(Exception):
    """A Trial before this one was not made."""


@dataclass(slots=True)
class _Births:
    """The order in which new Trials are made; everything else has its turn at once."""

    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _gap: bool = False

    @asynccontextmanager
    async def turn(self, action: Action) -> AsyncIterator[None]:
        """Wait for those before.

        Raises:
            _GapError: one of them was not made.
        """
        if not isinstance(action, CreateTrial):
            yield
            return
        async with self._lock:
            if self._gap:
                raise _GapError
            self._gap = True
            yield
            self._gap = False


class Actor:
    """Writes what a plan asks for, and puts each answer into the cache at once: the next pass sees it."""

    def __init__(
        self, gateway: Gateway, trials: Cache[TrialRecord], pods: Cache[PodRecord], refusals: Refusals
    ) -> None:
        self._gateway = gateway
        self._trials = trials
        self._pods = pods
        self._refusals = refusals

    async def carry_out(self, target: Target, chains: Iterable[Chain]) -> Outcome:
        """Carry out the chains side by side; no further Pod is tried once one was refused.

        New Trials are made one after the other, in the order of the chains, and none after one that was not made: the
        next index is that above the highest, so a gap that a failure or a kill leaves would never be filled.
        """
        limit, births, troubles = asyncio.Semaphore(CONCURRENT_CHAINS), _Births(), list[Trouble]()

        async def run(chain: Chain) -> Failure | None:
            async with limit:
                if troubles and any(isinstance(action, CreatePod) for action in chain):
                    return None
                for action in chain:
                    try:
                        async with births.turn(action):
                            await self._try(action, target)
                    except _GapError:
                        return None
                    except ClusterError as error:
                        failure = Failure(chain, action, error)
                        if not (failure.lasts and isinstance(action, CreateTrial | CreatePod)):
                            return failure
                        troubles.append(trouble_of(action, error))
                        return None
                return None

        failures = list[Failure]()
        for each in await asyncio.gather(*map(run, chains), return_exceptions=True):
            if isinstance(each, BaseException):
                raise each
            failures += filter(None, (each,))
        return Outcome(troubles[0] if troubles else None, tuple(failures))

    async def _try(self, action: Action, target: Target) -> None:
        """Do it, unless it was refused a moment ago.

        Raises:
            ClusterError: it was not done.
        """
        if (held := self._refusals.held(action, target.now)) is not None:
            raise held.with_traceback(None)  # it may be raised again and again
        try:
            await self._do(action, target)
        except (Forbidden, Rejected) as error:
            self._refusals.note(action, error, target.now)
            raise
        self._refusals.forget(action)

    @singledispatchmethod
    async def _do(self, action: Any, target: Target) -> None:
        raise NotImplementedError(f"{action} of {target}")

    @_do.register
    async def _(self, action: CreateTrial, target: Target) -> None:
        namespace, body = target.experiment.namespace, trial_manifest(target.experiment, action)
        try:
            self._trials.put(await self._gateway.create(TRIALS, namespace=namespace, body=body))
        except AlreadyExists:
            name = body["metadata"]["name"]
            there = await self._gateway.get(TRIALS, namespace=namespace, name=name)
            _must_be_ours(there, target.experiment.uid)
            self._trials.put(there)

    @_do.register
    async def _(self, action: CreatePod, target: Target) -> None:
        namespace, name = target.experiment.namespace, trial_name(target.experiment.name, action.index)
        trial = self._trials.get(namespace, name)
        if trial is None:
            raise Conflict(f"Trial {name} was deleted before its Pod was made")
        body = pod_manifest(target.experiment, trial, action.attempt, target.budget(trial.bracket))
        try:
            self._pods.put(await self._gateway.create(PODS, namespace=namespace, body=body))
        except AlreadyExists:
            there = await self._gateway.get(PODS, namespace=namespace, name=body["metadata"]["name"])
            _must_be_ours(there, trial.uid)
            self._pods.put(there)

    @_do.register
    async def _(self, action: WriteTrial, target: Target) -> None:
        trial = action.trial
        body = {"metadata": {"resourceVersion": trial.resource_version}, "status": self._status_patch(trial)}
        answer = await self._gateway.patch(
            TRIALS, namespace=target.experiment.namespace, name=trial.name, body=body, subresource="status"
        )
        self._trials.put(answer)

    def _status_patch(self, trial: TrialRecord) -> dict[str, Any]:
        there = self._trials.get(trial.owner.partition("/")[0], trial.name) or trial
        return merge_patch(trial_status(there), trial_status(trial))

    @_do.register
    async def _(self, action: StopPod, target: Target) -> None:
        body = stop_patch(action.uid, target.now)
        with suppress(NotFound):
            self._pods.put(
                await self._gateway.patch(PODS, namespace=target.experiment.namespace, name=action.name, body=body)
            )

    @_do.register
    async def _(self, action: DeletePod, target: Target) -> None:
        with suppress(NotFound):
            await self._gateway.delete(PODS, namespace=target.experiment.namespace, name=action.name, uid=action.uid)

    @_do.register
    async def _(self, action: Announce, target: Target) -> None:
        await announce(self._gateway, target.experiment, action, target.now)


def _must_be_ours(there: dict[str, Any], owner_uid: str) -> None:
    """See that an object that is there already is the one we wanted to make."""
    if controller_of(there["metadata"]).get("uid") != owner_uid:
        kind, name = there.get("kind", "object"), there["metadata"]["name"]
        raise Conflict(f"{kind} {name} belongs to something else, probably to an earlier object of the same name")
