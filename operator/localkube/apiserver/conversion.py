"""Kinds that are another view of a stored one."""

from __future__ import annotations

from typing import Any

from localkube.apiserver.registry import Kind

Object = dict[str, Any]
_NEW_NAME_OF = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_CORE_NAME_OF = {new: core for core, new in _NEW_NAME_OF.items()}


def _event_to_view(event: Object) -> Object:
    return {_NEW_NAME_OF.get(key, key): value for key, value in event.items()} | {"apiVersion": "events.k8s.io/v1"}


def _event_from_view(event: Object) -> Object:
    return {_CORE_NAME_OF.get(key, key): value for key, value in event.items()} | {"apiVersion": "v1"}


VIEWS: tuple[Kind, ...] = (
    Kind(
        group="events.k8s.io",
        version="v1",
        kind="Event",
        plural="events",
        resource="events",
        singular="event",
        short_names=("ev",),
        fields=frozenset(
            {"reason", "type", "regarding.kind", "regarding.name", "regarding.namespace", "regarding.uid"}
        ),
        to_view=_event_to_view,
        from_view=_event_from_view,
    ),
)
