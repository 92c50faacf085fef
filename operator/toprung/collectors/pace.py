"""Shares the event loop between logs: reading takes at most a part of its time, in equal parts for all namespaces.

A log with very many lines is read in short slices. After each slice, the reader pauses for a multiple of the time that
it used, longer if more readers pause. Meanwhile it requests no more of the log, so the node of the program keeps it.
The reader of a log with a few lines per second never pauses.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable

SLICE = 0.004
"""Seconds of reading without a pause."""
PAUSE = 2
"""Seconds of pause per second of reading and reader that shares: all together use a third of the time."""


class Pace:
    """The readers of all logs that are currently paused.

    Args:
        clock: seconds, of the time that reading uses.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self._paused: Counter[str] = Counter()

    async def pause(self, namespace: str, used: float) -> None:
        """Pause a reader of a namespace that has used the event loop for so many seconds."""
        self._paused[namespace] += 1
        try:
            await asyncio.sleep(used * PAUSE * len(self._paused) * self._paused[namespace])
        finally:
            self._paused[namespace] -= 1
            if not self._paused[namespace]:
                del self._paused[namespace]


class Turn:
    """The share of one reader; `start()` before each piece of work, `due` in it, `end()` after it."""

    def __init__(self, pace: Pace, namespace: str) -> None:
        self._pace = pace
        self._namespace = namespace
        self._used = 0.0
        self._started = 0.0

    def start(self) -> None:
        """Start to use the event loop."""
        self._started = self._pace.clock()

    @property
    def due(self) -> bool:
        """Return whether a pause is due."""
        return self._used + self._pace.clock() - self._started >= SLICE

    async def end(self) -> None:
        """Stop using the event loop, and pause if a pause is due."""
        self._used += self._pace.clock() - self._started
        if self._used >= SLICE:
            used, self._used = self._used, 0.0
            await self._pace.pause(self._namespace, used)
        else:
            await asyncio.sleep(0)
