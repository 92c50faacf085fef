"""Bounds the concurrent requests of each namespace."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

PER_NAMESPACE = 8
"""Requests of one namespace that are concurrent: an admission webhook that hangs delays its own namespace only."""


class RequestLimits:
    """Semaphores by namespace, each kept while a request of its namespace waits or runs."""

    def __init__(self) -> None:
        """Build limits without requests."""
        self._semaphores: dict[str, asyncio.Semaphore] = {}
        self._users = Counter[str]()

    @asynccontextmanager
    async def slot(self, path: str) -> AsyncGenerator[None]:
        """Wait until the namespace of a URL path may send one more request; requests without one do not wait."""
        namespace = namespace_of(path)
        if namespace is None:
            yield
            return
        semaphore = self._semaphores.setdefault(namespace, asyncio.Semaphore(PER_NAMESPACE))
        self._users[namespace] += 1
        try:
            async with semaphore:
                yield
        finally:
            self._users[namespace] -= 1
            if not self._users[namespace]:
                del self._semaphores[namespace], self._users[namespace]

    def __len__(self) -> int:
        """Count the namespaces that have requests."""
        return len(self._semaphores)


def namespace_of(path: str) -> str | None:
    """Return the namespace of an API path such as /api/v1/namespaces/team-a/pods, None where it has none."""
    _, found, rest = path.partition("/namespaces/")
    return rest.partition("/")[0] or None if found else None
