"""Which experiment to look at next."""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator

from toprung.cluster.backoff import Backoff, Jitter

_BACKOFF = Backoff(first=0.2, longest=60.0)
_LONGEST_REST = 0.25
"""Seconds."""


class WorkQueue(AsyncIterator[str]):
    """Keys to be worked on, each by at most one worker at a time, in the order in which they became ready.

    Every worker runs::

        async for key in queue:
            try:
                ...  # one pass
            finally:
                queue.done(key)

    A key that is added any number of times before a pass gets one pass; one that is added during its pass gets another.
    Every `add`, `add_after` and `retry` is followed by a pass that starts after the call and, workers permitting, no
    later than it asked for. One pass may answer several of them, so a pass asks anew for whatever later time it needs.

    After a pass that took d seconds the key rests for min(d, `longest_rest`): what happens meanwhile is seen by one
    pass, and a busy key takes no more than about half of the process.

    Times are those of the running event loop. Not thread-safe.
    """

    def __init__(
        self, *, backoff: Backoff = _BACKOFF, jitter: Jitter = random.random, longest_rest: float = _LONGEST_REST
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._backoff = backoff
        self._jitter = jitter
        self._longest_rest = longest_rest
        self._ready: deque[str] = deque()
        self._tickets = asyncio.Semaphore(0)  # one for each ready key, or one for ever once closed
        self._timers: dict[str, asyncio.TimerHandle] = {}  # keys that are to become ready
        self._queued: set[str] = set()  # keys in `_ready`
        self._started: dict[str, float] = {}  # keys that a worker has
        self._again: dict[str, float] = {}  # those of them that were added meanwhile, and for when
        self._rests: dict[str, float] = {}  # until when a key is not to become ready
        self._failures: dict[str, int] = {}
        self._closed = False

    def add(self, key: str) -> None:
        """Have a pass as soon as may be."""
        self._schedule(key, self._loop.time())

    def add_after(self, key: str, seconds: float) -> None:
        """Have a pass in that many seconds at the latest; of several wishes the earliest wins."""
        self._schedule(key, self._loop.time() + seconds)

    def retry(self, key: str, *, at_least: float = 0.0) -> float:
        """Have a pass after the key's next back-off; call it in the pass that failed.

        An `add` meanwhile ends the back-off, but not the `at_least` seconds that a server asked for.

        Returns:
            Seconds until that pass.
        """
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        now, delay = self._loop.time(), max(at_least, self._backoff.delay(failures, self._jitter))
        self._rest(key, now + at_least)
        self._schedule(key, now + delay)
        return delay

    def forget(self, key: str) -> None:
        """Start the key's back-off from the beginning; call it when a pass succeeded or the object is gone."""
        self._failures.pop(key, None)

    def done(self, key: str) -> None:
        """Say that the pass has ended, well or not; every key that the queue gave out needs it once."""
        now = self._loop.time()
        self._rest(key, now + min(now - self._started.pop(key), self._longest_rest))
        if key in self._again:
            self._schedule(key, self._again.pop(key))

    def close(self) -> None:
        """Give out nothing more: waiting workers end, the others after their pass."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._tickets.release()

    async def __anext__(self) -> str:
        """Wait for a key and take it."""
        await self._tickets.acquire()
        if self._closed:
            self._tickets.release()
            raise StopAsyncIteration
        key = self._ready.popleft()
        self._queued.remove(key)
        self._started[key] = self._loop.time()
        return key

    def _schedule(self, key: str, when: float) -> None:
        if self._closed or key in self._queued:
            return
        if key in self._started:
            self._again[key] = min(when, self._again.get(key, when))
            return
        when = max(when, self._rests.get(key, when))
        timer = self._timers.get(key)
        if timer is not None and timer.when() <= when:
            return
        if timer is not None:
            timer.cancel()
        self._timers.pop(key, None)
        if when <= self._loop.time():
            self._make_ready(key)
        else:
            self._timers[key] = self._loop.call_at(when, self._make_ready, key)

    def _make_ready(self, key: str) -> None:
        self._timers.pop(key, None)
        self._queued.add(key)
        self._ready.append(key)
        self._tickets.release()

    def _rest(self, key: str, until: float) -> None:
        """Keep the key from becoming ready before `until`; what is over is dropped, so that no key is kept for ever."""
        if until > max(self._loop.time(), self._rests.get(key, 0.0)):
            self._rests[key] = until
            self._loop.call_at(until, self._end_rest, key, until)

    def _end_rest(self, key: str, until: float) -> None:
        if self._rests.get(key) == until:  # else it was prolonged
            del self._rests[key]
