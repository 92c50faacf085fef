"""Shares a resource between namespaces, which use it in turn, one at a time."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class NamespaceLock:
    """A lock that namespaces hold in turn; within a namespace, in the order of the requests."""

    def __init__(self) -> None:
        """Begin unlocked."""
        self._locked = False
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def held_by(self, namespace: str) -> AsyncGenerator[None]:
        """Hold the lock, after a wait of one turn of each other namespace at most."""
        await self._acquire(namespace)
        try:
            yield
        finally:
            self._release()

    async def _acquire(self, namespace: str) -> None:
        if not self._locked:
            self._locked = True
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(namespace, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the lock had just been passed on to this task
                self._release()
            raise

    def _release(self) -> None:
        while self._waiting:
            namespace = next(iter(self._waiting))
            queue = self._waiting.pop(namespace)
            turn = queue.popleft()
            if queue:
                self._waiting[namespace] = queue  # behind all others
            if not turn.done():
                turn.set_result(None)
                return
        self._locked = False
