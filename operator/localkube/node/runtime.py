"""The interface of container runtimes, and the runtime that runs containers as processes of this machine.

`Runtime` is small, so that a benchmark or a test can replace it. A `Program` is a container with all references
resolved; a `Process` is one run of it.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from localkube import state_dir
from localkube.node import processes

_MESSAGE_LIMIT = 4 * 1024 * 1024
_LOST = 137


@dataclass(frozen=True, slots=True)
class Program:
    """One run of a container: the command to execute and the path of its log. `id` is unique."""

    id: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    log: Path


@dataclass(frozen=True, slots=True)
class Exit:
    """The end of a run: the code as a shell shows it (128 + signal), and the signal or 0."""

    code: int
    signal: int
    at: datetime
    message: str = ""


class StartRefused(Exception):
    """The program could not be executed; the message is that of the runtime."""

    def __init__(self, code: int, message: str, at: datetime) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.at = at


class Process(Protocol):
    """A run that has begun."""

    started_at: datetime

    @property
    def exited(self) -> bool:
        """Return whether no process is left and all output is in the log."""

    async def wait(self) -> Exit:
        """Return when all processes of the run are gone. It may be called repeatedly."""

    async def grown(self) -> None:
        """Return when the log may have grown since the call, or when the run is over."""

    def signal(self, number: int) -> None:
        """Send a signal to the whole process group; a group that is gone is ignored."""


class Runtime(Protocol):
    """Starts programs."""

    async def open(self) -> None:
        """Start the runtime; end what an earlier server left running."""

    async def close(self) -> None:
        """Kill everything."""

    async def start(self, program: Program) -> Process:
        """Start a run. Raises StartRefused."""


@dataclass(slots=True)
class _Run:
    """A process group of the shim."""

    send: Any
    program: Program
    begun: asyncio.Future[datetime]
    ended: asyncio.Future[Exit]
    started_at: datetime
    readers: set[asyncio.Future[None]] = field(default_factory=set)

    @property
    def exited(self) -> bool:
        return self.ended.done()

    async def wait(self) -> Exit:
        return await asyncio.shield(self.ended)

    async def grown(self) -> None:
        if self.ended.done():
            return
        reader = asyncio.get_running_loop().create_future()
        self.readers.add(reader)
        try:
            await reader
        finally:
            self.readers.discard(reader)

    def signal(self, number: int) -> None:
        if not self.ended.done():
            self.send(op="signal", id=self.program.id, signal=number)

    def wake_readers(self) -> None:
        for reader in self.readers:
            if not reader.done():
                reader.set_result(None)


class ProcessRuntime:
    """Runs programs as process groups through one shim process (`localkube.node.shim`).

    `folder` holds the records of process groups. If the shim dies, its runs end with code 137, their remaining
    processes are killed, and the next program starts another shim.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs: dict[str, _Run] = {}
        self._shim: subprocess.Popen[bytes] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Kill what is left of an earlier server's containers, then start the shim."""
        self._folder.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(processes.end_stale, self._folder)
        await self._start_shim()

    async def close(self) -> None:
        """Close the shim's socket: it kills what still runs, writes the last lines, and goes."""
        reading, self._reading = self._reading, None
        if reading:
            reading.cancel()
        if self._writer:
            self._writer.close()
            self._writer = None
        if self._shim:
            await asyncio.to_thread(self._shim.wait)
        self._fail_all()

    async def start(self, program: Program) -> Process:
        """Start a run; return when its process exists. Raises StartRefused."""
        if self._writer is None:
            await self._start_shim()
        loop = asyncio.get_running_loop()
        run = _Run(self._send, program, loop.create_future(), loop.create_future(), datetime.now(UTC))
        self._runs[program.id] = run
        self._send(
            op="start",
            id=program.id,
            argv=program.argv,
            env=dict(program.env),
            cwd=program.cwd,
            log=str(program.log),
        )
        run.started_at = await run.begun
        return run

    async def _start_shim(self) -> None:
        own_end, shim_end = socket.socketpair()
        package_root = str(Path(__file__).parents[2])
        log = self._folder.with_name("shim.log")
        state_dir.create_private(log)
        with log.open("ab") as errors:
            self._shim = subprocess.Popen(  # noqa: ASYNC220, S603
                [sys.executable, "-m", "localkube.node.shim", str(self._folder)],
                env={**os.environ, "PYTHONPATH": os.pathsep.join([package_root, os.environ.get("PYTHONPATH", "")])},
                stdin=shim_end.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
        shim_end.close()
        reader, self._writer = await asyncio.open_connection(sock=own_end, limit=_MESSAGE_LIMIT)
        self._reading = asyncio.create_task(self._read(reader), name="shim")

    def _send(self, **message: Any) -> None:
        if self._writer:
            self._writer.write(json.dumps(message).encode() + b"\n")

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._handle(json.loads(line))
        except (ConnectionError, ValueError):
            pass  # the shim is gone, or its message is malformed
        self._writer = None
        await asyncio.to_thread(processes.end_stale, self._folder)
        self._fail_all()

    def _handle(self, message: dict[str, Any]) -> None:
        if message["event"] == "wrote":
            for name in message["ids"]:
                if run := self._runs.get(name):
                    run.wake_readers()
            return
        run = self._runs.get(message["id"])
        if run is None:
            return
        at = datetime.fromtimestamp(message["at"] / 1e9, UTC)
        if message["event"] == "started":
            _settle(run.begun, at)
        elif message["event"] == "refused":
            del self._runs[message["id"]]
            if not run.begun.done():
                run.begun.set_exception(StartRefused(message["code"], message["message"], at))
        else:
            self._finish(run, Exit(message["code"], message["signal"], at))

    def _finish(self, run: _Run, end: Exit) -> None:
        self._runs.pop(run.program.id, None)
        _settle(run.begun, end.at)
        _settle(run.ended, end)
        run.wake_readers()

    def _fail_all(self) -> None:
        lost = Exit(_LOST, 9, datetime.now(UTC), "The process that watched over this container was killed")
        for run in tuple(self._runs.values()):
            self._finish(run, lost)


def _settle(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)
