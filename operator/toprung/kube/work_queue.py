"""Queues the experiments to reconcile. Namespaces take turns."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator

MAX_BACKOFF = 0.25
"""Seconds."""


class WorkQueue(AsyncIterator[str]):
    """Keys `namespace/name` to work on, each by at most one worker at a time.

    Namespaces take turns, and the keys of a namespace are served in the order in which they became ready. At most
    `per_namespace` workers serve one namespace, so a namespace whose API calls hang never occupies all workers.

    Every worker runs::

        async for key in queue:
            try:
                ...  # reconcile
            finally:
                queue.done(key)

    A key that is added any number of times before it is served is served once; one that is added while a worker has it
    is served again. Every `add` and `add_after` is followed by a reconciliation that starts after the call.
    Workers permitting, it starts no later than requested. One reconciliation may answer several calls.

    After a reconciliation of d seconds the key backs off for min(d, `max_backoff`): one reconciliation then sees
    all changes of that time, and a busy key uses at most about half of the process.

    Times are those of the running event loop. Not thread-safe.
    """

    def __init__(
        self,
        *,
        max_backoff: float = MAX_BACKOFF,
        per_namespace: int | None = None,
    ) -> None:
        """Build an empty queue; `per_namespace` None: no limit."""
        self._loop = asyncio.get_running_loop()
        self._max_backoff = max_backoff
        self._per_namespace = per_namespace
        self._ready: dict[str, deque[str]] = {}  # namespace -> its ready keys; namespaces in the order of their turns
        self._serving: Counter[str] = Counter()  # namespace -> workers that have a key of it
        self._wake = asyncio.Event()
        self._timers: dict[str, asyncio.TimerHandle] = {}  # keys that become ready later
        self._queued: set[str] = set()  # keys in `_ready`
        self._started: dict[str, float] = {}  # keys that a worker has
        self._again: dict[str, float] = {}  # those of them that were added meanwhile, and for when
        self._backoff_ends: dict[str, float] = {}  # until when a key may not become ready

    def __len__(self) -> int:
        """Return how many keys are ready and not yet served."""
        return len(self._queued)

    def add(self, key: str) -> None:
        """Enqueue the key for immediate processing."""
        self._schedule(key, self._loop.time())

    def add_after(self, key: str, seconds: float) -> None:
        """Enqueue the key in that many seconds at the latest; of several calls the earliest wins."""
        self._schedule(key, self._loop.time() + seconds)

    def done(self, key: str, *, at_least: float = 0.0) -> None:
        """End the reconciliation, successful or not; every key that the queue returned needs it once.

        Args:
            key: the key.
            at_least: seconds that it backs off, however long the reconciliation took.
        """
        now = self._loop.time()
        self._back_off(key, now + max(at_least, min(now - self._started.pop(key), self._max_backoff)))
        self._serving -= Counter((_namespace(key),))
        self._wake.set()  # the namespace may be below its limit again
        if key in self._again:
            self._schedule(key, self._again.pop(key))

    async def __anext__(self) -> str:
        """Wait for a key, then remove and return it."""
        while True:
            if (key := self._take()) is not None:
                return key
            self._wake.clear()
            await self._wake.wait()

    def _take(self) -> str | None:
        """Remove and return a key of the first namespace below its limit, and move that namespace behind the others."""
        limit = self._per_namespace
        turn = next((each for each in self._ready if limit is None or self._serving[each] < limit), None)
        if turn is None:
            return None
        keys = self._ready.pop(turn)
        key = keys.popleft()
        if keys:
            self._ready[turn] = keys
        self._queued.remove(key)
        self._serving[turn] += 1
        self._started[key] = self._loop.time()
        return key

    def _schedule(self, key: str, when: float) -> None:
        if key in self._queued:
            return
        if key in self._started:
            self._again[key] = min(when, self._again.get(key, when))
            return
        when = max(when, self._backoff_ends.get(key, when))
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
        self._ready.setdefault(_namespace(key), deque()).append(key)
        self._wake.set()

    def _back_off(self, key: str, until: float) -> None:
        """Keep the key from becoming ready before `until`. The entry is dropped afterwards."""
        if until > max(self._loop.time(), self._backoff_ends.get(key, 0.0)):
            self._backoff_ends[key] = until
            self._loop.call_at(until, self._end_backoff, key, until)

    def _end_backoff(self, key: str, until: float) -> None:
        if self._backoff_ends.get(key) == until:  # else it was prolonged
            del self._backoff_ends[key]


def _namespace(key: str) -> str:
    return key.partition("/")[0]
