"""Builders for tests of collect/: a log whose connections break where they are told."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta

from toprung.collectors import LogFollower
from toprung.collectors.pace import Turn
from toprung.metrics import LineFormat, Progress, Tracking

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def log_of(*lines: str, apart: timedelta = timedelta(milliseconds=300)) -> bytes:
    """Give a container's log as the API gives it, the lines `apart` from each other."""
    return "".join(
        f"{(START + place * apart).strftime('%Y-%m-%dT%H:%M:%S.%f')}000Z {line}\n" for place, line in enumerate(lines)
    ).encode()


def lines_of(log: bytes) -> list[bytes]:
    """Cut a log at its line feeds, and at no other character."""
    *lines, rest = (line + b"\n" for line in log.split(b"\n"))
    return [*lines, rest[:-1]] if rest[:-1] else lines


class FakeLog:
    """The log of a container: each connection plays its script, those beyond the scripts give all there is and end.

    A script is a list of what comes: bytes, an error, PAUSE (for PAUSE_SECONDS), or HANG (for ever).

    Attributes:
        opened: from when on each connection asked.
        times: the loop's time of each, in seconds.
        closed: how many are closed again.
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
        """Give the lines from the whole second on, as the API does."""
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
    """Follow a log for the metric acc, to be maximized."""
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
