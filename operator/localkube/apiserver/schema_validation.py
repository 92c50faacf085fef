"""Validation of custom objects by their structural schema and its CEL rules, with the messages of a real API server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from localkube import json_utils
from localkube.apiserver import formats
from localkube.apiserver.cel_rules import CelRule, escape, failures
from localkube.apiserver.errors import Cause, invalid
from localkube.apiserver.schema import Schema

JSON = Any


def validate(node: Schema, value: JSON, old: JSON = None) -> list[Cause]:
    """Return every invalid field of an object. As in Kubernetes, rules run only on an object with a valid shape.

    A value equal to its `old` value is not validated again, so that a stricter schema does not lock in older objects.
    """
    return list(_shape(node, value, old, "")) or list(_broken_rules(node, value, old, ""))


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
    source = node.source
    if "enum" in source and value not in source["enum"]:
        allowed = ", ".join(json_utils.shown(choice) for choice in source["enum"])
        yield Cause(
            "FieldValueNotSupported", path, f"Unsupported value: {json_utils.shown(value)}: supported values: {allowed}"
        )
    if isinstance(value, str):
        yield from _string(node, value, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number(source, value, path)
    elif isinstance(value, list):
        yield from _sizes(source, len(value), path, value, "Items", "items")
    elif isinstance(value, dict):
        yield from _sizes(source, len(value), path, value, "Properties", "properties")


def _string(node: Schema, value: str, path: str) -> Iterator[Cause]:
    source = node.source
    if len(value) > source.get("maxLength", len(value)):
        yield Cause("FieldValueTooLong", path, f"Too long: may not be more than {source['maxLength']} bytes")
    if len(value) < source.get("minLength", 0):
        yield invalid(path, value, f"{path} in body should be at least {source['minLength']} chars long")
    if node.pattern is not None and not node.pattern.search(value):
        yield invalid(path, value, f"{path} in body should match '{source['pattern']}'")
    if not formats.matches(source.get("format", ""), value):
        yield invalid(path, value, f"{path} in body must be of type {source['format']}: {json_utils.shown(value)}")


def _number(source: dict[str, JSON], value: float, path: str) -> Iterator[Cause]:
    low, high, factor = source.get("minimum"), source.get("maximum"), source.get("multipleOf")
    if low is not None and (value < low or (source.get("exclusiveMinimum") and value == low)):
        how = "greater than" if source.get("exclusiveMinimum") else "greater than or equal to"
        yield invalid(path, value, f"{path} in body should be {how} {json_utils.shown(low)}")
    if high is not None and (value > high or (source.get("exclusiveMaximum") and value == high)):
        how = "less than" if source.get("exclusiveMaximum") else "less than or equal to"
        yield invalid(path, value, f"{path} in body should be {how} {json_utils.shown(high)}")
    if factor and abs(value / factor - round(value / factor)) > 1e-9:  # noqa: PLR2004 - the tolerance of the real server
        yield invalid(path, value, f"{path} in body should be a multiple of {json_utils.shown(factor)}")


def _sizes(  # noqa: PLR0917 - private, and called in two lines
    source: dict[str, JSON], size: int, path: str, value: JSON, word: str, things: str
) -> Iterator[Cause]:
    most, least = source.get(f"max{word}"), source.get(f"min{word}", 0)
    if most is not None and size > most:
        yield Cause("FieldValueTooMany", path, f"Too many: {size}: must have at most {most} items")
    if size < least:
        yield invalid(path, value, f"{path} in body should have at least {least} {things}")


def _fits(node: Schema, value: JSON) -> bool:
    return not any(True for _ in _shape(node, value, None, ""))


def _junctions(node: Schema, value: JSON, path: str) -> Iterator[Cause]:
    for word, parts in node.junctors.items():
        fitting = sum(_fits(part, value) for part in parts)
        if word == "allOf" and fitting < len(parts):
            yield invalid(path, value, f'"{path}" must validate all the schemas (allOf)')
        if word == "anyOf" and not fitting:
            yield invalid(path, value, f'"{path}" must validate at least one schema (anyOf)')
        if word == "oneOf" and fitting != 1:
            found = f"Found {fitting} valid alternatives" if fitting else "Found none valid"
            yield invalid(path, value, f'"{path}" must validate one and only one schema (oneOf). {found}')
    if node.negated is not None and _fits(node.negated, value):
        yield invalid(path, value, f'"{path}" must not validate the schema (not)')


def cel_value(node: Schema | None, value: JSON) -> JSON:
    """Return a value as CEL uses it: doubles for numbers, times for times, escaped property names, no null fields."""
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
