"""The containers of one Pod: their states, their consecutive runs, and the back-off between runs."""

from __future__ import annotations

import asyncio
import signal
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from localkube.node import gpus
from localkube.node.container_spec import resolve
from localkube.node.container_state import Container, Running, State, Terminated, Waiting, terminated
from localkube.node.pod_host import Host
from localkube.node.runtime import Process, Program, StartRefused
from localkube.node.volumes import ConfigError, MountError, prepare

Object = dict[str, Any]

FIRST_BACK_OFF = 10.0  # seconds, doubled with each restart
LONGEST_BACK_OFF = 300.0  # seconds
STEADY = 600.0  # seconds of running that reset the back-off
CONFIG_RETRY = 10.0  # seconds between two attempts to resolve a missing configuration


class Containers:
    """Runs the containers of a Pod and keeps their states; `changed` is called after each change.

    `late_signal` is sent to a program that starts while the Pod is stopping.
    """

    def __init__(self, pod: Object, host: Host, changed: Callable[[], None]) -> None:
        self.pod = pod
        self.init: list[Object] = pod["spec"].get("initContainers") or []
        self.main: list[Object] = pod["spec"]["containers"]
        self.sidecars = [c["name"] for c in self.init if c.get("restartPolicy") == "Always"]
        self.processes: dict[str, Process] = {}
        self.late_signal: int = signal.SIGKILL
        self._host = host
        self._changed = changed
        self._failures: dict[str, int] = {}
        self._waiting = Waiting("PodInitializing") if self.init else Waiting()
        self._states = {
            c["name"]: Container(c["name"], c.get("image", ""), self._waiting, sidecar=c["name"] in self.sidecars)
            for c in [*self.init, *self.main]
        }

    def state(self, name: str) -> Container:
        """Return the state of a container."""
        return self._states[name]

    def states(self, specs: list[Object]) -> list[Container]:
        """Return the states of the containers of a list."""
        return [self._states[spec["name"]] for spec in specs]

    @property
    def began(self) -> bool:
        """Return whether any container has run."""
        return any(c.last or not isinstance(c.state, Waiting) for c in self._states.values())

    @property
    def sidecar_runs(self) -> bool:
        """Return whether a sidecar is still running, so that the Pod has not ended."""
        return any(isinstance(self._states[name].state, Running) for name in self.sidecars)

    async def supervise(self, spec: Object, policy: str, over: asyncio.Event) -> None:
        """Run a container until its restart policy, or `over`, allows no further run."""
        while not over.is_set():
            try:
                end = await self._run_once(spec, over)
            except MountError as error:
                self._set(spec["name"], self._waiting)
                self._host.record(self.pod, "Warning", "FailedMount", str(error))
                await _pause(CONFIG_RETRY, over)
                continue
            except (ConfigError, OSError) as error:
                self._set(spec["name"], Waiting("CreateContainerConfigError", str(error)))
                self._host.record(self.pod, "Warning", "Failed", f"Error: {error}")
                await _pause(CONFIG_RETRY, over)
                continue
            if policy == "Never" or (policy == "OnFailure" and end.code == 0):
                return
            await self._back_off(spec["name"], end, over)

    def signal_all(self, number: int) -> None:
        """Send a signal to every container that runs."""
        for process in self.processes.values():
            process.signal(number)

    def terminate(self, name: str) -> None:
        """Send SIGTERM to a container, and record it; nothing happens if it does not run."""
        process = self.processes.get(name)
        if process and not process.exited:
            self._host.record(self.pod, "Normal", "Killing", f"Stopping container {name}")
            process.signal(signal.SIGTERM)

    async def _run_once(self, spec: Object, over: asyncio.Event) -> Terminated:
        """Run a container from start to end. Raises ConfigError or OSError when it cannot be prepared."""
        name = spec["name"]
        before = self._states[name]
        again = before.last is not None or isinstance(before.state, Terminated)
        run = before.restarts + again
        program = self._program(spec, run)
        try:
            process = await self._host.runtime.start(program)
        except StartRefused as refusal:
            self._states[name] = replace(self._states[name], restarts=run, id=program.id)
            self._host.record(self.pod, "Warning", "Failed", f"Error: {refusal.message}")
            at = refusal.at
            return self._end(name, Terminated(refusal.code, "StartError", at, at, 0, refusal.message, program.id))
        self.processes[name] = process
        self._states[name] = replace(self._states[name], restarts=run, id=program.id)
        self._set(name, Running(process.started_at))
        if over.is_set():
            process.signal(self.late_signal)
        return self._end(name, terminated(await process.wait(), process.started_at, program.id))

    def _program(self, spec: Object, run: int) -> Program:
        host, pod = self._host, self.pod
        volumes = prepare(pod, host.store, host.folders)
        devices = gpus.environment(host.ledger.gpus(pod["metadata"]["uid"]), host.devices)
        resolved = resolve(pod, spec, host.store, volumes, inherited=host.environment, devices=devices)
        if run > 1:
            for old in host.log(pod, spec["name"], run - 2).parent.glob(f"{run - 2}.log*"):
                old.unlink(missing_ok=True)
        log = host.log(pod, spec["name"], run)
        return Program(uuid.uuid4().hex, resolved.argv, resolved.env, resolved.cwd, log)

    async def _back_off(self, name: str, end: Terminated, over: asyncio.Event) -> None:
        """Wait before the next run: no time before the second, then 10 s, 20 s and so on up to 5 minutes."""
        if (end.finished_at - end.started_at).total_seconds() >= STEADY:
            self._failures[name] = 0
        count = self._failures[name] = self._failures.get(name, 0) + 1
        if count == 1 or over.is_set():
            return
        seconds = min(FIRST_BACK_OFF * 2 ** (count - 2), LONGEST_BACK_OFF)
        metadata = self.pod["metadata"]
        pod = f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"
        message = f"back-off {seconds:.0f}s restarting failed container={name} pod={pod}"
        self._host.record(self.pod, "Warning", "BackOff", f"Back-off restarting failed container {name} in pod {pod}")
        self._set(name, Waiting("CrashLoopBackOff", message))
        await _pause(seconds, over)

    def _end(self, name: str, state: Terminated) -> Terminated:
        self._set(name, state)
        return state

    def _set(self, name: str, state: State) -> None:
        self._states[name] = self._states[name].to(state)
        self._changed()


async def _pause(seconds: float, over: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await over.wait()
