"""Deletion of objects: the marks of a requested deletion, and the conditions that delay the removal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localkube.apiserver import pods
from localkube.apiserver.garbage_collector import FOREGROUND
from localkube.apiserver.registry import Kind
from localkube.apiserver.storage import Key, Storage

Object = dict[str, Any]
_CRDS = "customresourcedefinitions.apiextensions.k8s.io"


def mark(kind: Kind, old: Object, stamp: Callable[[float], str], *, grace: int | None, propagation: str) -> Object:
    """Return an object with the marks of a requested deletion. A later deletion can only shorten the grace.

    `stamp` returns the time in a number of seconds; `grace` is in seconds, None for the Pod's own.
    """
    seconds = pods.grace_period(old, grace) if kind.resource == "pods" else 0
    metadata = dict(old["metadata"])
    current = metadata.get("deletionGracePeriodSeconds")
    if current is None or seconds < current:
        metadata["deletionTimestamp"] = stamp(seconds)
        metadata["deletionGracePeriodSeconds"] = seconds
        if current is None and "generation" in metadata:
            metadata["generation"] += 1
    if propagation == "Foreground" and FOREGROUND not in metadata.get("finalizers", ()):
        metadata["finalizers"] = [*metadata.get("finalizers", ()), FOREGROUND]
    marked = {**old, "metadata": metadata}
    if kind.resource == "namespaces":
        marked["status"] = {**old.get("status", {}), "phase": "Terminating"}
    return marked


def is_released(key: Key, obj: Object, storage: Storage) -> bool:
    """Return whether an object is marked for deletion, and no finalizer, grace or content delays its removal."""
    metadata = obj["metadata"]
    if not metadata.get("deletionTimestamp") or metadata.get("finalizers"):
        return False
    if key.resource == "pods":
        return not metadata.get("deletionGracePeriodSeconds")
    if key.resource == "namespaces":
        return next(storage.contents(key.name), None) is None
    return key.resource != _CRDS or not storage.all(key.name)
