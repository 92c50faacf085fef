"""Checks the requirements of an API server on the structural schema of a CRD.

https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
"""

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from toprung.errors import FieldError

TYPES = frozenset({"object", "array", "string", "number", "integer", "boolean"})
LOGIC = ("allOf", "anyOf", "oneOf", "not")
_OPEN = "x-kubernetes-preserve-unknown-fields"
_INT_OR_STRING = "x-kubernetes-int-or-string"
_FORBIDDEN = frozenset(
    {
        *("$ref", "$defs", "definitions", "dependencies", "deprecated", "discriminator", "id", "patternProperties"),
        *("readOnly", "writeOnly", "xml", "const", "prefixItems", "propertyNames", "if", "then", "else"),
    }
)
_NOT_IN_LOGIC = frozenset({"description", "type", "default", "additionalProperties", "nullable"})
_PYTHON_TYPES: Mapping[str, type | tuple[type, ...]] = MappingProxyType(
    {"object": dict, "array": list, "string": str, "number": (int, float), "integer": int, "boolean": bool}
)


def lint(schema: Mapping[str, Any], path: str = "openAPIV3Schema") -> Iterator[FieldError]:
    """Return the errors, each with its path in the schema; none if an API server accepts the schema."""
    for rule in _RULES:
        for message in rule(schema):
            yield FieldError(path, message)
    for word in LOGIC:
        branches = schema.get(word, [])
        for i, branch in enumerate([branches] if isinstance(branches, dict) else branches):
            yield from _lint_logic(branch, f"{path}.{word}[{i}]")
    for below, child in _children(schema):
        yield from lint(child, f"{path}.{below}")


def _children(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, child in schema.get("properties", {}).items():
        yield f"properties[{name}]", child
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            yield word, schema[word]


def _type(schema: Mapping[str, Any]) -> Iterator[str]:
    open_ = schema.get(_OPEN) or schema.get(_INT_OR_STRING)
    if "type" not in schema and not open_:
        yield "has no type"
    if "type" in schema and schema["type"] not in TYPES:
        yield f"has the type {schema['type']!r}, which is none of {', '.join(sorted(TYPES))}"
    if "type" in schema and schema.get(_INT_OR_STRING):
        yield f"has a type beside {_INT_OR_STRING}"
    if schema.get("type") == "array" and not isinstance(schema.get("items"), dict):
        yield "is an array without items"


def _keywords(schema: Mapping[str, Any]) -> Iterator[str]:
    for word in sorted(_FORBIDDEN & schema.keys()):
        yield f"uses {word}, which is forbidden"
    if schema.get("uniqueItems"):
        yield "uses uniqueItems, which is forbidden; use x-kubernetes-list-type: set"
    if schema.get("additionalProperties") is False:
        yield "uses additionalProperties: false, which is forbidden; unknown fields are pruned anyway"
    if "properties" in schema and "additionalProperties" in schema:
        yield "has both properties and additionalProperties"
    for word in ("exclusiveMinimum", "exclusiveMaximum"):
        if word in schema and not isinstance(schema[word], bool):
            yield f"has {word} that is no boolean"
        if schema.get(word) and word.removeprefix("exclusive").lower() not in schema:
            yield f"has {word} without {word.removeprefix('exclusive').lower()}"


def _default(schema: Mapping[str, Any]) -> Iterator[str]:
    if "default" not in schema:
        return
    yield from (f"has a default that {error}" for error in _misfits(schema, schema["default"]))


def _misfits(schema: Mapping[str, Any], value: Any) -> Iterator[str]:
    """Return why the types of a default do not match its schema."""
    kind = schema.get("type")
    if kind and (not isinstance(value, _PYTHON_TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        yield f"is no {kind}: {value!r}"
    elif "enum" in schema and value not in schema["enum"]:
        yield f"is not in the enum: {value!r}"
    elif "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"does not match the pattern: {value!r}"
    elif kind == "object" and "properties" in schema:
        yield from (f"lacks {name}" for name in schema.get("required", ()) if name not in value)
        for name, part in value.items():
            if name not in schema["properties"]:
                yield f"has the unknown field {name}"
            else:
                yield from _misfits(schema["properties"][name], part)


def _lists(schema: Mapping[str, Any]) -> Iterator[str]:
    kind, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys", ())
    items = schema.get("items", {})
    if kind and schema.get("type") != "array":
        yield "has a list type and is no array"
        return
    if kind == "set" and (items.get("type") in (None, "object", "array") or items.get("nullable")):
        yield "is a set of what is no scalar"
    if (kind == "map") != bool(keys):
        yield "needs x-kubernetes-list-map-keys exactly where its list type is map"
    for key in keys:
        if items.get("properties", {}).get(key, {}).get("type") in (None, "object", "array"):
            yield f"has the list key {key}, which is no scalar property of its items"
        elif key not in items.get("required", ()) and "default" not in items["properties"][key]:
            yield f"has the list key {key}, which is neither required nor defaulted"


def _rules(schema: Mapping[str, Any]) -> Iterator[str]:
    if schema.get("x-kubernetes-validations") and "type" not in schema:
        yield "has CEL rules and no type"
    if "required" in schema:
        unknown = set(schema["required"]) - schema.get("properties", {}).keys()
        yield from (f"requires {name}, which it does not know" for name in sorted(unknown))


_RULES: tuple[Callable[[Mapping[str, Any]], Iterator[str]], ...] = (_type, _keywords, _default, _lists, _rules)


def _lint_logic(schema: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    for word in sorted(_NOT_IN_LOGIC & schema.keys()):
        yield FieldError(path, f"uses {word}, which is forbidden inside {', '.join(LOGIC)}")
    for below, child in _children(schema):
        yield from _lint_logic(child, f"{path}.{below}")
