"""The scheduler: binds Pods in order of creation where cpu, memory, Pod count and GPUs suffice.

A Pod that does not fit waits and does not block the Pods behind it. It gets the condition and the Event that
kube-scheduler would write, once for each new reason. Affinity and tolerations are accepted and have no effect on one
node; a nodeSelector that the node's labels do not satisfy keeps the Pod pending. Nothing is preempted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from localkube.apiserver.errors import Conflict, NotFound
from localkube.apiserver.formats import stamp
from localkube.apiserver.pods import terminal
from localkube.apiserver.store import Store
from localkube.node import gpus
from localkube.node.event_recorder import EventRecorder
from localkube.node.pod_watch import watch_pods
from localkube.node.resource_accounting import PODS, Ledger, requests
from podspec.resources import Amounts

Object = dict[str, Any]
_log = logging.getLogger(__name__)


class Scheduler:
    """Binds pending Pods to the one node and allocates their resources in the ledger. Call `wake` after a release."""

    def __init__(
        self, store: Store, ledger: Ledger, *, node: str, labels: Mapping[str, str], now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._node = node
        self._labels = labels
        self._now = now
        self._record = EventRecorder(store, "default-scheduler", now)
        self._pending: dict[str, Object] = {}
        self._broken: set[str] = set()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Try the pending Pods again soon."""
        self._woken.set()

    async def run(self) -> None:
        """Schedule until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(watch_pods(self._store, self._replace, self._observe), name="scheduler's watch")
            while True:
                await self._woken.wait()
                self._woken.clear()
                self._schedule_pending()

    def _replace(self, pods: Sequence[Object]) -> None:
        self._pending = {}
        for pod in sorted(pods, key=_age):
            self._observe("ADDED", pod)

    def _observe(self, change: str, pod: Object) -> None:
        spec, metadata = pod["spec"], pod["metadata"]
        mine = not spec.get("nodeName") and not spec.get("schedulingGates") and not metadata.get("deletionTimestamp")
        if change != "DELETED" and mine and not terminal(pod):
            self._pending[metadata["uid"]] = pod
            self.wake()
        else:
            self._pending.pop(metadata["uid"], None)
            if change == "DELETED":
                self._broken.discard(metadata["uid"])
                self._record.forget(metadata["uid"])

    def _schedule_pending(self) -> None:
        """Try every pending Pod once; Pods of the same shape as a rejected one are rejected without another check."""
        refused: dict[tuple[Any, ...], str] = {}
        for uid, pod in tuple(self._pending.items()):
            try:
                self._try(uid, pod, refused)
            except Exception as error:  # noqa: BLE001 - a broken Pod must not block others
                self._report(uid, pod, error)

    def _report(self, uid: str, pod: Object, error: Exception) -> None:
        """Record once the reason why a Pod cannot be scheduled. Only a change of the Pod can resolve it."""
        self._pending.pop(uid, None)
        self._ledger.release(uid)
        if uid not in self._broken:
            self._broken.add(uid)
            _log.error(
                "Pod %s/%s cannot be scheduled", pod["metadata"]["namespace"], pod["metadata"]["name"], exc_info=error
            )
        message = f"running scheduling: {type(error).__name__}: {error}"
        self._refuse(pod, message, reason="SchedulerError")

    def _try(self, uid: str, pod: Object, refused: dict[tuple[Any, ...], str]) -> None:
        amounts = requests(pod)
        shape = (*sorted(amounts.items()), *sorted((pod["spec"].get("nodeSelector") or {}).items()))
        if shape not in refused and (reason := self._misfit(pod, amounts)):
            refused[shape] = reason
        if shape in refused:
            self._refuse(pod, refused[shape])
        else:
            del self._pending[uid]
            self._bind(pod, amounts)

    def _misfit(self, pod: Object, amounts: Amounts) -> str:
        """Return the reason why the Pod cannot be placed now, as kube-scheduler words it; empty where it can."""
        wanted = pod["spec"].get("nodeSelector") or {}
        if any(self._labels.get(key) != value for key, value in wanted.items()):
            return _unavailable(["node(s) didn't match Pod's node affinity/selector"], helpless=True)
        lacking = [
            "Too many pods" if name == PODS else f"Insufficient {name}" for name in self._ledger.insufficient(amounts)
        ]
        return _unavailable(lacking, helpless=self._ledger.exceeds_capacity(amounts)) if lacking else ""

    def _bind(self, pod: Object, amounts: Amounts) -> None:
        metadata = pod["metadata"]
        noted = gpus.annotation(self._ledger.allocate(metadata["uid"], amounts))
        try:
            if noted:
                annotated = {**metadata, "annotations": {**(metadata.get("annotations") or {}), **noted}}
                pod = self._store.update("pods", {**pod, "metadata": annotated})
            self._store.update("pods", {**pod, "spec": {**pod["spec"], "nodeName": self._node}}, subresource="binding")
        except (Conflict, NotFound):  # the Pod changed or was deleted meanwhile: the watch reports its current state
            self._ledger.release(metadata["uid"])
            return
        shown = f"{metadata['namespace']}/{metadata['name']}"
        self._record(pod, "Normal", "Scheduled", f"Successfully assigned {shown} to {self._node}")

    def _refuse(self, pod: Object, message: str, reason: str = "Unschedulable") -> None:
        if any(c.get("message") == message for c in (pod.get("status") or {}).get("conditions") or ()):
            return
        refusal = {"status": "False", "reason": reason, "message": message}
        try:
            self._store.update("pods", {**pod, "status": self._status(pod, refusal)}, subresource="status")
        except (Conflict, NotFound):
            return
        self._record(pod, "Warning", "FailedScheduling", message)

    def _status(self, pod: Object, outcome: Object) -> Object:
        status = pod.get("status") or {}
        conditions = [c for c in status.get("conditions") or () if c["type"] != "PodScheduled"]
        times = {"lastProbeTime": None, "lastTransitionTime": stamp(self._now())}
        return {"phase": "Pending", **status, "conditions": [*conditions, {"type": "PodScheduled"} | outcome | times]}


def _age(pod: Object) -> tuple[str, int]:
    """Return the sort key for the order of creation. Times have whole seconds; the version orders Pods within one
    second.
    """
    return pod["metadata"]["creationTimestamp"], int(pod["metadata"]["resourceVersion"])


def _unavailable(reasons: Sequence[str], *, helpless: bool) -> str:
    counted = ", ".join(f"1 {reason}" for reason in reasons)
    preemption = (
        "Preemption is not helpful for scheduling" if helpless else "No preemption victims found for incoming pod"
    )
    return f"0/1 nodes are available: {counted}. preemption: 0/1 nodes are available: 1 {preemption}."
