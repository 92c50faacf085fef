"""The recent changes of one resource, from which watches are served."""

from __future__ import annotations

import asyncio
import bisect
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Literal

from localkube.apiserver.errors import Gone

ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """One change of one object.

    `data` is `object` as JSON, serialized once and shared by the disk and every watcher. `previous` is the state
    before, from which a selective watch derives whether the object enters or leaves its selection.
    """

    version: int
    type: ChangeType
    resource: str
    namespace: str
    name: str
    object: Object
    previous: Object | None
    data: bytes


class WatchHistory:
    """The last changes of one resource: at least `limit`, at most twice as many.

    A reader holds only a position. A reader that falls behind the oldest change receives `Gone` and lists again.
    """

    def __init__(self, limit: int, since: int) -> None:
        self._limit = limit
        self._floor = since
        self._first = 0
        self._changes: list[ObjectChange] = []
        self._waiting: list[asyncio.Future[None]] = []
        self.closed = False

    @property
    def end(self) -> int:
        """Return the position after the newest change."""
        return self._first + len(self._changes)

    def append(self, change: ObjectChange) -> None:
        """Append a change and wake the readers."""
        self._changes.append(change)
        if len(self._changes) > 2 * self._limit:
            self._floor = self._changes[self._limit - 1].version
            del self._changes[: self._limit]
            self._first += self._limit
        self._wake()

    def close(self) -> None:
        """End the readers after they have read all changes: the resource is no longer served."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def position(self, version: int) -> int:
        """Return the position of the first change after `version`. Raises Gone when it is no longer kept."""
        if version < self._floor:
            raise Gone(f"too old resource version: {version} ({self._floor})")
        return self._first + bisect.bisect_right(self._changes, version, key=lambda change: change.version)

    def after(self, position: int) -> list[ObjectChange]:
        """Return the changes from a position on. Raises Gone when some of them are no longer kept."""
        if position < self._first:
            raise Gone(f"too old resource version: the watch fell more than {self._limit} changes behind")
        return self._changes[position - self._first :]

    async def grown(self, position: int) -> None:
        """Wait until there is a change at the position, or the history is closed."""
        while self.end <= position and not self.closed:
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            try:
                await future
            finally:
                if not future.done():
                    future.cancel()
                self._waiting = [f for f in self._waiting if f is not future]


async def follow(history: WatchHistory, position: int) -> AsyncIterator[list[ObjectChange]]:
    """Yield batches of changes from a position until the history is closed. Raises Gone for a reader that falls too far
    behind.
    """
    while True:
        await history.grown(position)
        batch = history.after(position)
        if not batch:
            return
        position += len(batch)
        yield batch
