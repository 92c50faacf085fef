"""CustomResourceDefinitions: conversion to the kinds that they define, defaulting and validation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from localkube import json_utils
from localkube.apiserver.errors import Cause
from localkube.apiserver.registry import Column, Kind, Scale
from localkube.apiserver.schema import compile_schema

Object = dict[str, Any]
_AGE = Column("Age", "date", ".metadata.creationTimestamp")


def kinds(crd: Object) -> Iterator[tuple[Kind, bool]]:
    """Return the kinds of a CustomResourceDefinition, one for each served version, each with whether it is the stored
    version.
    """
    spec = crd["spec"]
    storage = next(version["name"] for version in spec["versions"] if version.get("storage"))
    for version in spec["versions"]:
        stored = bool(version.get("storage"))
        if version.get("served", True) or stored:
            yield _kind(spec, version, None if stored else storage), stored


def _kind(spec: Object, version: Object, storage: str | None) -> Kind:
    names, group, subresources = spec["names"], spec["group"], version.get("subresources") or {}
    scale = subresources.get("scale")
    return Kind(
        group=group,
        version=version["name"],
        kind=names["kind"],
        plural=names["plural"],
        resource=f"{names['plural']}.{group}",
        namespaced=spec["scope"] == "Namespaced",
        singular=names.get("singular") or names["kind"].lower(),
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        subresources=frozenset(subresources),
        fields=frozenset(f["jsonPath"].removeprefix(".") for f in version.get("selectableFields") or ()),
        schema=compile_schema((version.get("schema") or {}).get("openAPIV3Schema") or {}),
        columns=tuple(map(_column, version.get("additionalPrinterColumns") or ())) or (_AGE,),
        scale=_scale(scale) if scale else None,
        to_view=_relabel(f"{group}/{version['name']}") if storage else None,
        from_view=_relabel(f"{group}/{storage}") if storage else None,
        custom=True,
    )


def _relabel(api_version: str) -> Callable[[Object], Object]:
    return lambda obj: {**obj, "apiVersion": api_version}


def _column(source: Object) -> Column:
    return Column(
        name=source["name"],
        type=source["type"],
        path=source["jsonPath"],
        priority=source.get("priority", 0),
        description=source.get("description", ""),
        format=source.get("format", ""),
    )


def _scale(source: Object) -> Scale:
    return Scale(
        spec_replicas=source["specReplicasPath"].removeprefix("."),
        status_replicas=source["statusReplicasPath"].removeprefix("."),
        label_selector=source.get("labelSelectorPath", "").removeprefix("."),
    )


def set_defaults(crd: Object) -> None:
    """Fill in names and mark the kind as established: it is served from the next request."""
    spec = crd.get("spec") or {}
    names = spec.get("names") or {}
    if "kind" in names:
        names.setdefault("listKind", f"{names['kind']}List")
        names.setdefault("singular", names["kind"].lower())
    spec.setdefault("conversion", {"strategy": "None"})
    when = crd["metadata"]["creationTimestamp"]
    reasons = {
        "NamesAccepted": ("NoConflicts", "no conflicts found"),
        "Established": ("InitialNamesAccepted", "the initial names have been accepted"),
    }
    crd["status"] = {
        "conditions": [
            {"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": when}
            for kind, (reason, message) in reasons.items()
        ],
        "acceptedNames": names,
        "storedVersions": [v["name"] for v in spec.get("versions", ()) if v.get("storage")],
    }


def validate(crd: Object, _old: Object | None) -> Iterator[Cause]:
    """Validate a definition: names, versions, and schemas that are not structural or do not compile."""
    spec, name = crd.get("spec") or {}, crd["metadata"]["name"]
    for needed in ("group", "scope", "names.kind", "names.plural", "versions"):
        if not json_utils.dig(spec, *needed.split(".")):
            yield Cause("FieldValueRequired", f"spec.{needed}", "Required value")
            return
    if name != f"{spec['names']['plural']}.{spec['group']}":
        text = f'Invalid value: "{name}": must be spec.names.plural+"."+spec.group'
        yield Cause("FieldValueInvalid", "metadata.name", text)
    if sum(bool(version.get("storage")) for version in spec["versions"]) != 1:
        text = "Invalid value: must have exactly one version marked as storage version"
        yield Cause("FieldValueInvalid", "spec.versions", text)
    for i, version in enumerate(spec["versions"]):
        schema = json_utils.dig(version, "schema", "openAPIV3Schema")
        path = f"spec.versions[{i}].schema.openAPIV3Schema"
        if schema is None:
            yield Cause("FieldValueRequired", path, "Required value: schemas are required")
        else:
            yield from _structural(schema, path)
            yield from _compiles(schema, path)


def _compiles(schema: Object, path: str) -> Iterator[Cause]:
    try:
        compile_schema(schema)
    except ValueError as error:
        yield Cause("FieldValueInvalid", path, f"Invalid value: compilation failed: {error}")


def _structural(schema: Object, path: str) -> Iterator[Cause]:
    untyped = schema.get("x-kubernetes-int-or-string") or schema.get("x-kubernetes-preserve-unknown-fields")
    if not schema.get("type") and not untyped:
        yield Cause(
            "FieldValueRequired", f"{path}.type", "Required value: must not be empty for specified object fields"
        )
    for word in ("$ref", "definitions", "patternProperties", "const"):
        if word in schema:
            yield Cause("FieldValueForbidden", f"{path}.{word}", "Forbidden: not supported in a structural schema")
    for name, part in schema.get("properties", {}).items():
        yield from _structural(part, f"{path}.properties[{name}]")
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            yield from _structural(schema[word], f"{path}.{word}")
