"""Looks up the model of a node's accelerators in the labels of the node."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from toprung.errors import ClusterError, Forbidden
from toprung.kube.client import KubeClient
from toprung.kube.resources import NODES
from toprung.objects.devices import model_of
from toprung.objects.pod import PodRecord

RETRY_AFTER = timedelta(minutes=5)
"""Time until a node that could not be read, or has no label that names a model, is read again."""
MAX_KEPT = 10_000
"""Largest number of cached nodes; the nodes read first are evicted."""

logger = logging.getLogger(__name__)


class NodeModels:
    """Models by node; each node is read once, in the background. Without permission, models stay unknown.

    Only nodes without a known model are read again: device plug-ins label nodes some time after these join.
    """

    def __init__(self, client: KubeClient, clock: Callable[[], datetime]) -> None:
        """Build an empty cache of node models."""
        self._client = client
        self._clock = clock
        self._models: dict[str, str] = {}
        self._retry_at: dict[str, datetime] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._allowed = True

    @property
    def models(self) -> Mapping[str, str]:
        """Return name of a node -> model of its accelerators, "" where no label names one; without unread nodes."""
        return self._models

    def look_up(self, pods: Iterable[PodRecord]) -> None:
        """Read the nodes of Pods that hold accelerators, unless they were read before."""
        for pod in pods:
            if self._allowed and pod.node and pod.devices and self._is_due(pod.node):
                self._tasks[pod.node] = asyncio.create_task(self._read(pod.node))

    def close(self) -> None:
        """Cancel the current reads."""
        for task in self._tasks.values():
            task.cancel()

    def _is_due(self, node: str) -> bool:
        if self._models.get(node) or node in self._tasks:
            return False
        retry_at = self._retry_at.get(node)
        return retry_at is None or self._clock() >= retry_at

    async def _read(self, node: str) -> None:
        try:
            body = await self._client.get(NODES, namespace=None, name=node)
            self._record(node, model_of(body["metadata"].get("labels") or {}))
        except Forbidden as error:
            self._allowed = False
            logger.info("models of accelerators are not recorded: %s", error)
        except ClusterError as error:
            if node not in self._retry_at:
                logger.warning("a node could not be read: node=%s error=%s", node, error)
            self._set_retry(node)
        finally:
            self._tasks.pop(node, None)

    def _record(self, node: str, model: str) -> None:
        self._models.pop(node, None)
        self._models[node] = model
        if model:
            self._retry_at.pop(node, None)
        else:
            self._set_retry(node)
        _keep_newest(self._models)

    def _set_retry(self, node: str) -> None:
        self._retry_at.pop(node, None)
        self._retry_at[node] = self._clock() + RETRY_AFTER
        _keep_newest(self._retry_at)


def _keep_newest(entries: dict[str, str] | dict[str, datetime]) -> None:
    while len(entries) > MAX_KEPT:
        del entries[next(iter(entries))]
