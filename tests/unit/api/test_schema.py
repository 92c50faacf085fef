"""The conversion of pydantic's JSON Schema to structural schemas."""

from datetime import datetime
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, create_model

from toprung.api.crd.schema import structural_schema
from toprung.api.crd.schema_linter import lint
from toprung.api.v1alpha1.base import Duration, Model, ParameterValue
from toprung.errors import InternalError

ANY = {"x-kubernetes-preserve-unknown-fields": True}


class Inner(Model):
    """Described ``here``,
    on two lines.
    """

    a: int = 1
    """Its a."""


@pytest.mark.parametrize(
    ("annotation", "default", "expected"),
    [
        pytest.param(bool, ..., {"type": "boolean"}, id="bool"),
        pytest.param(int, ..., {"type": "integer", "format": "int64"}, id="int of any size"),
        pytest.param(Annotated[int, Field(ge=0, le=9)], ..., {"type": "integer", "format": "int32", "minimum": 0, "maximum": 9}, id="small int"),
        pytest.param(float, ..., {"type": "number", "format": "double"}, id="float"),
        pytest.param(Annotated[float, Field(gt=0)], ..., {"type": "number", "format": "double", "minimum": 0, "exclusiveMinimum": True}, id="exclusive limit"),
        pytest.param(datetime, ..., {"type": "string", "format": "date-time"}, id="time"),
        pytest.param(Literal["a", "b"], "a", {"type": "string", "enum": ["a", "b"], "default": "a"}, id="literals"),
        pytest.param(Literal["a"], "a", {"type": "string", "enum": ["a"], "default": "a"}, id="one literal"),
        pytest.param(str | None, None, {"type": "string", "nullable": True}, id="optional"),
        pytest.param(ParameterValue, ..., ANY, id="any scalar"),
        pytest.param(tuple[ParameterValue, ...] | None, None, {"type": "array", "items": ANY, "nullable": True}, id="optional list of scalars"),
        pytest.param(dict[str, Any], ..., {"type": "object", "additionalProperties": ANY}, id="any object"),
        pytest.param(dict[str, ParameterValue], ..., {"type": "object", "additionalProperties": ANY}, id="object of scalars"),
        pytest.param(dict[Annotated[str, Field(pattern="^a")], int], ..., {"type": "object", "additionalProperties": {"type": "integer", "format": "int64"}}, id="keys with a pattern"),
        pytest.param(tuple[int, float | None], ..., {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "number", "format": "double", "nullable": True}}, id="a pair"),
        pytest.param(Inner, ..., {"type": "object", "description": "Described here, on two lines.", "properties": {"a": {"type": "integer", "format": "int64", "default": 1, "description": "Its a."}}}, id="a model"),
        pytest.param(Inner | None, None, {"type": "object", "nullable": True, "description": "Described here, on two lines.", "properties": {"a": {"type": "integer", "format": "int64", "default": 1, "description": "Its a."}}}, id="an optional model"),
    ],
)  # fmt: skip
def test_each_type_has_a_structural_schema(annotation: Any, default: Any, expected: dict[str, Any]):
    """The linter accepts the schema of each type."""
    schema = structural_schema(create_model("Outer", __base__=Model, field_name=(annotation, default)))
    assert schema["properties"]["fieldName"] == expected
    assert schema.get("required", []) == (["fieldName"] if default is ... else [])
    assert list(lint(schema)) == []


def test_a_default_has_no_null():
    """Unset fields are absent, so that only one member of a union is set."""
    choice = create_model("Choice", __base__=Model, one=(Inner | None, None), two=(Inner | None, None))
    outer = create_model("Outer", __base__=Model, choice=(choice, choice(one=Inner())))
    assert structural_schema(outer)["properties"]["choice"]["default"] == {"one": {"a": 1}}


def test_the_schema_of_a_duration_is_a_string_with_a_pattern():
    """The type of the model is timedelta."""
    schema = structural_schema(create_model("Outer", __base__=Model, wait=(Duration, ...)))["properties"]["wait"]
    assert (schema["type"], schema["maxLength"]) == ("string", 32)
    assert "1h30m" in schema["description"]


@pytest.mark.parametrize(
    "annotation",
    [pytest.param(Inner | int, id="a union of types"), pytest.param(tuple[int, str], id="a mixed tuple")],
)
def test_a_type_without_structural_schema_is_an_error(annotation: Any):
    """The CRD could not express such a type."""
    with pytest.raises(InternalError):
        structural_schema(create_model("Outer", __base__=Model, field=(annotation, ...)))
