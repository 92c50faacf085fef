"""Keeps a local copy of one collection by list-then-watch."""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Generic, Never, Protocol, TypeVar

from toprung.errors import ClusterError
from toprung.kube.backoff import Backoff, Jitter
from toprung.kube.cache import Cache, Entry
from toprung.kube.client import KubernetesObject, Page
from toprung.kube.resources import Resource

Record = TypeVar("Record")

_BACKOFF = Backoff(first=0.25, longest=30.0)
_SHORT_WATCH = 1.0
"""Seconds; after a watch without events that ends sooner, the next request is delayed."""

logger = logging.getLogger(__name__)


class Source(Protocol):
    """The part of the client that an informer uses."""

    def list(self, resource: Resource, *, namespace: str | None, label_selector: str) -> AsyncGenerator[Page]:
        """See `KubeClient.list`."""
        ...

    def watch(
        self, resource: Resource, *, namespace: str | None, label_selector: str, resource_version: str
    ) -> AsyncGenerator[KubernetesObject]:
        """See `KubeClient.watch`."""
        ...


class Informer(Generic[Record]):
    """Keeps records of one collection across connection failures.

    A watch that ends normally is continued where it ended. After anything else (an ERROR event, 410, 5xx, a broken or
    silent connection, a garbled line, a server that went back in time) the collection is listed again, with back-off.

    `cache` may be read at any time; it is complete once `synced` is set, and stays so.
    """

    def __init__(
        self,
        source: Source,
        resource: Resource,
        *,
        cache: Cache[Record],
        namespace: str | None = None,
        label_selector: str = "",
        backoff: Backoff = _BACKOFF,
        jitter: Jitter = random.random,
    ) -> None:
        """Watch `resource` in one namespace, or in all where none is given; `run` does the work."""
        self.cache = cache
        self.synced = asyncio.Event()
        self._list = partial(source.list, resource, namespace=namespace, label_selector=label_selector)
        self._watch = partial(source.watch, resource, namespace=namespace, label_selector=label_selector)
        self._plural = resource.plural
        self._backoff = backoff
        self._jitter = jitter
        self._failures = 0  # in a row

    async def run(self) -> Never:
        """Keep the cache until cancelled."""
        while True:
            try:
                version = await self._relist()
                while True:
                    version = await self._follow(version)
            except ClusterError as error:
                delay = self._next_delay(error.retry_after)
                logger.warning(
                    "watch failed, listing again: resource=%s delay=%.1fs error=%s", self._plural, delay, error
                )
                await asyncio.sleep(delay)

    async def _relist(self) -> str:
        requested_at, version = self.cache.newest, ""
        entries: dict[str, Entry[Record]] = {}
        async with aclosing(self._list()) as pages:
            async for page in pages:
                entries.update(self.cache.entries(page.items))
                version = page.resource_version
        self.cache.replace(entries, version=version, requested_at=requested_at)
        self.synced.set()
        return version

    async def _follow(self, version: str) -> str:
        """Watch until the server ends the watch, and return the resourceVersion from which to continue."""
        loop, silent = asyncio.get_running_loop(), True
        started = loop.time()
        async with aclosing(self._watch(resource_version=version)) as events:
            async for event in events:
                self.cache.apply(event)
                version = event["object"]["metadata"].get("resourceVersion", version)
                self._failures, silent = 0, False
        if silent and loop.time() - started < _SHORT_WATCH:
            await asyncio.sleep(self._next_delay())
        return version

    def _next_delay(self, at_least: float = 0.0) -> float:
        self._failures += 1
        return max(at_least, self._backoff.delay(self._failures, self._jitter))
