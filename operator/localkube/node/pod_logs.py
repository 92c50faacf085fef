"""`kubectl logs`: the log of a container, whole or in part, once or followed until the container ends."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from localkube.apiserver.errors import BadRequest
from localkube.apiserver.log_source import LogQuery
from localkube.node.log_file import old_file, timestamp
from localkube.node.node import Node
from localkube.node.runtime import Process

Object = dict[str, Any]
_READ_BYTES = 64 * 1024


class PodLogs:
    """The logs of all Pods of the node; implements the API server's `LogSource`."""

    def __init__(self, node: Node, now: Callable[[], datetime]) -> None:
        self._node = node
        self._now = now

    def read(self, pod: Object, query: LogQuery) -> AsyncIterator[bytes]:
        """Return chunks of the log. An unbound Pod has no lines.

        Raises BadRequest with the kubelet's message, before the first chunk is read.
        """
        since = _since(query, self._now())
        if not pod["spec"].get("nodeName"):
            return _nothing()
        container = _choose(pod, query.container)
        run = _run(pod, container, previous=query.previous)
        process = None if query.previous else self._node.process(pod["metadata"]["uid"], container)
        show = _Show(since, timestamps=query.timestamps)
        return _limited(_lines(self._node.host.log(pod, container, run), process, query, show), query.limit_bytes)


@dataclass(frozen=True, slots=True)
class _Record:
    stamp: str
    stream: str
    text: bytes
    ends: bool


class _Reader:
    """Reads the written records in order, across a rotation."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._rest = b""

    def close(self) -> None:
        if self._file:
            self._file.close()

    def read(self) -> list[_Record] | None:
        """Return the records of the next chunk, which may be empty; None at the current end of the log."""
        if self._file is None:
            for path in (old_file(self._path), self._path):
                with suppress(FileNotFoundError):
                    self._file = path.open("rb")
                    break
        data = self._file.read(_READ_BYTES) if self._file else b""
        if not data and not self._next_file():
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [_parse(line) for line in lines]

    def _next_file(self) -> bool:
        """Continue with the next file; return False if the current one is the newest."""
        if self._file is None:
            return False
        here = os.fstat(self._file.fileno()).st_ino
        newest, older = _inode(self._path), _inode(old_file(self._path))
        if newest in (None, here):
            return False
        if self._file.peek(1):  # type: ignore[attr-defined]  # written between this read and the rotation
            return True
        self._file.close()
        self._file = (self._path if older == here else old_file(self._path)).open("rb")
        self._rest = b""
        return True


async def _lines(path: Path, process: Process | None, query: LogQuery, show: _Show) -> AsyncGenerator[bytes]:
    reader = _Reader(path)
    try:
        if query.tail_lines is not None:
            yield show.text(await _tail(reader, query.tail_lines))
        while True:
            # Read before the log: when the container has ended, its last output is in the file.
            over = process is None or process.exited
            while (records := reader.read()) is not None:
                if text := show.text(records):
                    yield text
                await asyncio.sleep(0)
            if over or not query.follow:
                return
            if process and not process.exited:
                await process.grown()
    finally:
        reader.close()


async def _tail(reader: _Reader, wanted: int) -> deque[_Record]:
    """Return the records of the last lines; the records of one long line count once."""
    kept: deque[_Record] = deque()
    lines = 0
    while (records := reader.read()) is not None:
        for record in records:
            kept.append(record)
            lines += record.ends
            while lines > wanted:
                lines -= kept.popleft().ends
        await asyncio.sleep(0)
    return kept


class _Show:
    """Formats records: joins long lines, prefixes each line with its time on request, omits lines before a time."""

    def __init__(self, since: str, *, timestamps: bool) -> None:
        self._since = since
        self._timestamps = timestamps
        self._inside = ""
        self._wanted = True

    def text(self, records: Iterable[_Record]) -> bytes:
        return b"".join(self._piece(record) for record in records)

    def _piece(self, record: _Record) -> bytes:
        # Do not join a line of the other stream with the pieces of a long line: end both.
        broken = self._inside not in ("", record.stream) and self._wanted
        starts = self._inside != record.stream
        self._inside = "" if record.ends else record.stream
        if starts:
            self._wanted = record.stamp >= self._since
        end = b"\n" if broken else b""
        if not self._wanted:
            return end
        prefix = f"{record.stamp} ".encode() if starts and self._timestamps else b""
        return end + prefix + record.text + (b"\n" if record.ends else b"")


def _parse(line: bytes) -> _Record:
    stamp, stream, tag, text = line.split(b" ", 3)
    return _Record(stamp.decode(), stream.decode(), text, tag == b"F")


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


async def _limited(chunks: AsyncGenerator[bytes], limit: int | None) -> AsyncGenerator[bytes]:
    left = limit
    async with aclosing(chunks):
        async for chunk in chunks:
            if left is None:
                yield chunk
                continue
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                return


async def _nothing() -> AsyncIterator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for chunk in nothing:
        yield chunk


def _choose(pod: Object, requested: str) -> str:
    main = [c["name"] for c in pod["spec"]["containers"]]
    init = [c["name"] for c in pod["spec"].get("initContainers") or ()]
    name = pod["metadata"]["name"]
    if requested and requested not in main + init:
        raise BadRequest(f"container {requested} is not valid for pod {name}")
    if requested or len(main) == 1:
        return requested or main[0]
    more = f" or one of the init containers: [{' '.join(init)}]" if init else ""
    raise BadRequest(f"a container name must be specified for pod {name}, choose one of: [{' '.join(main)}]{more}")


def _run(pod: Object, container: str, *, previous: bool) -> int:
    """Return the requested run of the container. Raises BadRequest if it does not exist, as the kubelet does."""
    status = pod.get("status") or {}
    known = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    here: Object = next((c for c in known if c["name"] == container), {"state": {}, "restartCount": 0})
    shown = f'container "{container}" in pod "{pod["metadata"]["name"]}"'
    ended = bool(here.get("lastState"))
    if previous and not ended:
        raise BadRequest(f"previous terminated {shown} not found")
    run = int(here["restartCount"])
    if here["state"].keys() & {"running", "terminated"}:
        return run - previous
    if not ended:
        reason = here["state"].get("waiting", {}).get("reason", "ContainerCreating")
        raise BadRequest(f"{shown} is waiting to start: {reason}")
    return run


def _since(query: LogQuery, now: datetime) -> str:
    """Return the first requested timestamp as the log writes it; empty for all. Raises BadRequest."""
    if query.since_seconds is not None and query.since_time is not None:
        raise BadRequest("at most one of `sinceTime` or `sinceSeconds` may be specified")
    for name, value, least in (
        ("sinceSeconds", query.since_seconds, 1),
        ("tailLines", query.tail_lines, 0),
        ("limitBytes", query.limit_bytes, 1),
    ):
        if value is not None and value < least:
            raise BadRequest(f"{name}: Invalid value: {value}: must be greater than or equal to {least}")
    if query.since_seconds is not None:
        return timestamp(int((now.timestamp() - query.since_seconds) * 1e9))
    return f"{query.since_time.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z" if query.since_time else ""
