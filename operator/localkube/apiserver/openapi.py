"""The documents of /openapi/v3, one for each group and version, which apply, explain and client-side validation read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from localkube import json_utils
from localkube.apiserver.errors import NotFound
from localkube.apiserver.registry import Kind

Object = dict[str, Any]
V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}, "description": text}
    for name, text in (
        ("dryRun", "When present, indicates that modifications should not be persisted."),
        ("fieldManager", "The name of the actor that makes the change."),
        ("fieldValidation", "What to do with unknown fields: Ignore, Warn or Strict."),
    )
]
_METADATA = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_OBJECT_META = {
    "type": "object",
    "description": "ObjectMeta is metadata that all persisted resources must have.",
    "properties": {
        "name": {"type": "string", "description": "Name must be unique within a namespace."},
        "generateName": {"type": "string", "description": "A prefix from which the server makes a unique name."},
        "namespace": {"type": "string", "description": "The namespace, within which the name must be unique."},
        "labels": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "Keys and values for selectors.",
        },
        "annotations": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "Keys and values for tools.",
        },
        "finalizers": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The names of controllers that must act before the object is removed.",
        },
        "ownerReferences": {
            "type": "array",
            "items": {"type": "object"},
            "description": "The objects on which this object depends. It is deleted with the last of them.",
        },
        "uid": {"type": "string", "description": "Unique in time and space; set by the server."},
        "resourceVersion": {"type": "string", "description": "Changes with every write; set by the server."},
        "generation": {"type": "integer", "description": "Changes with the desired state; set by the server."},
        "creationTimestamp": {"type": "string", "format": "date-time", "description": "Set by the server."},
        "deletionTimestamp": {"type": "string", "format": "date-time", "description": "Set by the server."},
    },
}


def _path(kind: Kind) -> str:
    return f"apis/{kind.group}/{kind.version}" if kind.group else f"api/{kind.version}"


def index(kinds: Iterable[Kind], version: int, prefix: str) -> Object:
    """Return the response to `/openapi/v3`: the URLs of the documents, with `prefix`; clients cache them by `version`."""
    paths = sorted({_path(kind) for kind in kinds})
    return {"paths": {path: {"serverRelativeURL": f"{prefix}/openapi/v3/{path}?hash={version:x}"} for path in paths}}


def document(kinds: Iterable[Kind], path: str) -> Object:
    """Return the document of one group and version; `path` is as in the index. Raises NotFound."""
    found = [kind for kind in kinds if _path(kind) == path]
    if not found:
        raise NotFound("the server could not find the requested resource")
    schemas = {_schema_name(kind): _schema(kind) for kind in found}
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.37.0"},
        "paths": dict(item for kind in found for item in _operations(kind)),
        "components": {"schemas": {_METADATA: _OBJECT_META, **schemas}},
    }


def _schema_name(kind: Kind) -> str:
    reverse = (
        ".".join(reversed(kind.group.split("."))) if kind.custom else f"io.k8s.api.{kind.group.split('.')[0] or 'core'}"
    )
    return f"{reverse}.{kind.version}.{kind.kind}"


def _gvk(kind: Kind) -> Object:
    return {"group": kind.group, "version": kind.version, "kind": kind.kind}


def _schema(kind: Kind) -> Object:
    source: Object = json_utils.clone(kind.schema.source) if kind.schema else {"type": "object"}
    properties = source.setdefault("properties", {})
    properties["apiVersion"] = {"type": "string", "description": "The group and version of this kind."}
    properties["kind"] = {"type": "string", "description": "The name of this kind."}
    properties["metadata"] = {"allOf": [{"$ref": f"#/components/schemas/{_METADATA}"}], "default": {}}
    if not kind.schema:
        source["x-kubernetes-preserve-unknown-fields"] = True
    source["x-kubernetes-group-version-kind"] = [_gvk(kind)]
    return source


def _operations(kind: Kind) -> Iterator[tuple[str, Object]]:
    space = "namespaces/{namespace}/" if kind.namespaced else ""
    base = f"/{_path(kind)}/{space}{kind.plural}"
    yield base, {"get": _operation(kind, "list"), "post": _operation(kind, "post", body=True)}
    item = {"get": _operation(kind, "get"), "put": _operation(kind, "put", body=True)}
    yield base + "/{name}", item | {"patch": _operation(kind, "patch", body=True), "delete": _operation(kind, "delete")}


def _operation(kind: Kind, action: str, *, body: bool = False) -> Object:
    described: Object = {
        "operationId": f"{action}{kind.version.capitalize()}{kind.kind}",
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _gvk(kind),
        "responses": {"200": {"description": "OK"}},
    }
    if body:
        reference = {"$ref": f"#/components/schemas/{_schema_name(kind)}"}
        media = "application/json" if action != "patch" else "application/merge-patch+json"
        described |= {"parameters": _PARAMETERS, "requestBody": {"content": {media: {"schema": reference}}}}
    return described
