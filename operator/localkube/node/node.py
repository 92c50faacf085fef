"""The node: registers itself, runs the Pods that are bound to it, and ends them when it stops.

After a crash it kills the remaining processes, fails the Pods whose processes are lost as disrupted, and starts the
Pods that had not begun.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from localkube import VERSION
from localkube.apiserver.errors import ApiError, Conflict, NotFound
from localkube.apiserver.formats import stamp
from localkube.apiserver.pods import terminal
from localkube.apiserver.store import Store
from localkube.node import gpus, pod_status
from localkube.node.event_recorder import EventRecorder
from localkube.node.pod_host import Host, give_up, remove
from localkube.node.pod_status import ADDRESS, PodOutcome
from localkube.node.pod_watch import watch_pods
from localkube.node.pod_worker import PodWorker
from localkube.node.resource_accounting import PODS, Ledger, requests
from localkube.node.runtime import Process, Runtime
from localkube.node.volumes import Folders
from podspec import quantities

Object = dict[str, Any]

NAME = "local"
MOST_PODS = 2000
SHUTDOWN_GRACE = 3.0  # seconds: enough to rename a checkpoint, short enough for a Ctrl-C
SHUTDOWN = PodOutcome("Terminated", "Pod was terminated in response to imminent node shutdown.", disrupted=True)
LABELS: Mapping[str, str] = {
    "kubernetes.io/hostname": NAME,
    "kubernetes.io/os": platform.system().lower(),
    "kubernetes.io/arch": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
}

_log = logging.getLogger(__name__)


def capacity(gpu_count: int) -> dict[str, Decimal]:
    """Return the capacity of this machine: cpu in cores, memory in bytes, Pods, GPUs."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cpu": Decimal(cores), "memory": Decimal(memory), PODS: Decimal(MOST_PODS), gpus.GPU: Decimal(gpu_count)}


