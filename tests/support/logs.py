"""Builders for tests of collectors/: a log with scripted connections."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta

from toprung.collectors import LogFollower
from toprung.collectors.pace import Turn
from toprung.metrics import LineFormat, Progress, Tracking

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def log_of(*lines: str, apart: timedelta = timedelta(milliseconds=300)) -> bytes:
    """Return a container's log as the API server returns it, with lines `apart` from each other."""
    return "".join(
        f"{(START + place * apart).strftime('%Y-%m-%dT%H:%M:%S.%f')}000Z {line}\n" for place, line in enumerate(lines)
    ).encode()


def lines_of(log: bytes) -> list[bytes]:
    """Split a log at its line feeds, and at no other character."""
    *lines, rest = (line + b"\n" for line in log.split(b"\n"))
    return [*lines, rest[:-1]] if rest[:-1] else lines


class FakeLog:
    """The log of a container. Each connection plays its script. Connections without a script return the whole log.

    A script is a list of bytes, errors, PAUSE (for PAUSE_SECONDS), and HANG (without end).

    Attributes:
        opened: the `since` of each connection.
        times: the loop's time of each connection, in seconds.
        closed: the number of closed connections.
    """

    HANG = object()
    PAUSE = object()
    PAUSE_SECONDS = 8.0

    def __init__(self, log: bytes, scripts: Sequence[Sequence[object]]) -> None:
        self._log = log
        self._scripts = list(scripts)
        self.opened: list[datetime | None] = []
        self.times: list[float] = []
        self.closed = 0

    async def __call__(self, since: datetime | None, tail: int | None = None) -> AsyncIterator[bytes]:
        """Play the next script."""
        self.opened.append(since)
        self.times.append(asyncio.get_running_loop().time())
        rest = self.after(since) if tail is None else b"".join(lines_of(self._log)[-tail:])
        script = self._scripts.pop(0) if self._scripts else [rest]
        try:
            for piece in script:
                if piece is self.HANG:
                    await asyncio.Event().wait()
                if piece is self.PAUSE:
                    await asyncio.sleep(self.PAUSE_SECONDS)
                elif isinstance(piece, BaseException):
                    raise piece
                else:
                    yield piece
        finally:
            self.closed += 1

    def after(self, since: datetime | None) -> bytes:
        """Return the lines from the whole second on, as the API server does."""
        if since is None:
            return self._log
        second = since.replace(microsecond=0).strftime("%Y-%m-%dT%H:%M:%S").encode()
        return b"".join(line for line in lines_of(self._log) if line[: len(second)] >= second)


def follower_of(
    log: FakeLog,
    *,
    progress: Progress | None = None,
    on_change: Callable[[], None] = lambda: None,
    levels: tuple[int, ...] = (1, 3, 9),
    turn: Turn | None = None,
    behind: datetime | None = None,
) -> LogFollower:
    """Return a follower for the metric acc, to be maximized."""
    return LogFollower(
        log,
        line_format=LineFormat(("acc",)),
        tracking=Tracking("acc", maximize=True, levels=levels),
        progress=progress or Progress(),
        on_change=on_change,
        turn=turn,
        now=lambda: START,
        behind=behind,
    )
