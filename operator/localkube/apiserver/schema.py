"""Structural schemas: defaulting, pruning and validation of custom objects, with an API server's own error messages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from localkube import json_utils
from localkube.apiserver import formats
from localkube.apiserver.cel_rules import CelRule, compile_rule, escape, failures
from localkube.apiserver.errors import Cause

JSON = Any
_EMBEDDED = frozenset({"apiVersion", "kind", "metadata"})
_JUNCTORS = ("allOf", "anyOf", "oneOf")


@dataclass(slots=True)
class Schema:
    """One node of a compiled structural schema; `source` is what it was compiled from."""

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
        """The schemas of properties, items and values."""
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
    """Fill in defaults, in place. A null where null is not allowed and a default exists counts as missing."""
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
    """Remove the fields that the schema does not know, in place, and return their paths.

    `embedded` marks a value that is an object of its own: its apiVersion, kind and metadata stay.
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


def validate(node: Schema, value: JSON, old: JSON = None) -> list[Cause]:
    """Every fault of an object; its rules are asked only where its shape is right, as Kubernetes does.

    What is equal to its `old` value is not judged again, so that a stricter schema does not lock in older objects.
    """
    return list(_shape(node, value, old, "")) or list(_broken_rules(node, value, old, ""))


def _invalid(path: str, value: JSON, text: str) -> Cause:
    return Cause("FieldValueInvalid", path, f"Invalid value: {json_utils.shown(value)}: {text}")


def _type_name(value: JSON) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    names: dict[type, str] = {float: "number", str: "string", dict: "object", list: "array"}
    return names.get(type(value), "null")


def _has_type(node: Schema, value: JSON) -> bool:
    name = _type_name(value)
    if name == "null":
        return node.nullable or not (node.type or node.int_or_string)
    if node.int_or_string:
        return name in ("integer", "string")
    return not node.type or name == node.type or (node.type == "number" and name == "integer")


def _shape(node: Schema, value: JSON, old: JSON, path: str) -> Iterator[Cause]:
    if old is not None and value == old:
        return
    if not _has_type(node, value):
        name, expected = _type_name(value), "integer,string" if node.int_or_string else node.type
        text = f'Invalid value: "{name}": {path} in body must be of type {expected}: "{name}"'
        yield Cause("FieldValueTypeInvalid", path, text)
        return
    yield from _constraints(node, value, path)
    yield from _junctions(node, value, path)
    if isinstance(value, dict):
        yield from _object(node, value, old, path)
    elif isinstance(value, list):
        yield from _array(node, value, old, path)


def _object(node: Schema, value: dict[str, JSON], old: JSON, path: str) -> Iterator[Cause]:
    for name in node.required:
        if name not in value:
            yield Cause("FieldValueRequired", json_utils.child(path, name), "Required value")
    for name, part in value.items():
        schema = node.properties.get(name) or node.additional
        if schema is not None:
            yield from _shape(schema, part, json_utils.dig(old, name), json_utils.child(path, name))


def _array(node: Schema, value: list[JSON], old: JSON, path: str) -> Iterator[Cause]:
    for i, j in _duplicates(node, value):
        shown = {key: json_utils.dig(value[j], key) for key in node.list_keys} if node.list_keys else value[i]
        yield Cause("FieldValueDuplicate", f"{path}[{j}]", f"Duplicate value: {json_utils.shown(shown)}")
    if node.items is not None:
        for i, item in enumerate(value):
            yield from _shape(node.items, item, _correlated(node, item, old), f"{path}[{i}]")


def _duplicates(node: Schema, value: list[JSON]) -> Iterator[tuple[int, int]]:
    kind = node.source.get("x-kubernetes-list-type")
    if kind not in ("set", "map"):
        return
    seen: dict[str, int] = {}
    for i, item in enumerate(value):
        key = json_utils.shown(_identity(node, item) if kind == "map" else item)
        if key in seen:
            yield seen[key], i
        seen.setdefault(key, i)


def _identity(node: Schema, item: JSON) -> list[JSON]:
    return [json_utils.dig(item, key) for key in node.list_keys]


def _correlated(node: Schema, item: JSON, old: JSON) -> JSON:
    if not node.list_keys or not isinstance(old, list):
        return None
    identity = _identity(node, item)
    return next((before for before in old if _identity(node, before) == identity), None)


