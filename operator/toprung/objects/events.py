"""Builds Kubernetes Events, which `kubectl describe` shows."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from toprung.timestamps import timestamp

MAX_MESSAGE = 1024
"""Characters that the API server accepts as an Event's message."""

_MAX_NAME = 253
_COMPONENT = "toprung"


@dataclass(frozen=True, slots=True)
class Event:
    """One occurrence to report.

    Attributes:
        involved: the object: apiVersion, kind, namespace, name and uid.
        key: distinguishes this occurrence from others of the same object and reason; a retry has the same key.
    """

    involved: Mapping[str, str]
    type: Literal["Normal", "Warning"]
    reason: str
    message: str
    key: str

    @property
    def name(self) -> str:
        """Return the name, which is the same for a retry, so that a crash in between causes no second Event."""
        identity = "\0".join((self.involved["uid"], self.reason, self.key))
        digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
        return f"{self.involved['name'][: _MAX_NAME - len(digest) - 1]}.{digest}"


def event_object(event: Event, now: datetime) -> dict[str, Any]:
    """Return the core/v1 Event; without a count, because each occurrence is a separate Event."""
    stamp = timestamp(now)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": event.name, "namespace": event.involved["namespace"]},
        "involvedObject": dict(event.involved),
        "type": event.type,
        "reason": event.reason,
        "message": _cut(event.message),
        "source": {"component": _COMPONENT},
        "reportingComponent": _COMPONENT,
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
    }


def _cut(message: str) -> str:
    return message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - 1] + "…"
