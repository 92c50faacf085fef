"""Measures how long the event loop is blocked."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Never

INTERVAL = 0.01
"""Seconds between two measurements; a block is measured with this accuracy."""
WINDOW = 60.0
"""Seconds for which the longest lag is kept."""


@dataclass(slots=True)
class LoopMonitor:
    """Measures the lag of the event loop; may be read from any thread, also while the loop is blocked.

    Attributes:
        on_lag: receives each lag, in seconds.
        clock: monotonic seconds.
    """

    on_lag: Callable[[float], object] = lambda _: None
    clock: Callable[[], float] = time.monotonic
    _due: float | None = None
    _lags: deque[tuple[float, float]] = field(default_factory=deque)  # (time, lag), with descending lags

    async def run(self) -> Never:
        """Measure until cancelled."""
        while True:
            self.start()
            await asyncio.sleep(INTERVAL)
            self.measure()

    def start(self) -> None:
        """Begin an interval, at the end of which `measure` is due."""
        self._due = self.clock() + INTERVAL

    def measure(self) -> None:
        """Record how late this call is."""
        now = self.clock()
        lag = max(0.0, now - self._due) if self._due is not None else 0.0
        while self._lags and self._lags[-1][1] <= lag:
            self._lags.pop()
        self._lags.append((now, lag))
        while self._lags[0][0] < now - WINDOW:
            self._lags.popleft()
        self.on_lag(lag)

    def current(self) -> float:
        """Return for how long the loop is late at this moment, in seconds."""
        return max(0.0, self.clock() - self._due) if self._due is not None else 0.0

    def longest(self) -> float:
        """Return the longest lag of the last minute in seconds, a block that still lasts included."""
        lags = tuple(self._lags)
        return max(self.current(), lags[0][1] if lags else 0.0)
