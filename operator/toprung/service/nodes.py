"""Looks up the model of a node's accelerators in the labels of the node."""

import asyncio
import logging
from collections.abc import Iterable, Mapping

from toprung.api.errors import ClusterError, Forbidden
from toprung.cluster.gateway import Gateway
from toprung.cluster.resources import NODES
from toprung.planning.devices import model_of
from toprung.planning.records import PodRecord

logger = logging.getLogger(__name__)


class NodeModels:
    """Models by node; each node is read once, in the background. Where the operator may not, models stay unknown."""

    def __init__(self, gateway: Gateway) -> None:
        """Know no node yet."""
        self._gateway = gateway
        self._models: dict[str, str] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._allowed = True

    @property
    def models(self) -> Mapping[str, str]:
        """Return name of a node -> model of its accelerators, "" where no label names one; without unread nodes."""
        return self._models

    def look_up(self, pods: Iterable[PodRecord]) -> None:
        """Read the nodes of Pods that hold accelerators, unless they were read before."""
        for pod in pods:
            if self._allowed and pod.node and pod.devices and pod.node not in (*self._models, *self._tasks):
                self._tasks[pod.node] = asyncio.create_task(self._read(pod.node))

    def close(self) -> None:
        """End reads that are under way."""
        for task in self._tasks.values():
            task.cancel()

    async def _read(self, node: str) -> None:
        try:
            body = await self._gateway.get(NODES, namespace=None, name=node)
            self._models[node] = model_of(body["metadata"].get("labels") or {})
        except Forbidden as error:
            self._allowed = False
            logger.info("models of accelerators are not recorded: %s", error)
        except ClusterError as error:  # the next reconciliation of a Pod of this node tries again
            logger.warning("a node could not be read: node=%s error=%s", node, error)
        finally:
            self._tasks.pop(node, None)
