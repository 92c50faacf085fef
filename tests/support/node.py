"""Builders for tests of the embedded node: Pods, a machine to run them on, and a runtime that runs nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from localkube.apiserver.log_source import LogQuery
from localkube.apiserver.store import Store
from localkube.node.container_spec import host_environment
from localkube.node.gpus import devices
from localkube.node.node import LABELS, NAME, Node, capacity
from localkube.node.pod_logs import PodLogs
from localkube.node.resource_accounting import Ledger
from localkube.node.runtime import Exit, Program, Runtime
from localkube.node.scheduler import Scheduler

Object = dict[str, Any]


def now() -> datetime:
    return datetime.now(UTC)


def container(*command: str, gpus: int = 0, name: str = "main", **fields: Any) -> Object:
    resources = {"limits": {"nvidia.com/gpu": str(gpus)}} if gpus else {}
    return {"name": name, "image": "none", "resources": resources, "command": list(command), **fields}


def pod(name: str, *containers: Object, policy: str = "Never", **spec: Any) -> Object:
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"restartPolicy": policy, "containers": list(containers), **spec},
    }


async def until(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    """Wait until the condition is true; the limit only ends a test that hangs."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


@dataclass(slots=True)
class FakeProcess:
    """A process that a test or a signal ends. A deaf one ignores signals."""

    program: Program
    started_at: datetime
    end: asyncio.Future[Exit]
    deaf: bool
    signals: list[int] = field(default_factory=list)

    @property
    def exited(self) -> bool:
        return self.end.done()

    async def wait(self) -> Exit:
        return await asyncio.shield(self.end)

    async def grown(self) -> None:
        await self.wait()

    def signal(self, number: int) -> None:
        self.signals.append(number)
        if not self.deaf and not self.exited:
            self.end.set_result(Exit(128 + number, number, now()))

    def finish(self, code: int = 0) -> None:
        self.end.set_result(Exit(code, 0, now()))


@dataclass(slots=True)
class FakeRuntime:
    """A runtime that starts no program. `running` has the processes that no test or signal has ended."""

    deaf: bool = False
    processes: list[FakeProcess] = field(default_factory=list)

    @property
    def running(self) -> list[FakeProcess]:
        return [process for process in self.processes if not process.exited]

    def end_all(self) -> None:
        """End all processes, deaf ones included, so that a failed test does not hang."""
        self.deaf = False
        for process in self.running:
            process.finish(137)

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        self.end_all()

    async def start(self, program: Program) -> FakeProcess:
        end = asyncio.get_running_loop().create_future()
        self.processes.append(FakeProcess(program, now(), end, self.deaf))
        return self.processes[-1]


@dataclass(slots=True)
class Machine:
    """A store with a scheduler and a node."""

    store: Store
    node: Node
    ledger: Ledger
    logs: PodLogs

    def create(self, body: Object) -> str:
        return str(self.store.create("pods", body)["metadata"]["name"])

    def get(self, name: str) -> Object:
        return self.store.get("pods", "default", name)

    def status(self, name: str) -> Object:
        return self.get(name).get("status") or {}

    def state(self, name: str) -> Object:
        return self.status(name).get("containerStatuses", [{}])[0].get("state", {})

    def condition(self, name: str, kind: str) -> Object:
        return next((c for c in self.status(name).get("conditions") or () if c["type"] == kind), {})

    def events(self, reason: str) -> list[Object]:
        return [event for event in self.store.list("events")[0] if event["reason"] == reason]

    async def ended(self, name: str) -> Object:
        await until(lambda: self.status(name).get("phase") in ("Succeeded", "Failed"))
        return self.status(name)

    async def log(self, name: str, **query: Any) -> bytes:
        return b"".join([chunk async for chunk in self.logs.read(self.get(name), LogQuery(**query))])


@asynccontextmanager
async def machine(
    folder: Path, runtime: Runtime, *, gpus: int = 0, path: Path | None = None, grace: float = 0.0
) -> AsyncIterator[Machine]:
    """Provide a machine that runs until the end of the block; the file `path` keeps its store for the next one."""
    store = Store(path, now=now)
    ledger = Ledger(capacity(gpus))
    scheduler = Scheduler(store, ledger, node=NAME, labels=LABELS, now=now)
    node = Node(
        store,
        runtime,
        ledger,
        folder=folder,
        devices=devices(gpus),
        environment=host_environment(),
        now=now,
        released=scheduler.wake,
    )
    await node.start()
    scheduling = asyncio.create_task(scheduler.run())
    try:
        yield Machine(store, node, ledger, PodLogs(node, now))
    finally:
        scheduling.cancel()
        with suppress(asyncio.CancelledError):
            await scheduling
        if isinstance(runtime, FakeRuntime):
            runtime.end_all()
        await node.stop(grace)
        store.close()
