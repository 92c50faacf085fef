"""The lifecycle of one Pod on the node, from its binding to its end.

    init containers, one after the other -> all containers at once -> each restarted by restartPolicy, with back-off
    sidecars (init containers with restartPolicy Always): started in their turn, ended last, in reverse order
    deletion | deadline | shutdown | removal -> SIGTERM to every group -> grace -> SIGKILL

A final phase is written only when every process group is gone, so that a Pod in Succeeded or Failed holds no GPU.
Probes and lifecycle hooks are ignored: a container is ready while it runs. An unexpected error fails the Pod.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from localkube.apiserver.errors import Conflict, NotFound
from localkube.node import pod_status
from localkube.node.containers import Containers
from localkube.node.pod_host import WORKER_FAILED, Host, failure, remove
from localkube.node.pod_status import PodOutcome
from localkube.node.runtime import Process

Object = dict[str, Any]

DEADLINE = PodOutcome("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
_DEFAULT_GRACE = 30.0  # seconds
_ENDED = ("Succeeded", "Failed")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Stop:
    """A reason to end the Pod, with the grace in seconds."""

    cause: str
    grace: float
    outcome: PodOutcome | None = None


class PodWorker:
    """Runs one Pod. Call `run` once; report changes by `observe`, `remove` and `shut_down`."""

    def __init__(self, pod: Object, host: Host) -> None:
        self._host = host
        self._containers = Containers(pod, host, self._container_changed)
        self._policy: str = pod["spec"].get("restartPolicy", "Always")
        self._started = host.now()
        self._changed = asyncio.Event()
        self._moved = asyncio.Event()
        self._stopping = asyncio.Event()
        self._sidecars_ending = asyncio.Event()
        self._handled: set[_Stop] = set()
        self._kill_at = float("inf")
        self._outcome: PodOutcome | None = None
        self._removed = False
        self._shutdown: _Stop | None = None

    @property
    def _pod(self) -> Object:
        return self._containers.pod

    @property
    def uid(self) -> str:
        """Return the Pod's uid."""
        return str(self._pod["metadata"]["uid"])

    def process(self, container: str) -> Process | None:
        """Return the current or last run of a container."""
        return self._containers.processes.get(container)

    def observe(self, pod: Object) -> None:
        """Update the Pod after a change, such as a deadline or a requested deletion."""
        self._containers.pod = pod
        self._changed.set()

    def remove(self) -> None:
        """End a Pod that was removed from the API, without grace."""
        self._removed = True
        self._changed.set()

    def shut_down(self, outcome: PodOutcome, grace: float) -> None:
        """End the Pod because the node stops, within `grace` seconds or the Pod's own shorter grace."""
        self._shutdown = _Stop("shutdown", min(grace, self._grace()), outcome)
        self._changed.set()

    async def run(self) -> None:
        """Run the Pod; return when it has ended and its final status is written."""
        life = asyncio.create_task(self._live(), name=f"pod {self._pod['metadata']['name']}")
        life.add_done_callback(lambda _: self._changed.set())
        try:
            while not life.done():
                self._changed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._enforce()):
                        await self._changed.wait()
            await life
        except Exception as error:  # noqa: BLE001 - a failure must not affect other Pods
            await self._fail(_cause(error))
        finally:
            life.cancel()
            await self._finish()

    async def _fail(self, error: BaseException) -> None:
        metadata = self._pod["metadata"]
        _log.error("the worker of Pod %s/%s failed", metadata["namespace"], metadata["name"], exc_info=error)
        self._outcome = PodOutcome(WORKER_FAILED, failure(error))
        self._host.record(self._pod, "Warning", WORKER_FAILED, self._outcome.message)
        self._containers.signal_all(signal.SIGKILL)
        await asyncio.gather(*(process.wait() for process in self._containers.processes.values()))

    # -- termination

    def _grace(self) -> float:
        own = self._pod["spec"].get("terminationGracePeriodSeconds")
        return float(own) if isinstance(own, int) else _DEFAULT_GRACE

    def _reasons_to_stop(self) -> Iterator[_Stop]:
        metadata = self._pod["metadata"]
        if self._deadline_in() <= 0:
            yield _Stop("deadline", self._grace(), DEADLINE)
        if metadata.get("deletionTimestamp"):
            yield _Stop("deletion", float(metadata.get("deletionGracePeriodSeconds") or 0))
        if self._shutdown:
            yield self._shutdown
        if self._removed:
            yield _Stop("removal", 0.0)

    def _deadline_in(self) -> float:
        """Return the seconds until activeDeadlineSeconds expires, counted from status.startTime."""
        seconds = self._pod["spec"].get("activeDeadlineSeconds")
        if seconds is None:
            return float("inf")
        return float(seconds) - (self._host.now() - self._started).total_seconds()

    def _enforce(self) -> float | None:
        """Send the signals that are due; return the seconds until the next one may be due, None if none is planned."""
        now = asyncio.get_running_loop().time()
        for stop in self._reasons_to_stop():
            if stop not in self._handled:
                self._handled.add(stop)
                self._outcome = self._outcome or stop.outcome
                self._kill_at = min(self._kill_at, now + stop.grace)
                if not self._stopping.is_set():
                    self._begin_to_stop()
        if self._stopping.is_set() and now >= self._kill_at:
            self._containers.late_signal = signal.SIGKILL
            self._containers.signal_all(signal.SIGKILL)
            self._kill_at = float("inf")
        next_one = min(self._kill_at - now, self._deadline_in() if not self._stopping.is_set() else float("inf"))
        return None if next_one == float("inf") else max(0.0, next_one)

    def _begin_to_stop(self) -> None:
        """Send SIGTERM to the containers; the sidecars follow when those are gone."""
        self._stopping.set()
        self._moved.set()
        self._containers.late_signal = signal.SIGTERM
        for name in self._containers.processes.keys() - set(self._containers.sidecars):
            self._containers.terminate(name)

    # -- lifecycle

    async def _live(self) -> None:
        async with asyncio.TaskGroup() as sidecars:
            try:
                if await self._initialize(sidecars):
                    async with asyncio.TaskGroup() as group:
                        for container in self._containers.main:
                            group.create_task(self._containers.supervise(container, self._policy, self._stopping))
            finally:
                await self._end_sidecars()

    async def _initialize(self, sidecars: asyncio.TaskGroup) -> bool:
        """Run the init containers in order and start the sidecars in their turn; return whether all succeeded."""
        once = "Never" if self._policy == "Never" else "OnFailure"
        for container in self._containers.init:
            name = container["name"]
            if name in self._containers.sidecars:
                sidecars.create_task(self._containers.supervise(container, "Always", self._sidecars_ending))
                await self._wait_for_start(name)
            else:
                await self._containers.supervise(container, once, self._stopping)
            if not self._containers.state(name).initialized:
                return False
        return True

    async def _wait_for_start(self, sidecar: str) -> None:
        while not self._containers.state(sidecar).initialized and not self._stopping.is_set():
            self._moved.clear()
            await self._moved.wait()

    async def _end_sidecars(self) -> None:
        """End the sidecars one after the other in reverse order, within the Pod's grace."""
        self._sidecars_ending.set()
        if not self._stopping.is_set():
            self._kill_at = asyncio.get_running_loop().time() + self._grace()
        for name in reversed(self._containers.sidecars):
            process = self._containers.processes.get(name)
            if process and not process.exited:
                self._containers.terminate(name)
                await self._gone(process)

    async def _gone(self, process: Process) -> None:
        """Wait until a sidecar ends; send SIGKILL when the Pod's grace is over."""
        left = self._kill_at - asyncio.get_running_loop().time()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, left) if left < float("inf") else None):
                await process.wait()
        process.signal(signal.SIGKILL)
        await process.wait()

    # -- status

    def _container_changed(self) -> None:
        """Write a container's new state. The last state is written together with the Pod's final phase."""
        self._moved.set()
        reached = self._phase(self._policy)
        if reached in _ENDED and self._containers.sidecar_runs:
            reached = "Running"
        if not self._stopping.is_set() and reached not in _ENDED:
            self._write(reached, None)

    def _phase(self, policy: str) -> str:
        containers = self._containers
        return pod_status.phase(policy, containers.states(containers.init), containers.states(containers.main))

    def _write(self, reached: str, outcome: PodOutcome | None) -> None:
        metadata, store = self._pod["metadata"], self._host.store
        with suppress(NotFound, Conflict):
            current = store.get("pods", metadata["namespace"], metadata["name"])
            if current["metadata"]["uid"] == self.uid:
                status = pod_status.status(
                    current,
                    self._containers.states(self._containers.init),
                    self._containers.states(self._containers.main),
                    reached=reached,
                    outcome=outcome,
                    started=self._started,
                    now=self._host.now(),
                )
                store.update("pods", {**current, "status": status}, subresource="status")

    async def _finish(self) -> None:
        """Write the final status, release all resources, and complete a requested deletion."""
        began = self._containers.began
        if began or (self._outcome and not self._outcome.disrupted):
            if self._outcome is DEADLINE:
                self._host.record(self._pod, "Normal", DEADLINE.reason, DEADLINE.message)
            self._write("Failed" if self._outcome else self._phase("Never"), self._outcome)
        volumes = self._host.folders.of_pod(self.uid)
        if volumes.exists() and (began or self._shutdown is None):
            await asyncio.to_thread(shutil.rmtree, volumes, ignore_errors=True)
        self._host.ledger.release(self.uid)
        self._host.released()
        if self._pod["metadata"].get("deletionTimestamp") and not self._removed:
            remove(self._host.store, self._pod)


def _cause(error: Exception) -> BaseException:
    """Return the first error of a group, which ended the others."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
