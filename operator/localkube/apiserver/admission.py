"""Admission of writes: identity, defaulting, pruning and validation. Functions may change the new object in place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from localkube import json_utils
from localkube.apiserver import builtin_types, schema, schema_validation
from localkube.apiserver.errors import BadRequest, Cause, Conflict, Invalid, about, invalid, required
from localkube.apiserver.registry import Kind
from localkube.apiserver.storage import Key
from podspec import validation
from podspec.formats import SUBDOMAIN

Object = dict[str, Any]
_MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"
_SERVER_OWNED = (
    "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "resourceVersion",
)  # fmt: skip
_METADATA = frozenset(
    (
        *_SERVER_OWNED,
        "name",
        "generateName",
        "namespace",
        "labels",
        "annotations",
        "finalizers",
        "ownerReferences",
        "managedFields",
    )
)
_WITHOUT_GENERATION = frozenset(
    {"events", "nodes", "namespaces", "configmaps", "secrets", "serviceaccounts", "resourcequotas"}
)
_FREE_NAMES = "rbac.authorization.k8s.io"


def identify(kind: Kind, obj: Object, *, uid: str, now: str) -> None:
    """Set the server-owned metadata of a new object. Raises BadRequest for the wrong kind, Invalid for a bad name or
    bad metadata.
    """
    _check_type(kind, obj)
    metadata = _tidied(obj["metadata"])
    if metadata.get("resourceVersion"):
        raise BadRequest("resourceVersion should not be set on objects to be created")
    kept = {key: value for key, value in metadata.items() if key not in _SERVER_OWNED}
    if not kind.namespaced:
        kept.pop("namespace", None)
    obj["metadata"] = kept | {"uid": uid, "creationTimestamp": now}
    if kind.resource not in _WITHOUT_GENERATION:
        obj["metadata"]["generation"] = 1
    causes = list(_validate_metadata(kind, obj["metadata"]))
    if causes:
        raise Invalid(kind.kind, kind.group, str(kept.get("name", "")), causes)


def key_of(kind: Kind, obj: Object) -> Key:
    """Return the key of an object. Raises BadRequest where its name or namespace is missing."""
    metadata = obj.get("metadata") or {}
    if not metadata.get("name"):
        raise BadRequest("metadata.name: Required value: name or generateName is required")
    if kind.namespaced and not metadata.get("namespace"):
        raise BadRequest(f"metadata.namespace: Required value: the {kind.kind} requires a namespace")
    return Key(kind.resource, metadata["namespace"] if kind.namespaced else "", metadata["name"])


def admit_create(kind: Kind, obj: Object) -> None:
    """Default and validate a new object. A status is dropped where it is a subresource. Raises Invalid."""
    if "status" in kind.subresources:
        obj.pop("status", None)
    _default(kind, obj)
    _validate(kind, obj, None)


def admit_update(kind: Kind, old: Object, new: Object, subresource: str) -> Object:
    """Return the object that an update makes of `old`, defaulted and validated. Raises BadRequest or Invalid."""
    _check_type(kind, new)
    merged = _part(kind, old, new, subresource)
    merged["metadata"] = _next_metadata(kind, old, merged["metadata"])
    if kind.custom or not subresource:
        _default(kind, merged)
        _validate(kind, merged, old)
    if "generation" in merged["metadata"] and _content(kind, merged) != _content(kind, old):
        merged["metadata"]["generation"] += 1
    return merged


def check_preconditions(kind: Kind, old: Object, wanted: Object) -> None:
    """Raise Conflict where `wanted` has a uid or a resourceVersion that differs from the stored object's."""
    name, have = old["metadata"]["name"], old["metadata"]
    details = about(kind.resource, name)
    prefix = f'Operation cannot be fulfilled on {kind.qualified} "{name}": '
    if wanted.get("uid") and wanted["uid"] != have["uid"]:
        raise Conflict(
            f"{prefix}Precondition failed: UID in precondition: {wanted['uid']}, UID in object meta: {have['uid']}",
            details=details,
        )
    if wanted.get("resourceVersion") and wanted["resourceVersion"] != have["resourceVersion"]:
        raise Conflict(prefix + _MODIFIED, details=details)


def _check_type(kind: Kind, obj: Object) -> None:
    for key, right in (("apiVersion", kind.api_version), ("kind", kind.kind)):
        if obj.setdefault(key, right) != right:
            raise BadRequest(f"the object's {key} is {obj[key]!r}, but {right!r} is expected for {kind.qualified}")


def _tidied(metadata: Object) -> Object:
    return {key: value for key, value in metadata.items() if key in _METADATA and value not in (None, {}, [])}


def _part(kind: Kind, old: Object, new: Object, subresource: str) -> Object:
    if subresource == "status":
        rest = {key: value for key, value in old.items() if key != "status"}
        return rest | ({"status": new["status"]} if new.get("status") is not None else {})
    if subresource == "binding":
        node = json_utils.dig(new, "spec", "nodeName")
        return {**old, "spec": {**old["spec"], "nodeName": node}}
    if "status" in kind.subresources:
        rest = {key: value for key, value in new.items() if key != "status"}
        return rest | ({"status": old["status"]} if "status" in old else {})
    return new


def _next_metadata(kind: Kind, old: Object, wanted: Object) -> Object:
    before = old["metadata"]
    metadata = _tidied(wanted)
    for key in (*_SERVER_OWNED, "namespace"):
        metadata.pop(key, None)
        if key in before:
            metadata[key] = before[key]
    if "managedFields" in before:
        metadata.setdefault("managedFields", before["managedFields"])
    causes = list(_validate_metadata(kind, metadata)) if metadata != before else []
    added = set(metadata.get("finalizers", ())) - set(before.get("finalizers", ()))
    if added and before.get("deletionTimestamp"):
        text = f"Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers {sorted(added)}"
        causes.append(Cause("FieldValueForbidden", "metadata.finalizers", text))
    if causes:
        raise Invalid(kind.kind, kind.group, before["name"], causes)
    return metadata


def _default(kind: Kind, obj: Object) -> None:
    if kind.schema is not None:
        schema.prune(kind.schema, obj, embedded=True)
        schema.set_defaults(kind.schema, obj)
    elif kind.resource in builtin_types.DEFAULTERS:
        builtin_types.DEFAULTERS[kind.resource](obj)


def _validate(kind: Kind, obj: Object, old: Object | None) -> None:
    causes: list[Cause] = []
    if kind.schema is not None:
        causes = schema_validation.validate(kind.schema, obj, old)
    elif kind.resource in builtin_types.VALIDATORS:
        causes = list(builtin_types.VALIDATORS[kind.resource](obj, old))
    if causes:
        raise Invalid(kind.kind, kind.group, obj["metadata"]["name"], causes)


def _content(kind: Kind, obj: Object) -> Object:
    skipped = ("metadata", "status") if "status" in kind.subresources else ("metadata",)
    return {key: value for key, value in obj.items() if key not in skipped}


def _validate_metadata(kind: Kind, metadata: Object) -> Iterator[Cause]:
    name = metadata.get("name") or ""
    if not name:
        yield required("metadata.name", "name or generateName is required")
    elif kind.group != _FREE_NAMES and not SUBDOMAIN.matches(name):
        yield invalid("metadata.name", name, SUBDOMAIN.detail)
    yield from (Cause.of(finding) for finding in validation.validate("ObjectMeta", metadata, "metadata"))
