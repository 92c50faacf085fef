"""Kubernetes Events of the scheduler and the node, as `kubectl describe pod` shows them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal

from localkube.apiserver.errors import ApiError
from localkube.apiserver.formats import stamp
from localkube.apiserver.store import Store

Object = dict[str, Any]


class EventRecorder:
    """Writes Events about Pods. A repeated Event increases the count of the first."""

    def __init__(self, store: Store, component: str, now: Callable[[], datetime]) -> None:
        self._store = store
        self._component = component
        self._now = now
        self._recorded: dict[tuple[str, str, str], str] = {}

    def __call__(self, pod: Object, kind: Literal["Normal", "Warning"], reason: str, message: str) -> None:
        """Record an Event. A rejected write, as in a terminating namespace, is ignored."""
        key = (pod["metadata"]["uid"], reason, message)
        with suppress(ApiError):
            if (name := self._recorded.get(key)) and self._repeat(pod["metadata"]["namespace"], name):
                return
            self._recorded[key] = self._store.create("events", self._event(pod, kind, reason, message))["metadata"][
                "name"
            ]

    def forget(self, uid: str) -> None:
        """Drop the Events of a deleted Pod."""
        self._recorded = {key: name for key, name in self._recorded.items() if key[0] != uid}

    def _repeat(self, namespace: str, name: str) -> bool:
        if not self._store.exists("events", namespace, name):
            return False
        event = self._store.get("events", namespace, name)
        self._store.update("events", {**event, "count": event.get("count", 1) + 1, "lastTimestamp": stamp(self._now())})
        return True

    def _event(self, pod: Object, kind: str, reason: str, message: str) -> Object:
        metadata, time = pod["metadata"], stamp(self._now())
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{metadata['name']}.{secrets.token_hex(8)}", "namespace": metadata["namespace"]},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
            "type": kind,
            "reason": reason,
            "message": message,
            "source": {"component": self._component},
            "reportingComponent": self._component,
            "firstTimestamp": time,
            "lastTimestamp": time,
            "count": 1,
        }
