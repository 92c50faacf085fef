"""Converts pydantic's JSON Schema to the structural schemas that Kubernetes requires of a CRD.

https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
"""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from toprung.errors import InternalError

Schema = dict[str, Any]
Definitions = Mapping[str, Schema]

ANYTHING: Schema = {"x-kubernetes-preserve-unknown-fields": True}
_KEPT = (
    *("description", "enum", "required", "pattern", "minLength", "maxLength", "minimum", "maximum"),
    *("minItems", "maxItems", "minProperties", "maxProperties"),
)
_SCALARS = {"boolean", "integer", "number", "string"}
_MAX_INT32 = 2**31 - 1


def structural_schema(model: type[BaseModel]) -> Schema:
    """Return the structural schema of a model, with its JSON names.

    Raises:
        InternalError: the model uses a feature that structural schemas lack.
    """
    schema = model.model_json_schema(by_alias=True)
    return convert(schema, schema.get("$defs", {}))


def convert(schema: Schema, definitions: Definitions) -> Schema:
    """Convert one node and all below it: references inlined, null as nullable, no titles."""
    schema = _inlined(schema, definitions)
    if "anyOf" in schema:
        return _union(schema, definitions)
    result = {key: schema[key] for key in _KEPT if key in schema}
    result |= {key: value for key, value in schema.items() if key.startswith("x-kubernetes-")}
    if "const" in schema:
        result["enum"] = [schema["const"]]
    if "description" in schema:
        result["description"] = prose(schema["description"])
    if schema.get("default") is not None:
        result["default"] = without_nulls(schema["default"])
    return result | _typed(schema, definitions)


def without_nulls(value: Any) -> Any:
    """Remove null members: a default has only present fields."""
    if isinstance(value, dict):
        return {key: without_nulls(child) for key, child in value.items() if child is not None}
    if isinstance(value, list):
        return [without_nulls(child) for child in value]
    return value


def _inlined(schema: Schema, definitions: Definitions) -> Schema:
    if "$ref" not in schema:
        return schema
    target = definitions[schema["$ref"].removeprefix("#/$defs/")]
    return _inlined({**target, **{key: value for key, value in schema.items() if key != "$ref"}}, definitions)


def _union(schema: Schema, definitions: Definitions) -> Schema:
    """Convert `X | None` to a nullable X, and a union of scalars to a field of any type."""
    branches = [branch for branch in schema["anyOf"] if branch.get("type") != "null"]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if len(branches) == 1:
        own = {key: rest[key] for key in rest if key != "default" or rest[key] is not None}
        nullable = {"nullable": True} if len(branches) < len(schema["anyOf"]) else {}
        return convert({**_inlined(branches[0], definitions), **own}, definitions) | nullable
    if {branch.get("type") for branch in branches} <= _SCALARS:
        return ANYTHING | ({"description": prose(rest["description"])} if "description" in rest else {})
    raise InternalError(f"a structural schema has no union of {branches}")


def _typed(schema: Schema, definitions: Definitions) -> Schema:
    match schema.get("type"):
        case "object":
            return _object(schema, definitions)
        case "array":
            return _array(schema, definitions)
        case "integer":
            return {"type": "integer", "format": _integer_format(schema), **_limits(schema)}
        case "number":
            return {"type": "number", "format": "double", **_limits(schema)}
        case "string":
            format_ = schema.get("format")
            return {"type": "string", **({"format": format_} if format_ else {})}
        case "boolean":
            return {"type": "boolean"}
        case other:
            raise InternalError(f"a structural schema has no type {other!r}: {schema}")


def _object(schema: Schema, definitions: Definitions) -> Schema:
    if "properties" in schema:
        return {"type": "object", "properties": {k: convert(v, definitions) for k, v in schema["properties"].items()}}
    # pydantic writes the values of a dict whose keys have a pattern under that pattern
    values = next(iter(schema.get("patternProperties", {}).values()), schema.get("additionalProperties", True))
    return {
        "type": "object",
        "additionalProperties": dict(ANYTHING) if values is True else convert(values, definitions),
    }


def _array(schema: Schema, definitions: Definitions) -> Schema:
    if "prefixItems" in schema:
        return {"type": "array", "items": _common([convert(item, definitions) for item in schema["prefixItems"]])}
    return {"type": "array", "items": convert(schema["items"], definitions)}


def _common(items: list[Schema]) -> Schema:
    """Return the one schema that all members of a tuple match; a structural schema has no positions."""
    types = {item["type"] for item in items}
    if not types <= {"integer", "number"}:
        raise InternalError(f"a structural schema has no tuple of {types}")
    nullable = {"nullable": True} if any(item.get("nullable") for item in items) else {}
    return {"type": "number", "format": "double", **nullable}


def _limits(schema: Schema) -> Schema:
    """Convert exclusive limits to OpenAPI 3.0: a boolean beside the limit."""
    limits: Schema = {}
    for exclusive, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in schema:
            limits |= {limit: schema[exclusive], exclusive: True}
    return limits


def _integer_format(schema: Schema) -> str:
    return "int32" if schema.get("maximum", _MAX_INT32 + 1) <= _MAX_INT32 else "int64"


def prose(text: str) -> str:
    """Return a docstring as one line of plain text."""
    return re.sub(r"\s+", " ", text.replace("``", "")).strip()
