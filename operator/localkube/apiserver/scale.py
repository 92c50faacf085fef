"""The scale subresource of a custom kind, as autoscaling/v1 shows it."""

from __future__ import annotations

from typing import Any

from localkube import json_utils
from localkube.apiserver.errors import BadRequest, NotFound
from localkube.apiserver.registry import Kind, Scale

Object = dict[str, Any]


def _paths(kind: Kind) -> Scale:
    if kind.scale is None:
        raise NotFound("the server could not find the requested resource")
    return kind.scale


def read(kind: Kind, obj: Object) -> Object:
    """The Scale of an object."""
    paths, metadata = _paths(kind), obj["metadata"]
    status = {"replicas": json_utils.dig(obj, *paths.status_replicas.split(".")) or 0}
    if paths.label_selector:
        status["selector"] = json_utils.dig(obj, *paths.label_selector.split(".")) or ""
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: metadata[key] for key in kept if key in metadata},
        "spec": {"replicas": json_utils.dig(obj, *paths.spec_replicas.split(".")) or 0},
        "status": status,
    }


def write(kind: Kind, obj: Object, wanted: Object) -> Object:
    """The object with the replicas that a Scale asks for; a resourceVersion in the Scale is a precondition."""
    replicas = json_utils.dig(wanted, "spec", "replicas")
    if not isinstance(replicas, int):
        raise BadRequest(f"spec.replicas: a whole number is expected, got {json_utils.shown(replicas)}")
    patch: Any = replicas
    for part in reversed(_paths(kind).spec_replicas.split(".")):
        patch = {part: patch}
    scaled: Object = json_utils.merge(obj, patch)
    version = json_utils.dig(wanted, "metadata", "resourceVersion") or obj["metadata"]["resourceVersion"]
    return {**scaled, "metadata": {**scaled["metadata"], "resourceVersion": version}}
