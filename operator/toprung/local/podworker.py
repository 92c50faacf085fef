"""One Pod's life on the node, from its binding until nothing of it is left.

    init containers, one after the other -> all containers at once -> each restarted by restartPolicy, with back-off
    deletion | deadline | shutdown | removal -> SIGTERM to every group -> grace -> SIGKILL

A final phase is written only when every process group is gone, so a Pod that reads Succeeded or Failed holds no GPU.
Probes and life-cycle hooks are ignored: a container is ready while it runs.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from toprung.local import gpus, podstatus
from toprung.local.environment import resolve
from toprung.local.errors import Conflict, NotFound
from toprung.local.happenings import EventRecorder
from toprung.local.ledger import Ledger
from toprung.local.podstatus import Container, Running, State, Terminated, Verdict, Waiting
from toprung.local.runtime import Exit, Process, Program, Runtime, StartRefused
from toprung.local.store import Store
from toprung.local.volumes import ConfigError, Folders, prepare

Object = dict[str, Any]

DEADLINE = Verdict("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
FIRST_BACK_OFF = 10.0  # seconds, doubled with each restart
LONGEST_BACK_OFF = 300.0  # seconds
STEADY = 600.0  # seconds of running after which a container's failures are forgotten
CONFIG_RETRY = 10.0  # seconds between two looks at a configuration that was not there


@dataclass(frozen=True, slots=True)
class Host:
    """What all Pods of a node share; `released` is called when one of them let go of its resources."""

    store: Store
    runtime: Runtime
    ledger: Ledger
    record: EventRecorder
    folders: Folders
    logs: Path
    devices: tuple[str, ...]
    now: Callable[[], datetime]
    released: Callable[[], None]

    def log_folder(self, pod: Object) -> Path:
        """Where the logs of a Pod's containers are."""
        metadata = pod["metadata"]
        return self.logs / f"{metadata['namespace']}_{metadata['name']}_{metadata['uid']}"

    def log(self, pod: Object, container: str, run: int) -> Path:
        """The log of one run of a container; run 0 is the first."""
        return self.log_folder(pod) / container / f"{run}.log"


@dataclass(frozen=True, slots=True)
class _Stop:
    """A reason to end the Pod, with the grace in seconds that it leaves."""

    cause: str
    grace: float
    verdict: Verdict | None = None


