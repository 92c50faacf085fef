"""The subresources of Pods (log, binding, eviction) and the scale subresource of custom kinds (autoscaling/v1)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from localkube import json_utils
from localkube.apiserver import decoding
from localkube.apiserver.calls import Answer, Call, Stream, deletion_options
from localkube.apiserver.errors import BadRequest, Conflict, NotFound
from localkube.apiserver.log_source import LogSource, parse_query
from localkube.apiserver.pods import disrupted, terminal
from localkube.apiserver.registry import Kind, Scale
from localkube.apiserver.store import Store

Object = dict[str, Any]
_SUCCESS = Answer(
    json_utils.dumps({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}), status=201
)


class PodSubresources:
    """The subresources log, binding and eviction."""

    def __init__(self, store: Store, *, logs: LogSource | None, now: Callable[[], datetime]) -> None:
        self._store = store
        self._logs = logs
        self._now = now

    def log(self, call: Call) -> Stream:
        """Return the log of a container as a stream."""
        if self._logs is None:
            raise NotFound("no node keeps logs in this cluster")
        pod = self._store.get("pods", call.namespace, call.info.name)
        return Stream(self._logs.read(pod, parse_query(call.query)), content_type="text/plain", may_refuse=True)

    def binding(self, call: Call) -> Answer:
        """Bind a Pod to a node."""
        pod = self._store.get("pods", call.namespace, call.info.name)
        node = json_utils.dig(decoding.decode_as("Binding", call.body), "target", "name")
        if not node:
            raise BadRequest("target.name: Required value: the node to bind the Pod to")
        if pod["spec"].get("nodeName"):
            raise Conflict(f'pod {call.info.name} is already assigned to node "{pod["spec"]["nodeName"]}"')
        self._store.update("pods", {**pod, "spec": {**pod["spec"], "nodeName": node}}, subresource="binding")
        return _SUCCESS

    def eviction(self, call: Call) -> Answer:
        """Mark a Pod as disrupted and delete it."""
        options = decoding.decode_as("Eviction", call.body).get("deleteOptions") or {}
        pod = self._store.get("pods", call.namespace, call.info.name)
        deletion = deletion_options(call, options)
        if not deletion["dry_run"] and not terminal(pod):
            status = disrupted(pod.get("status") or {}, "EvictionByEvictionAPI", "Eviction API: evicting", self._now())
            self._store.update("pods", {**pod, "status": status}, subresource="status")
        self._store.delete("pods", call.namespace, call.info.name, **deletion)
        return _SUCCESS


def _scale_paths(kind: Kind) -> Scale:
    if kind.scale is None:
        raise NotFound("the server could not find the requested resource")
    return kind.scale


def read_scale(kind: Kind, obj: Object) -> Object:
    """Return the Scale of an object."""
    paths, metadata = _scale_paths(kind), obj["metadata"]
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


def write_scale(kind: Kind, obj: Object, wanted: Object) -> Object:
    """Return the object with the replicas of a Scale. A resourceVersion in the Scale is a precondition."""
    replicas = json_utils.dig(wanted, "spec", "replicas")
    if not isinstance(replicas, int):
        raise BadRequest(f"spec.replicas: an integer is expected, got {json_utils.shown(replicas)}")
    patch: Any = replicas
    for part in reversed(_scale_paths(kind).spec_replicas.split(".")):
        patch = {part: patch}
    scaled: Object = json_utils.merge(obj, patch)
    version = json_utils.dig(wanted, "metadata", "resourceVersion") or obj["metadata"]["resourceVersion"]
    return {**scaled, "metadata": {**scaled["metadata"], "resourceVersion": version}}
