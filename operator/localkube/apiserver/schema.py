"""Structural schemas of custom kinds: compilation, defaulting and pruning."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from localkube import json_utils
from localkube.apiserver.cel_rules import CelRule, compile_rule

JSON = Any
_EMBEDDED = frozenset({"apiVersion", "kind", "metadata"})
_JUNCTORS = ("allOf", "anyOf", "oneOf")


@dataclass(slots=True)
class Schema:
    """One node of a compiled structural schema; `source` is its JSON."""

    source: dict[str, JSON]
    type: str = ""
    properties: dict[str, Schema] = field(default_factory=dict)
    additional: Schema | None = None
    items: Schema | None = None
    open: bool = False
    embedded: bool = False
    int_or_string: bool = False
    nullable: bool = False
    required: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None
    rules: tuple[CelRule, ...] = ()
    list_keys: tuple[str, ...] = ()
    junctors: dict[str, tuple[Schema, ...]] = field(default_factory=dict)
    negated: Schema | None = None
    has_rules: bool = False
    has_defaults: bool = False

    def children(self) -> Iterator[Schema]:
        """Yield the schemas of properties, items and values."""
        yield from self.properties.values()
        yield from (node for node in (self.items, self.additional) if node is not None)


def compile_schema(source: dict[str, JSON]) -> Schema:
    """Compile an `openAPIV3Schema`. Raises ValueError for a pattern or a CEL rule that does not compile."""
    additional = source.get("additionalProperties")
    node = Schema(
        source=source,
        type=source.get("type", ""),
        properties={name: compile_schema(part) for name, part in source.get("properties", {}).items()},
        additional=compile_schema(additional) if isinstance(additional, dict) else None,
        items=compile_schema(source["items"]) if "items" in source else None,
        open=bool(source.get("x-kubernetes-preserve-unknown-fields")) or additional is True,
        embedded=bool(source.get("x-kubernetes-embedded-resource")),
        int_or_string=bool(source.get("x-kubernetes-int-or-string")),
        nullable=bool(source.get("nullable")),
        required=tuple(source.get("required", ())),
        pattern=re.compile(source["pattern"]) if "pattern" in source else None,
        rules=tuple(compile_rule(rule) for rule in source.get("x-kubernetes-validations", ())),
        list_keys=tuple(source.get("x-kubernetes-list-map-keys", ())),
        junctors={word: tuple(map(compile_schema, source[word])) for word in _JUNCTORS if word in source},
        negated=compile_schema(source["not"]) if "not" in source else None,
    )
    node.has_rules = bool(node.rules) or any(part.has_rules for part in node.children())
    node.has_defaults = "default" in source or any(part.has_defaults for part in node.children())
    return node


def set_defaults(node: Schema, value: JSON) -> None:
    """Fill in defaults in place. A null counts as missing where null is not allowed and a default exists."""
    if not node.has_defaults:
        return
    if isinstance(value, dict):
        for name, part in node.properties.items():
            missing = name not in value or (value[name] is None and not part.nullable)
            if missing and "default" in part.source:
                value[name] = json_utils.clone(part.source["default"])
            if name in value:
                set_defaults(part, value[name])
        if node.additional is not None:
            for name in value.keys() - node.properties.keys():
                set_defaults(node.additional, value[name])
    elif isinstance(value, list) and node.items is not None:
        for item in value:
            set_defaults(node.items, item)


def prune(node: Schema, value: JSON, path: str = "", *, embedded: bool = False) -> list[str]:
    """Remove the fields that the schema does not have, in place, and return their paths.

    `embedded` marks a value that is a complete object: its apiVersion, kind and metadata stay.
    """
    if isinstance(value, list):
        parts = enumerate(value) if node.items is not None else ()
        return [gone for i, item in parts if node.items for gone in prune(node.items, item, f"{path}[{i}]")]
    if not isinstance(value, dict):
        return []
    kept = _EMBEDDED if embedded or node.embedded else frozenset()
    unknown: list[str] = []
    for name in list(value):
        part = node.properties.get(name) or (None if name in kept else node.additional)
        if part is not None:
            unknown += prune(part, value[name], json_utils.child(path, name))
        elif not node.open and name not in kept:
            del value[name]
            unknown.append(json_utils.child(path, name))
    return unknown
