"""The linter for structural schemas."""

from typing import Any

import pytest

from toprung.api.crd.schema_linter import lint

TEXT = {"type": "string"}


def below(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": {"type": "array", "items": schema}}}


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"type": "object", "properties": {"a": TEXT}, "required": ["a"]}, id="object"),
        pytest.param({"type": "object", "additionalProperties": TEXT}, id="map"),
        pytest.param({"x-kubernetes-preserve-unknown-fields": True}, id="anything"),
        pytest.param({"x-kubernetes-int-or-string": True, "anyOf": [{"minimum": 1}, {"pattern": "%$"}]}, id="int or string"),
        pytest.param({"type": "object", "not": {"required": ["a"]}, "properties": {"a": TEXT}}, id="logic on values"),
        pytest.param({"type": "number", "minimum": 0, "exclusiveMinimum": True, "default": 1}, id="exclusive minimum"),
        pytest.param({"type": "array", "items": TEXT, "x-kubernetes-list-type": "set", "default": []}, id="set"),
    ],
)  # fmt: skip
def test_a_structural_schema_is_accepted(schema: dict[str, Any]):
    """The linter has no false positives."""
    assert list(lint(below(schema))) == []


@pytest.mark.parametrize(
    ("schema", "fragment"),
    [
        pytest.param({}, "has no type", id="no type"),
        pytest.param({"type": "null"}, "the type 'null'", id="unknown type"),
        pytest.param({"type": "array"}, "without items", id="array of nothing"),
        pytest.param({"type": "string", "x-kubernetes-int-or-string": True}, "has a type beside", id="int or string with type"),
        pytest.param({"$ref": "#/x", **TEXT}, "uses $ref", id="reference"),
        pytest.param({"type": "array", "items": TEXT, "uniqueItems": True}, "uses uniqueItems", id="unique items"),
        pytest.param({"type": "object", "additionalProperties": False}, "additionalProperties: false", id="additionalProperties false"),
        pytest.param({"type": "object", "properties": {"b": TEXT}, "additionalProperties": TEXT}, "has both", id="object and map"),
        pytest.param({"type": "number", "exclusiveMinimum": 0}, "is no boolean", id="exclusive number"),
        pytest.param({"type": "number", "exclusiveMaximum": True}, "without maximum", id="exclusive alone"),
        pytest.param({"type": "integer", "default": "1"}, "is no integer", id="default of another type"),
        pytest.param({"type": "integer", "default": True}, "is no integer", id="boolean as integer"),
        pytest.param({"type": "string", "enum": ["a"], "default": "b"}, "is not in the enum", id="default outside the enum"),
        pytest.param({"type": "string", "pattern": "^a", "default": "b"}, "does not match", id="default against the pattern"),
        pytest.param({"type": "object", "properties": {"b": TEXT}, "default": {"c": 1}}, "the unknown field c", id="default with an unknown field"),
        pytest.param({"type": "object", "properties": {"b": TEXT}, "required": ["b"], "default": {}}, "lacks b", id="default that lacks a field"),
        pytest.param({"type": "object", "properties": {}, "required": ["b"]}, "requires b", id="required and unknown"),
        pytest.param({"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "set"}, "a set of what is no scalar", id="set of objects"),
        pytest.param({"type": "array", "items": TEXT, "x-kubernetes-list-type": "map"}, "needs x-kubernetes-list-map-keys", id="map without keys"),
        pytest.param({"type": "array", "items": {"type": "object", "properties": {"b": TEXT}}, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["b"]}, "neither required nor defaulted", id="optional key"),
        pytest.param({"type": "array", "items": TEXT, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["b"]}, "no scalar property", id="key that is none"),
        pytest.param({"type": "string", "x-kubernetes-list-type": "set"}, "is no array", id="list type of a string"),
        pytest.param({"x-kubernetes-preserve-unknown-fields": True, "x-kubernetes-validations": [{}]}, "has CEL rules and no type", id="rules without type"),
        pytest.param({"type": "string", "anyOf": [{"type": "string"}]}, "uses type, which is forbidden inside", id="type in logic"),
    ],
)  # fmt: skip
def test_an_invalid_schema_is_reported(schema: dict[str, Any], fragment: str):
    """Each rule has its message, with the path."""
    errors = list(lint(below(schema)))
    assert len(errors) == 1
    assert fragment in errors[0].message
    assert errors[0].path.startswith("openAPIV3Schema.properties[a].items")
