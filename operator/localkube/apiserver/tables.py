"""Server-side printing: the `Table` that `kubectl get` requests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from localkube import json_utils
from localkube.apiserver import formats, jsonpath
from localkube.apiserver.printers import PRINTERS
from localkube.apiserver.registry import Column, Kind

Object = dict[str, Any]
_NAME = {
    "name": "Name",
    "type": "string",
    "format": "name",
    "description": "Name must be unique within a namespace.",
    "priority": 0,
}
_AGE = Column("Age", "date", ".metadata.creationTimestamp", description="Time since the object was created.")
_TYPES: dict[str, tuple[type, ...]] = {"integer": (int,), "number": (int, float), "boolean": (bool,)}


def partial(obj: Object) -> Object:
    """Return the metadata of an object without its content."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def table(
    kind: Kind, objects: Iterable[Object], *, now: datetime, include: str, version: str, header: bool = True
) -> Object:
    """Return a Table of objects; `include` is the content of each row: None, Metadata or Object."""
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": _definitions(kind) if header else None,
        "rows": [_row(kind, obj, now, include) for obj in objects],
    }


def _row(kind: Kind, obj: Object, now: datetime, include: str) -> Object:
    carried = {"None": None, "Object": obj}.get(include) if include != "Metadata" else partial(obj)
    return {"cells": cells(kind, obj, now), "object": carried}


def _definitions(kind: Kind) -> list[Object]:
    printer = PRINTERS.get(kind.resource)
    columns = printer.columns if printer else kind.columns or (_AGE,)
    rest = [
        {"name": c.name, "type": c.type, "format": c.format, "description": c.description, "priority": c.priority}
        for c in columns
    ]
    return rest if printer and not printer.named else [_NAME, *rest]


def cells(kind: Kind, obj: Object, now: datetime) -> list[Any]:
    """Return the cells of one object's row."""
    name = obj["metadata"]["name"]
    printer = PRINTERS.get(kind.resource)
    if printer is not None:
        row = printer.cells(obj, now)
        return [name, *row] if printer.named else row
    return [name, *(_cell(column, obj, now) for column in kind.columns or (_AGE,))]


def _cell(column: Column, obj: Object, now: datetime) -> Any:
    found = [value for value in jsonpath.find(column.path, obj) if value is not None]
    if not found:
        return None
    if column.type == "date":
        return _age(found[0], now)
    if column.type in _TYPES:
        right = isinstance(found[0], _TYPES[column.type]) and isinstance(found[0], bool) == (column.type == "boolean")
        return found[0] if right else None
    return " ".join(value if isinstance(value, str) else json_utils.shown(value) for value in found)


def _age(text: Any, now: datetime) -> str:
    try:
        return formats.human_duration(now - formats.timestamp(text))
    except (ValueError, TypeError):
        return "<invalid>"
