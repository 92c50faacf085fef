"""The types of a Pod template: the fields of each object, generated from Kubernetes' schemas by hack/pod_schema.py."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

TEMPLATE = "PodTemplateSpec"


@dataclass(frozen=True, slots=True)
class Type:
    """The type of a field.

    Attributes:
        name: name of the scalar or the object; of a list or map, that of its items.
        container: ``list``, ``map`` or "" for the type itself.
    """

    name: str
    container: str


@dataclass(frozen=True, slots=True)
class ObjectType:
    """The fields of an object, and which of them are required."""

    fields: Mapping[str, Type]
    required: tuple[str, ...]


@cache
def object_types() -> Mapping[str, ObjectType]:
    """Load the table; takes some milliseconds and 200 KiB, once."""
    text = (files("podspec") / "schema.json").read_text(encoding="utf-8")
    return MappingProxyType({name: _object_type(fields) for name, fields in json.loads(text).items()})


def fields_of(name: str) -> tuple[str, ...]:
    """Return the names of the fields of a type."""
    return tuple(object_types()[name].fields)


def _object_type(fields: Mapping[str, str]) -> ObjectType:
    types = {name.rstrip("!"): _type(text) for name, text in fields.items()}
    return ObjectType(types, tuple(name[:-1] for name in fields if name.endswith("!")))


def _type(text: str) -> Type:
    for prefix, container in (("[]", "list"), ("map[string]", "map")):
        if text.startswith(prefix):
            return Type(text.removeprefix(prefix), container)
    return Type(text, "")