class Node:
    """Runs the Pods bound to it.

    `folder` holds logs and volumes; `devices` are the CUDA names of the GPU indices; `environment` are the variables
    that programs inherit; `released` is called whenever a Pod has released its resources.
    """

    def __init__(
        self,
        store: Store,
        runtime: Runtime,
        ledger: Ledger,
        *,
        folder: Path,
        devices: Sequence[str],
        environment: Mapping[str, str],
        now: Callable[[], datetime],
        released: Callable[[], None],
    ) -> None:
        self._store = store
        self._runtime = runtime
        self._ledger = ledger
        self._now = now
        record = EventRecorder(store, "kubelet", now)
        folders = Folders(folder / "pods", folder / "claims")
        self.host = Host(
            store, runtime, ledger, record, folders, folder / "logs", tuple(devices), environment, now, released
        )
        self._workers: dict[str, PodWorker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the node. On return the ledger contains what the Pods of an earlier server hold. Raises ApiError."""
        await self._runtime.open()
        self._register()
        pods, _ = self._store.list("pods")
        for pod in pods:
            if _mine(pod):
                self._isolated(self._recover, pod)
        await asyncio.to_thread(self._tidy, {pod["metadata"]["uid"] for pod in pods})
        self._watch = asyncio.create_task(watch_pods(self._store, self._replace, self._observe), name="node's watch")

    async def stop(self, grace: float = SHUTDOWN_GRACE) -> None:
        """End every Pod within `grace` seconds, the rest by SIGKILL; return when no process is left."""
        if self._watch:
            self._watch.cancel()
        for worker in self._workers.values():
            worker.shut_down(SHUTDOWN, grace)
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._runtime.close()

    def process(self, uid: str, container: str) -> Process | None:
        """Return the current or last run of a container; None if it has not run yet, or its Pod has ended."""
        worker = self._workers.get(uid)
        return worker.process(container) if worker else None

    # -- start

    def _register(self) -> None:
        node = {"metadata": {"name": NAME, "labels": dict(LABELS)}, "spec": {}}
        with suppress(ApiError):
            self._store.create("nodes", node)
        stored = self._store.get("nodes", None, NAME)
        self._store.update("nodes", {**stored, "metadata": {**stored["metadata"], "labels": dict(LABELS)}})
        stored = self._store.get("nodes", None, NAME)
        self._store.update("nodes", {**stored, "status": self._status()}, subresource="status")

    def _status(self) -> Object:
        amounts = {name: quantities.show(amount) for name, amount in self._ledger.capacity.items()}
        amounts["memory"] = f"{int(self._ledger.capacity['memory']) // 1024}Ki"
        time = stamp(self._now())
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "the embedded node is ready"}
        return {
            "capacity": amounts,
            "allocatable": amounts,
            "conditions": [ready | {"lastHeartbeatTime": time, "lastTransitionTime": time}],
            "addresses": [{"type": "InternalIP", "address": ADDRESS}, {"type": "Hostname", "address": NAME}],
            "nodeInfo": {
                "architecture": LABELS["kubernetes.io/arch"],
                "operatingSystem": LABELS["kubernetes.io/os"],
                "osImage": platform.platform(),
                "kernelVersion": platform.release(),
                "kubeletVersion": VERSION,
                "containerRuntimeVersion": "process://1",
            },
        }

    def _recover(self, pod: Object) -> None:
        if pod_status.began(pod):
            with suppress(NotFound, Conflict):
                lost = {**pod, "status": pod_status.lost(pod, self._now())}
                self._store.update("pods", lost, subresource="status")
            self.host.record(pod, "Warning", "NodeLost", pod_status.NODE_LOST)
        else:
            self._ledger.restore(pod["metadata"]["uid"], requests(pod), gpus.assigned(pod))

    def _tidy(self, known: set[str]) -> None:
        """Remove the logs and volumes of Pods that were deleted while the node did not run."""
        for parent in (self.host.logs, self.host.folders.pods):
            parent.mkdir(parents=True, exist_ok=True)
            for folder in parent.iterdir():
                if folder.name.rpartition("_")[2] not in known:
                    shutil.rmtree(folder, ignore_errors=True)

    # -- changes of Pods

    def _replace(self, pods: Sequence[Object]) -> None:
        there = {pod["metadata"]["uid"] for pod in pods}
        for uid in self._workers.keys() - there:
            self._workers[uid].remove()
        for pod in pods:
            self._observe("MODIFIED", pod)

    def _isolated(self, step: Callable[[Object], None], pod: Object) -> None:
        """Execute a step for one Pod. A Pod that cannot be processed fails with a message and does not affect others."""
        try:
            step(pod)
        except Exception as error:  # noqa: BLE001 - a failure of one Pod must not end the node
            metadata = pod["metadata"]
            _log.exception("Pod %s/%s cannot be run", metadata.get("namespace"), metadata.get("name"))
            give_up(self.host, pod, error)

    def _observe(self, change: str, pod: Object) -> None:
        worker = self._workers.get(pod["metadata"]["uid"])
        if change == "DELETED":
            self._forget(pod, worker)
        elif worker:
            worker.observe(pod)
        elif pod["metadata"].get("deletionTimestamp") and pod["spec"].get("nodeName") == NAME:
            remove(self._store, pod)
            self._ledger.release(pod["metadata"]["uid"])
        elif _mine(pod):
            self._isolated(self._admit, pod)

    def _forget(self, pod: Object, worker: PodWorker | None) -> None:
        self.host.record.forget(pod["metadata"]["uid"])
        if worker:
            worker.remove()
        else:
            shutil.rmtree(self.host.log_folder(pod), ignore_errors=True)

    def _admit(self, pod: Object) -> None:
        if self._admitted(pod):
            self._begin(pod)

    def _begin(self, pod: Object) -> None:
        worker, uid = PodWorker(pod, self.host), pod["metadata"]["uid"]
        self._workers[uid] = worker
        self._tasks[uid] = asyncio.create_task(worker.run(), name=f"worker of {pod['metadata']['name']}")
        self._tasks[uid].add_done_callback(lambda task: self._ended(pod, task))

    def _ended(self, pod: Object, task: asyncio.Task[None]) -> None:
        metadata = pod["metadata"]
        del self._workers[metadata["uid"]], self._tasks[metadata["uid"]]
        if not task.cancelled() and (error := task.exception()):
            _log.error("the worker of Pod %s/%s failed", metadata["namespace"], metadata["name"], exc_info=error)
            give_up(self.host, pod, error)
        with suppress(NotFound):
            if self._store.get("pods", metadata["namespace"], metadata["name"])["metadata"]["uid"] == metadata["uid"]:
                return
        shutil.rmtree(self.host.log_folder(pod), ignore_errors=True)

    def _admitted(self, pod: Object) -> bool:
        """Return whether the Pod has its resources: allocated by the scheduler, or now if it was bound by hand and they
        are free.
        """
        uid, amounts = pod["metadata"]["uid"], requests(pod)
        if uid in self._ledger:
            return True
        if lacking := self._ledger.insufficient(amounts):
            self._reject(pod, lacking[0])
            return False
        noted = gpus.annotation(self._ledger.allocate(uid, amounts))
        if noted:
            annotations = {**(pod["metadata"].get("annotations") or {}), **noted}
            with suppress(NotFound, Conflict):
                self._store.update("pods", {**pod, "metadata": {**pod["metadata"], "annotations": annotations}})
        return True

    def _reject(self, pod: Object, name: str) -> None:
        needed, used, there = requests(pod)[name], self._ledger.used(name), self._ledger.capacity.get(name, 0)
        amounts = f"requested: {needed}, used: {used}, capacity: {there}"
        message = f"Pod was rejected: Node didn't have enough resource: {name}, {amounts}"
        status = {**(pod.get("status") or {}), "phase": "Failed", "reason": f"OutOf{name}", "message": message}
        with suppress(NotFound, Conflict):
            self._store.update("pods", {**pod, "status": status}, subresource="status")
        self.host.record(pod, "Warning", f"OutOf{name}", message)


def _mine(pod: Object) -> bool:
    return pod["spec"].get("nodeName") == NAME and not terminal(pod)