def _constraints(node: Schema, value: JSON, path: str) -> Iterator[Cause]:
    said = node.source
    if "enum" in said and value not in said["enum"]:
        allowed = ", ".join(json_utils.shown(choice) for choice in said["enum"])
        yield Cause(
            "FieldValueNotSupported", path, f"Unsupported value: {json_utils.shown(value)}: supported values: {allowed}"
        )
    if isinstance(value, str):
        yield from _string(node, value, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number(said, value, path)
    elif isinstance(value, list):
        yield from _sizes(said, len(value), path, value, "Items", "items")
    elif isinstance(value, dict):
        yield from _sizes(said, len(value), path, value, "Properties", "properties")


def _string(node: Schema, value: str, path: str) -> Iterator[Cause]:
    said = node.source
    if len(value) > said.get("maxLength", len(value)):
        yield Cause("FieldValueTooLong", path, f"Too long: may not be more than {said['maxLength']} bytes")
    if len(value) < said.get("minLength", 0):
        yield _invalid(path, value, f"{path} in body should be at least {said['minLength']} chars long")
    if node.pattern is not None and not node.pattern.search(value):
        yield _invalid(path, value, f"{path} in body should match '{said['pattern']}'")
    if not formats.matches(said.get("format", ""), value):
        yield _invalid(path, value, f"{path} in body must be of type {said['format']}: {json_utils.shown(value)}")


def _number(said: dict[str, JSON], value: float, path: str) -> Iterator[Cause]:
    low, high, factor = said.get("minimum"), said.get("maximum"), said.get("multipleOf")
    if low is not None and (value < low or (said.get("exclusiveMinimum") and value == low)):
        how = "greater than" if said.get("exclusiveMinimum") else "greater than or equal to"
        yield _invalid(path, value, f"{path} in body should be {how} {json_utils.shown(low)}")
    if high is not None and (value > high or (said.get("exclusiveMaximum") and value == high)):
        how = "less than" if said.get("exclusiveMaximum") else "less than or equal to"
        yield _invalid(path, value, f"{path} in body should be {how} {json_utils.shown(high)}")
    if factor and abs(value / factor - round(value / factor)) > 1e-9:  # noqa: PLR2004 - the tolerance of the real server
        yield _invalid(path, value, f"{path} in body should be a multiple of {json_utils.shown(factor)}")


def _sizes(  # noqa: PLR0917 - private, and called in two lines
    said: dict[str, JSON], size: int, path: str, value: JSON, word: str, things: str
) -> Iterator[Cause]:
    most, least = said.get(f"max{word}"), said.get(f"min{word}", 0)
    if most is not None and size > most:
        yield Cause("FieldValueTooMany", path, f"Too many: {size}: must have at most {most} items")
    if size < least:
        yield _invalid(path, value, f"{path} in body should have at least {least} {things}")


def _fits(node: Schema, value: JSON) -> bool:
    return not any(True for _ in _shape(node, value, None, ""))


def _junctions(node: Schema, value: JSON, path: str) -> Iterator[Cause]:
    for word, parts in node.junctors.items():
        fitting = sum(_fits(part, value) for part in parts)
        if word == "allOf" and fitting < len(parts):
            yield _invalid(path, value, f'"{path}" must validate all the schemas (allOf)')
        if word == "anyOf" and not fitting:
            yield _invalid(path, value, f'"{path}" must validate at least one schema (anyOf)')
        if word == "oneOf" and fitting != 1:
            found = f"Found {fitting} valid alternatives" if fitting else "Found none valid"
            yield _invalid(path, value, f'"{path}" must validate one and only one schema (oneOf). {found}')
    if node.negated is not None and _fits(node.negated, value):
        yield _invalid(path, value, f'"{path}" must not validate the schema (not)')


def cel_value(node: Schema | None, value: JSON) -> JSON:
    """A value as CEL sees it: numbers as doubles, times as times, property names escaped, null fields absent."""
    if node is None or value is None:
        return value
    if isinstance(value, dict):
        return {
            (escape(key) if key in node.properties else key): cel_value(
                node.properties.get(key) or node.additional, part
            )
            for key, part in value.items()
            if part is not None or node.additional is not None
        }
    if isinstance(value, list):
        return [cel_value(node.items, item) for item in value]
    if node.type == "number" and not isinstance(value, bool):
        return float(value)
    return formats.native(node.source.get("format", ""), value)


def _broken_rules(node: Schema, value: JSON, old: JSON, path: str) -> Iterator[Cause]:
    if not node.has_rules or (old is not None and value == old):
        return
    rules = [rule for rule in node.rules if rule.applies(has_old=old is not None)]
    if rules and value is not None:
        before = cel_value(node, old) if any(rule.transition for rule in rules) else None
        for rule, message in failures(rules, cel_value(node, value), before):
            yield _rule_cause(rule, value, path, message)
    yield from _rules_below(node, value, old, path)


def _rules_below(node: Schema, value: JSON, old: JSON, path: str) -> Iterator[Cause]:
    if isinstance(value, dict):
        for name, part in value.items():
            schema = node.properties.get(name) or node.additional
            if schema is not None:
                yield from _broken_rules(schema, part, json_utils.dig(old, name), json_utils.child(path, name))
    elif isinstance(value, list) and node.items is not None:
        for i, item in enumerate(value):
            yield from _broken_rules(node.items, item, _correlated(node, item, old), f"{path}[{i}]")


def _rule_cause(rule: CelRule, value: JSON, path: str, message: str) -> Cause:
    where = path + rule.field_path if path else rule.field_path.removeprefix(".")
    if rule.reason == "FieldValueForbidden":
        return Cause(rule.reason, where, f"Forbidden: {message}")
    if rule.reason == "FieldValueRequired":
        return Cause(rule.reason, where, f"Required value: {message}")
    if rule.reason == "FieldValueDuplicate":
        return Cause(rule.reason, where, f"Duplicate value: {json_utils.shown(value)}")
    scalar = rule.message_program is None and not isinstance(value, dict | list)
    return Cause(rule.reason, where, f"Invalid value: {json_utils.shown(value) + ': ' if scalar else ''}{message}")
