"""The shim: the process that starts containers, writes their logs, and ends them when the server dies.

    server --(socket: start, signal)--> shim --> one session and process group for each container
           <--(started, refused, exited, wrote)--

It is a separate process for three reasons. (1) A server killed with -9 closes the socket, and the shim ends every group
immediately; the shim knows every group from its start. (2) A flood of output is copied, stamped and split here and
costs the server nothing. (3) On Linux it is the subreaper of its containers, so that a program that moves to another
session is found and ended with its container, as in a real one.

Run it as `python -m localkube.node.shim RECORDS` with the socket as standard input. Standard library only. It reads and
writes JSON, one message per line; `_Shim` lists the messages.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localkube.node import processes
from localkube.node.log_file import LineSplitter, LogFile

READ_BYTES = 64 * 1024
MOST_IN_PIPE = 1024 * 1024  # Linux's largest pipe without privileges
WROTE_INTERVAL = 0.02  # seconds between two messages that logs have grown
GONE_INTERVAL = 0.01  # seconds between two checks of a killed group
TRACEBACK_INTERVAL = 60.0  # seconds between two tracebacks in the shim's log
START_ERROR = 128  # exit code of a container runtime for a program that cannot be started
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(slots=True)
class _Container:
    """A process group and the two pipes of its output; `ended` is set when the leader is reaped."""

    id: str
    leader: subprocess.Popen[bytes]
    log: LogFile
    pipes: dict[int, LineSplitter] = field(default_factory=dict)
    ended: dict[str, Any] | None = None


class _Shim:
    """The event loop. Messages in: start(id, argv, env, cwd, log), signal(id, signal).

    Messages out: started(id, pid, at), refused(id, code, message, at), exited(id, code, signal, at), wrote(ids). Times
    are nanoseconds since the epoch. `exited` is sent when the whole group is gone and all of its output is in the log.
    """

    def __init__(self, control: socket.socket, records: Path) -> None:
        self._control = control
        self._records = records
        self._containers: dict[str, _Container] = {}
        self._grown: set[str] = set()
        self._reported_at = 0.0
        self._traceback_at = float("-inf")
        self._received = b""
        self._selector = selectors.DefaultSelector()
        self._open = True

    def run(self) -> None:
        """Serve until the server is gone, then end every container."""
        self._selector.register(self._control, selectors.EVENT_READ, self._receive)
        self._selector.register(_wake_on_child(), selectors.EVENT_READ, _drain)
        while self._open:
            for key, _ in self._selector.select(self._select_timeout()):
                self._isolated(key.data, key.fileobj)
            for step in (self._reap, self._report_ended, self._report_growth):
                self._isolated(step)
        self._end_everything()

    def _isolated(self, step: Callable[..., object], *arguments: object) -> None:
        """Execute a step. An unexpected error of one container is logged and does not affect others."""
        try:
            step(*arguments)
        except Exception:  # noqa: BLE001 - this process supervises all containers
            now = time.monotonic()
            if now - self._traceback_at >= TRACEBACK_INTERVAL:
                self._traceback_at = now
                traceback.print_exc()

    def _select_timeout(self) -> float | None:
        if any(container.ended for container in self._containers.values()):
            return GONE_INTERVAL
        return WROTE_INTERVAL if self._grown else None

    # -- messages of the server

    def _receive(self, control: socket.socket) -> None:
        try:
            data = control.recv(READ_BYTES)
        except OSError:
            data = b""
        self._open = bool(data)
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            self._isolated(self._handle, json.loads(line))

    def _handle(self, message: dict[str, Any]) -> None:
        if message["op"] == "start":
            self._start(message)
        elif container := self._containers.get(message["id"]):
            processes.signal_group(container.leader.pid, message["signal"])

    def _start(self, message: dict[str, Any]) -> None:
        log = None
        try:
            log = LogFile(Path(message["log"]))
            leader, readers = processes.spawn(message)
        except Exception as error:  # noqa: BLE001 - an error of one program must not affect the others
            if log:
                log.close()
            why = processes.start_error(error, message)
            self._send(event="refused", id=message["id"], code=START_ERROR, message=why, at=time.time_ns())
            return
        with contextlib.suppress(OSError):  # a full disk: the group is in memory, which suffices to end it
            processes.record(self._records, message["id"], leader.pid)
        self._register(_Container(message["id"], leader, log), readers)

    def _register(self, container: _Container, readers: tuple[int, int]) -> None:
        self._containers[container.id] = container
        for stream, reader in zip(("stdout", "stderr"), readers, strict=True):
            os.set_blocking(reader, False)
            container.pipes[reader] = LineSplitter(stream)
            self._selector.register(reader, selectors.EVENT_READ, lambda fd, owner=container: self._copy(owner, fd))
        self._send(event="started", id=container.id, pid=container.leader.pid, at=time.time_ns())

    # -- output

    def _copy(self, container: _Container, reader: int) -> bool:
        """Copy one read from pipe to log; return False when no more data is available now."""
        try:
            data = os.read(reader, READ_BYTES)
        except BlockingIOError:
            return False
        splitter = container.pipes[reader]
        if records := splitter.feed(data) if data else splitter.finish():
            container.log.write(records)
            self._grown.add(container.id)
        if not data:
            self._close_pipe(container, reader)
        return bool(data)

    def _close_pipe(self, container: _Container, reader: int) -> None:
        self._selector.unregister(reader)
        os.close(reader)
        del container.pipes[reader]

    def _report_growth(self) -> None:
        now = time.monotonic()
        if self._grown and now - self._reported_at >= WROTE_INTERVAL:
            self._send(event="wrote", ids=sorted(self._grown))
            self._grown.clear()
            self._reported_at = now

    # -- the end

    def _reap(self) -> None:
        by_pid = {container.leader.pid: container for container in self._containers.values()}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if container := by_pid.get(pid):
                code = os.waitstatus_to_exitcode(status)
                container.leader.returncode = code
                container.ended = {
                    "code": code if code >= 0 else 128 - code,
                    "signal": max(0, -code),
                    "at": time.time_ns(),
                }

    def _report_ended(self) -> None:
        """Kill the remaining processes of ended leaders, and report the containers that are completely gone."""
        ended = [container for container in self._containers.values() if container.ended is not None]
        if not ended:
            return
        strays = processes.owners(set(processes.children()) - {c.leader.pid for c in self._containers.values()})
        for container in ended:
            mine = [pid for pid, owner in strays.items() if owner == container.id]
            if self._gone(container, mine):
                self._isolated(self._close_log, container)
                del self._containers[container.id]
                self._grown.discard(container.id)
                self._send(event="exited", id=container.id, **(container.ended or {}))

    def _close_log(self, container: _Container) -> None:
        self._drain_pipes(container)
        container.log.close()
        processes.forget(self._records, container.id)

    def _gone(self, container: _Container, strays: list[int]) -> bool:
        processes.signal_group(container.leader.pid, signal.SIGKILL)
        for pid in strays:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not strays and not processes.group_exists(container.leader.pid)

    def _drain_pipes(self, container: _Container) -> None:
        for reader in tuple(container.pipes):
            # At most the capacity of a pipe: a process that was not found may still be writing.
            for _ in range(MOST_IN_PIPE // READ_BYTES):
                if not self._copy(container, reader):
                    break
            if reader in container.pipes:
                container.log.write(container.pipes[reader].finish())
                self._close_pipe(container, reader)

    def _end_everything(self) -> None:
        for container in self._containers.values():
            processes.signal_group(container.leader.pid, signal.SIGKILL)
        while self._containers:
            self._reap()
            self._report_ended()
            time.sleep(GONE_INTERVAL)

    def _send(self, **message: Any) -> None:
        with contextlib.suppress(OSError):
            self._control.sendall(json.dumps(message).encode() + b"\n")


def _drain(wakeup: int) -> None:
    with contextlib.suppress(BlockingIOError):
        os.read(wakeup, READ_BYTES)


def _wake_on_child() -> int:
    """Return a descriptor that becomes readable at SIGCHLD.

    The signals that end a server are caught and not ignored, since containers would inherit an ignored signal.
    """
    reader, writer = os.pipe()
    for end in (reader, writer):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return reader


def _become_subreaper() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def main() -> None:
    """Serve the socket on standard input. The one argument is the folder for records of process groups."""
    control = socket.socket(fileno=0)
    _become_subreaper()
    _Shim(control, Path(sys.argv[1])).run()


if __name__ == "__main__":
    main()
