"""A container's log on disk, in the format of the Container Runtime Interface.

Each line is a record: `2026-01-31T12:00:00.123456789Z stdout F the text`, with `P` instead of `F` where a line of more
than 16 KiB continues in the next record. Files are rotated at 10 MiB and one old file is kept, so that a flood costs at
most 20 MiB; a huge line is never held in memory. Standard library only: the shim imports this module.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path

MAX_BYTES = 10 * 1024 * 1024
MAX_PIECE = 16 * 1024
_OVERWRITES = re.compile(rb"\r(?!\Z)|\x08")


def old_file(path: Path) -> Path:
    """Return the path of the rotated file."""
    return path.with_name(path.name + ".old")


def timestamp(nanoseconds: int) -> str:
    """Format nanoseconds since the epoch as RFC 3339 with nine digits, so that text order is time order."""
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{fraction:09d}Z"


class LogFile:
    """Appends records and rotates. A full disk loses lines and never stops the program."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._last = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._open()

    def write(self, records: list[tuple[str, bytes, bool]]) -> None:
        """Append (stream, text, whether the line ends here), with the current time. No two records have the same time."""
        lines = []
        self._last = max(time.time_ns(), self._last + 1)
        for stream, text, ends in records:
            lines.append(f"{timestamp(self._last)} {stream} {'F' if ends else 'P'} ".encode() + text + b"\n")
            self._last += 1
        self._append(b"".join(lines))

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _open(self) -> None:
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._descriptor).st_size

    def _append(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            if self._size and self._size + len(data) > self._max_bytes:
                self._path.replace(old_file(self._path))
                full = self._descriptor
                self._open()
                os.close(full)
            while data:
                written = os.write(self._descriptor, data)
                self._size += written
                data = data[written:]


class LineSplitter:
    """Splits the bytes of one stream into records; holds back at most one piece of 16 KiB.

    A line that overwrites itself (a progress bar) is written immediately, as CRI-O does; containerd waits for 16 KiB.
    """

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._rest = b""
        self._open = False

    def feed(self, data: bytes) -> list[tuple[str, bytes, bool]]:
        """Return the records that these bytes complete."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        records = []
        for line in lines:
            records += self._pieces(line)
            self._open = False
        whole = len(self._rest)
        if not _OVERWRITES.search(self._rest):
            whole = whole - whole % MAX_PIECE if whole > MAX_PIECE else 0
        if whole:
            records += [(self._stream, self._rest[at : at + MAX_PIECE], False) for at in range(0, whole, MAX_PIECE)]
            self._rest = self._rest[whole:]
            self._open = True
        return records

    def finish(self) -> list[tuple[str, bytes, bool]]:
        """Return the rest when the stream ends without a newline; the line counts as ended."""
        rest, self._rest = self._rest, b""
        return self._pieces(rest) if rest or self._open else []

    def _pieces(self, line: bytes) -> list[tuple[str, bytes, bool]]:
        cuts = [line[at : at + MAX_PIECE] for at in range(0, len(line), MAX_PIECE)] or [b""]
        return [(self._stream, piece, index == len(cuts) - 1) for index, piece in enumerate(cuts)]
