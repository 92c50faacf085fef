"""The embedded cluster as one object: store, API server, scheduler and node on one state folder."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import yaml

from localkube import state_dir
from localkube.apiserver.fault_injection import FaultHook
from localkube.apiserver.server import ApiServer, AuditHook
from localkube.apiserver.store import Store
from localkube.node import gpus
from localkube.node.container_spec import host_environment
from localkube.node.node import LABELS, NAME, Node, capacity
from localkube.node.pod_logs import PodLogs
from localkube.node.resource_accounting import Ledger
from localkube.node.runtime import ProcessRuntime, Runtime
from localkube.node.scheduler import Scheduler

DATABASE = "cluster.sqlite"
_log = logging.getLogger(__name__)


class AlreadyRunning(Exception):
    """Another process serves the state folder. `pid` is its process id, 0 if it is not recorded yet."""

    def __init__(self, folder: Path, pid: int) -> None:
        super().__init__(
            f"{folder} is in use by the cluster of process {pid or '(just starting)'}. Stop it, or choose another folder"
        )
        self.pid = pid


class LocalCluster:
    """A cluster of one machine.

    state_dir: the folder of all state. A cluster on the same folder continues where it ended, even after a kill -9.
    gpus: the number of GPUs of the node; None for those of the machine. Pods get them by index; they need not exist.
    crd_dir: CustomResourceDefinitions to create or update at the start.
    port: the port of the API server; 0 for any free port.
    runtime: the container runtime; by default processes of this machine.
    environment: the variables that programs inherit; by default those of `container_spec.host_environment`.
    on_request, faults: see ApiServer.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        gpus: int | None = None,
        crd_dir: Path | None = None,
        port: int = 0,
        runtime: Runtime | None = None,
        environment: Mapping[str, str] | None = None,
        on_request: AuditHook | None = None,
        faults: FaultHook | None = None,
    ) -> None:
        self._folder = state_dir.absolute()
        self._gpus = gpus
        self._crd_dir = crd_dir
        self._port = port
        self._runtime = runtime or ProcessRuntime(self._folder / "processes")
        self._environment = host_environment() if environment is None else environment
        self._on_request = on_request
        self._faults = faults
        self._running = AsyncExitStack()

    @property
    def kubeconfig_path(self) -> Path:
        """Return the path of the kubeconfig that `start` writes. It contains the token; only its owner can read it."""
        return self._folder / "kubeconfig"

    @property
    def operator_kubeconfig_path(self) -> Path:
        """Return the path of the kubeconfig for clients that send a token over plain HTTP; no URL contains the token."""
        return self._folder / "operator.kubeconfig"

    async def start(self) -> None:
        """Start the cluster. Raises AlreadyRunning where another process serves the folder, StoreBroken, UnsafeFolder."""
        state_dir.make(self._folder)
        async with AsyncExitStack() as running:
            lock = running.enter_context(_lock(self._folder))
            lock.write(str(os.getpid()))
            lock.flush()
            token = self._folder / "token"
            store = Store(self._folder / DATABASE, now=_now, expected=token.exists())
            running.callback(store.close)
            await self._serve(store, running)
            self._running = running.pop_all()

    async def stop(self) -> None:
        """End every Pod and stop serving; return when no process is left."""
        await self._running.aclose()

    async def _serve(self, store: Store, running: AsyncExitStack) -> None:
        """Start the parts, the API server last; they are stopped in reverse order."""
        count = await asyncio.to_thread(gpus.count) if self._gpus is None else self._gpus
        ledger = Ledger(capacity(count))
        scheduler = Scheduler(store, ledger, node=NAME, labels=LABELS, now=_now)
        node = Node(
            store,
            self._runtime,
            ledger,
            folder=self._folder,
            devices=gpus.devices(count),
            environment=self._environment,
            now=_now,
            released=scheduler.wake,
        )
        server = ApiServer(
            store,
            token=_token(self._folder / "token"),
            crd_dir=self._crd_dir,
            logs=PodLogs(node, _now),
            now=_now,
            on_request=self._on_request,
            faults=self._faults,
        )
        running.push_async_callback(server.stop)
        running.push_async_callback(node.stop)
        await node.start()
        scheduling = asyncio.create_task(scheduler.run(), name="scheduler")
        scheduling.add_done_callback(_log_failure)
        running.callback(scheduling.cancel)
        await server.start(port=self._port)
        state_dir.write_private(self.kubeconfig_path, yaml.safe_dump(server.kubeconfig()))
        state_dir.write_private(self.operator_kubeconfig_path, yaml.safe_dump(server.kubeconfig(token_in_url=False)))


def _now() -> datetime:
    return datetime.now(UTC)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        _log.critical("the scheduler failed: no further Pod will start", exc_info=error)


def set_aside(folder: Path) -> None:
    """Rename an unusable database and delete the token, so that the next start creates an empty cluster."""
    for file in folder.glob(f"{DATABASE}*"):
        if ".broken-" not in file.name:
            file.replace(file.with_name(f"{file.name}.broken-{_now():%Y%m%dT%H%M%S}"))
    (folder / "token").unlink(missing_ok=True)


def serving(folder: Path) -> int | None:
    """Return the process id of the server of a state folder; None where no process serves it, 0 if it is not recorded
    yet.
    """
    if not (folder / "lock").exists():
        return None
    try:
        _lock(folder).close()
    except AlreadyRunning as error:
        return error.pid
    return None


def _lock(folder: Path) -> IO[str]:
    """Lock the folder until the file is closed. The kernel releases the lock when the process dies.

    The file is truncated, so that the id of an earlier process is never read as the holder's.
    """
    state_dir.create_private(folder / "lock")
    file = folder.joinpath("lock").open("a+", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        text = file.read()
        file.close()
        raise AlreadyRunning(folder, int(text) if text.isdigit() else 0) from None
    file.truncate(0)
    return file


def _token(path: Path) -> str:
    """Return the token of the cluster, the same for every start, so that copied kubeconfigs stay valid."""
    if not path.exists():
        state_dir.write_private(path, secrets.token_urlsafe(24))
    return path.read_text(encoding="ascii")