class PodWorker:
    """Drives one Pod. `run` it once; tell it of changes by `observe`, `remove` and `shut_down`."""

    def __init__(self, pod: Object, host: Host) -> None:
        self._pod = pod
        self._host = host
        spec = pod["spec"]
        self._init: list[Object] = spec.get("initContainers") or []
        self._main: list[Object] = spec["containers"]
        self._policy: str = spec.get("restartPolicy", "Always")
        self._containers = {c["name"]: Container(c["name"], c.get("image", "")) for c in [*self._init, *self._main]}
        self._processes: dict[str, Process] = {}
        self._failures: dict[str, int] = {}
        self._started = host.now()
        self._changed = asyncio.Event()
        self._stopping = asyncio.Event()
        self._heeded: set[_Stop] = set()
        self._kill_at = float("inf")
        self._verdict: Verdict | None = None
        self._removed = False
        self._shutdown: _Stop | None = None

    @property
    def uid(self) -> str:
        """The Pod's uid."""
        return str(self._pod["metadata"]["uid"])

    def process(self, container: str) -> Process | None:
        """The present or the last run of a container."""
        return self._processes.get(container)

    def observe(self, pod: Object) -> None:
        """The Pod changed: a deadline was set, or its deletion asked for."""
        self._pod = pod
        self._changed.set()

    def remove(self) -> None:
        """The Pod is no longer in the API: end it without grace."""
        self._removed = True
        self._changed.set()

    def shut_down(self, verdict: Verdict, grace: float) -> None:
        """The node stops: end within `grace` seconds, or the Pod's own grace where that is shorter."""
        own = float(self._pod["spec"].get("terminationGracePeriodSeconds", grace))
        self._shutdown = _Stop("shutdown", min(grace, own), verdict)
        self._changed.set()

    async def run(self) -> None:
        """Return when the Pod has ended and its end is written."""
        life = asyncio.create_task(self._live(), name=f"pod {self._pod['metadata']['name']}")
        life.add_done_callback(lambda _: self._changed.set())
        try:
            while not life.done():
                self._changed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._enforce()):
                        await self._changed.wait()
            await life
        finally:
            life.cancel()
            await self._finish()

    # -- ending it

    def _reasons_to_stop(self) -> Iterator[_Stop]:
        metadata, spec = self._pod["metadata"], self._pod["spec"]
        if self._deadline_in() <= 0:
            yield _Stop("deadline", float(spec.get("terminationGracePeriodSeconds", 30)), DEADLINE)
        if metadata.get("deletionTimestamp"):
            yield _Stop("deletion", float(metadata.get("deletionGracePeriodSeconds") or 0))
        if self._shutdown:
            yield self._shutdown
        if self._removed:
            yield _Stop("removal", 0.0)

    def _deadline_in(self) -> float:
        """Seconds until activeDeadlineSeconds is over, counted from status.startTime."""
        seconds = self._pod["spec"].get("activeDeadlineSeconds")
        if seconds is None:
            return float("inf")
        return float(seconds) - (self._host.now() - self._started).total_seconds()

    def _enforce(self) -> float | None:
        """Send the signals that are due; the seconds until there may be another, None if there is none in sight."""
        now = asyncio.get_running_loop().time()
        for stop in self._reasons_to_stop():
            if stop not in self._heeded:
                self._heeded.add(stop)
                self._verdict = self._verdict or stop.verdict
                self._kill_at = min(self._kill_at, now + stop.grace)
                if not self._stopping.is_set():
                    self._begin_to_stop()
        if self._stopping.is_set() and now >= self._kill_at:
            self._signal_all(signal.SIGKILL)
            self._kill_at = float("inf")
        next_one = min(self._kill_at - now, self._deadline_in() if not self._stopping.is_set() else float("inf"))
        return None if next_one == float("inf") else max(0.0, next_one)

    def _begin_to_stop(self) -> None:
        self._stopping.set()
        for name, process in self._processes.items():
            if not process.exited:
                self._host.record(self._pod, "Normal", "Killing", f"Stopping container {name}")
        self._signal_all(signal.SIGTERM)

    def _signal_all(self, number: int) -> None:
        for process in self._processes.values():
            process.signal(number)

    # -- living it

    async def _live(self) -> None:
        once = "Never" if self._policy == "Never" else "OnFailure"
        for container in self._init:
            await self._supervise(container, once)
            if not self._containers[container["name"]].succeeded:
                return
        async with asyncio.TaskGroup() as group:
            for container in self._main:
                group.create_task(self._supervise(container, self._policy))

    async def _supervise(self, spec: Object, policy: str) -> None:
        """Run a container until its restart policy, or the Pod's end, says that it has run for the last time."""
        while not self._stopping.is_set():
            try:
                end = await self._run_once(spec)
            except (ConfigError, OSError) as error:
                self._set(spec["name"], Waiting("CreateContainerConfigError", str(error)))
                self._host.record(self._pod, "Warning", "Failed", f"Error: {error}")
                await self._pause(CONFIG_RETRY)
                continue
            if policy == "Never" or (policy == "OnFailure" and end.code == 0):
                return
            await self._back_off(spec["name"], end)

    async def _run_once(self, spec: Object) -> Terminated:
        """One run from start to end. Raises ConfigError or OSError when it could not be prepared."""
        name = spec["name"]
        before = self._containers[name]
        again = before.last is not None or isinstance(before.state, Terminated)
        run = before.restarts + again
        program = self._program(spec, run)
        try:
            process = await self._host.runtime.start(program)
        except StartRefused as refusal:
            self._containers[name] = replace(self._containers[name], restarts=run, id=program.id)
            self._host.record(self._pod, "Warning", "Failed", f"Error: {refusal.message}")
            at = refusal.at
            return self._end(name, Terminated(refusal.code, "StartError", at, at, 0, refusal.message, program.id))
        self._processes[name] = process
        self._containers[name] = replace(self._containers[name], restarts=run, id=program.id)
        self._set(name, Running(process.started_at))
        if self._stopping.is_set():
            process.signal(signal.SIGTERM if self._kill_at < float("inf") else signal.SIGKILL)
        return self._end(name, _terminated(await process.wait(), process.started_at, program.id))

    def _program(self, spec: Object, run: int) -> Program:
        host, pod = self._host, self._pod
        volumes = prepare(pod, host.store, host.folders)
        devices = gpus.environment(host.ledger.gpus(self.uid), host.devices)
        resolved = resolve(pod, spec, host.store, volumes, devices)
        if run > 1:
            for old in host.log(pod, spec["name"], run - 2).parent.glob(f"{run - 2}.log*"):
                old.unlink(missing_ok=True)
        log = host.log(pod, spec["name"], run)
        return Program(uuid.uuid4().hex, resolved.argv, resolved.env, resolved.cwd, log)

    async def _back_off(self, name: str, end: Terminated) -> None:
        """Wait before the next run: not at all the first time, then 10 s, 20 s and so on up to 5 minutes."""
        if (end.finished_at - end.started_at).total_seconds() >= STEADY:
            self._failures[name] = 0
        count = self._failures[name] = self._failures.get(name, 0) + 1
        if count == 1 or self._stopping.is_set():
            return
        seconds = min(FIRST_BACK_OFF * 2 ** (count - 2), LONGEST_BACK_OFF)
        metadata = self._pod["metadata"]
        pod = f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"
        message = f"back-off {seconds:.0f}s restarting failed container={name} pod={pod}"
        self._host.record(self._pod, "Warning", "BackOff", f"Back-off restarting failed container {name} in pod {pod}")
        self._set(name, Waiting("CrashLoopBackOff", message))
        await self._pause(seconds)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    # -- telling it

    def _end(self, name: str, state: Terminated) -> Terminated:
        self._set(name, state)
        return state

    def _set(self, name: str, state: State) -> None:
        """Take a container's new state; the last one of all is written with the Pod's end, in one write."""
        self._containers[name] = self._containers[name].to(state)
        reached = self._phase(self._policy)
        if not self._stopping.is_set() and reached not in ("Succeeded", "Failed"):
            self._write(reached, None)

    def _phase(self, policy: str) -> str:
        init = [self._containers[c["name"]] for c in self._init]
        return podstatus.phase(policy, init, [self._containers[c["name"]] for c in self._main])

    def _write(self, reached: str, verdict: Verdict | None) -> None:
        metadata, store = self._pod["metadata"], self._host.store
        init = [self._containers[c["name"]] for c in self._init]
        main = [self._containers[c["name"]] for c in self._main]
        with suppress(NotFound, Conflict):
            current = store.get("pods", metadata["namespace"], metadata["name"])
            if current["metadata"]["uid"] == self.uid:
                status = podstatus.status(
                    current,
                    init,
                    main,
                    reached=reached,
                    verdict=verdict,
                    started=self._started,
                    now=self._host.now(),
                )
                store.update("pods", {**current, "status": status}, subresource="status")

    async def _finish(self) -> None:
        """Write the end, give everything back, and complete a deletion that was asked for."""
        began = any(c.last or not isinstance(c.state, Waiting) for c in self._containers.values())
        if began or (self._verdict and not self._verdict.disrupted):
            if self._verdict is DEADLINE:
                self._host.record(self._pod, "Normal", DEADLINE.reason, DEADLINE.message)
            self._write("Failed" if self._verdict else self._phase("Never"), self._verdict)
        volumes = self._host.folders.of_pod(self.uid)
        if volumes.exists() and (began or self._shutdown is None):
            await asyncio.to_thread(shutil.rmtree, volumes, ignore_errors=True)
        self._host.ledger.release(self.uid)
        self._host.released()
        if self._pod["metadata"].get("deletionTimestamp") and not self._removed:
            remove(self._host.store, self._pod)


def remove(store: Store, pod: Object) -> None:
    """Complete a Pod's deletion: nothing of it is left on the node."""
    metadata = pod["metadata"]
    with suppress(NotFound, Conflict):
        store.delete("pods", metadata["namespace"], metadata["name"], grace=0, uid=metadata["uid"])


def _terminated(end: Exit, started: datetime, name: str) -> Terminated:
    reason = "Completed" if end.code == 0 else "Error"
    return Terminated(end.code, reason, started, end.at, end.signal, end.message, name)
