"""Quotes the Events of Pods that do not start: only they state why a volume or the network cannot be set up."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from toprung.api.v1alpha1.conditions import Reason
from toprung.errors import ClusterError, Forbidden
from toprung.kube.client import KubeClient, KubernetesObject
from toprung.kube.resources import EVENTS
from toprung.objects.conditions import BlockReason
from toprung.objects.events import MAX_MESSAGE
from toprung.objects.pod import PodPhase, PodRecord
from toprung.timestamps import parse_time

logger = logging.getLogger(__name__)

USUAL_START = timedelta(seconds=10)
"""How long a Pod may take to start before its Events are read."""
READ_EVERY = 30.0
"""Seconds between two reads of the Events of one Pod."""
_MOST_READ = 200
"""Events of one Pod that are read."""

Pods = Mapping[str, tuple[PodRecord, ...]]


@dataclass(slots=True)
class _Watched:
    """The Pod of an experiment that has waited longest, and the last Warning about it."""

    uid: str
    task: asyncio.Task[None] | None = None
    warning: str = ""


class PodEvents:
    """Reads the Events of one Pod per experiment in the background, that of the Pod that has waited longest."""

    def __init__(self, client: KubeClient, wake: Callable[[str], None]) -> None:
        """Watch no Pod yet; `wake` gets the key of an experiment that has a new Event."""
        self._client = client
        self._wake = wake
        self._watched: dict[str, _Watched] = {}

    def explain(self, key: str, pods: Pods) -> Pods:
        """Return an experiment's Pods; the one whose Events are read has their Warning as its reason."""
        watched = self._watched.get(key)
        if watched is None or not watched.warning:
            return pods
        blocked = BlockReason(Reason.CONTAINER_CONFIG, watched.warning)
        return {
            name: tuple(
                replace(pod, blocked=blocked) if pod.uid == watched.uid and _is_starting(pod) else pod for pod in each
            )
            for name, each in pods.items()
        }

    def watch(self, key: str, pods: Iterable[PodRecord], now: datetime) -> None:
        """Read the Events of the Pod that has waited longest, and of no other one."""
        waiting = (pod for pod in pods if _is_starting(pod))
        oldest = min(waiting, key=lambda pod: (pod.created, pod.name), default=None)
        watched = self._watched.get(key)
        if watched is not None and (oldest is None or watched.uid != oldest.uid):
            self.forget(key)
        if oldest is not None and key not in self._watched:
            self._watch(key, oldest, now)

    def forget(self, key: str) -> None:
        """End the reads for an experiment."""
        watched = self._watched.pop(key, None)
        if watched is not None and watched.task is not None:
            watched.task.cancel()

    def close(self) -> None:
        """End all reads."""
        for key in tuple(self._watched):
            self.forget(key)

    def _watch(self, key: str, pod: PodRecord, now: datetime) -> None:
        watched = self._watched[key] = _Watched(pod.uid)
        delay = max(0.0, (pod.created + USUAL_START - now).total_seconds())
        watched.task = asyncio.create_task(self._follow(key, watched, pod, delay))

    async def _follow(self, key: str, watched: _Watched, pod: PodRecord, delay: float) -> None:
        while True:
            await asyncio.sleep(delay)
            delay = READ_EVERY
            try:
                warning = newest_warning(await self._read(pod))
            except Forbidden as error:
                logger.info("the Events of Pods are not quoted: %s", error)
                return
            except ClusterError as error:
                logger.warning("the Events of a Pod could not be read: pod=%s error=%s", pod.name, error)
                continue
            if warning != watched.warning:
                watched.warning = warning
                self._wake(key)

    async def _read(self, pod: PodRecord) -> list[KubernetesObject]:
        found: list[KubernetesObject] = []
        namespace, selector = pod.experiment_key.partition("/")[0], f"involvedObject.uid={pod.uid}"
        async with aclosing(self._client.list(EVENTS, namespace=namespace, field_selector=selector)) as pages:
            async for page in pages:
                found += page.items
                if len(found) >= _MOST_READ:
                    break
        return found


def newest_warning(events: Iterable[Mapping[str, Any]]) -> str:
    """Return the reason and the message of the newest Event if it is a Warning; "" if the Pod has proceeded since."""
    newest = max(events, key=lambda event: (_time(event), event.get("type") == "Warning"), default=None)
    if newest is None or newest.get("type") != "Warning":
        return ""
    return f"{newest.get('reason')}: {newest.get('message')}"[:MAX_MESSAGE]


def _time(event: Mapping[str, Any]) -> datetime:
    series = event.get("series") or {}
    written = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    found = parse_time(written or event["metadata"].get("creationTimestamp"))
    return (found or datetime.min.replace(tzinfo=UTC)).replace(microsecond=0)  # some Events have whole seconds only


def _is_starting(pod: PodRecord) -> bool:
    """Return whether a node sets the Pod up, and its status reports no failure."""
    return pod.phase is PodPhase.PENDING and bool(pod.node) and pod.blocked is None and not pod.stopping
