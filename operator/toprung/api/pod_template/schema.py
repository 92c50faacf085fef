"""Checks the types of a Pod template.

schema.json is generated from Kubernetes' schemas by hack/pod_schema.py. A server that decodes a Pod answers 400 to a
wrong type and drops a field that it does not know. As there, null means that a field is absent.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from toprung.api.messages import shown
from toprung.errors import FieldError

TEMPLATE = "PodTemplateSpec"
QUANTITY = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?")
"""https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/"""
REQUIRED = "Required value: write it."
MAX_QUANTITY = 64
"""Characters of a quantity."""
PLACEHOLDER = "${"
"""A string with a placeholder gets its content later: only its type is checked."""
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})")
_NEAR = 0.85


@dataclass(frozen=True, slots=True)
class Type:
    """The type of a field.

    Attributes:
        name: of the scalar or the object; of a list or map that of its items.
        container: ``list``, ``map`` or "" for the type itself.
    """

    name: str
    container: str


@dataclass(frozen=True, slots=True)
class ObjectType:
    """The fields of an object, and which of them are required."""

    fields: Mapping[str, Type]
    required: tuple[str, ...]


ValueCheck = Callable[[Mapping[str, Any], str], Iterator[FieldError]]
"""Checks the values of an object whose types may be wrong: (object, its path) -> errors."""


@cache
def object_types() -> Mapping[str, ObjectType]:
    """Load the table; takes some milliseconds and 200 KiB, once."""
    text = (files("toprung.api.pod_template") / "schema.json").read_text(encoding="utf-8")
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


def validate_object(
    value: Any, kind: str, rules: Mapping[str, ValueCheck], unknown: list[FieldError]
) -> Iterator[FieldError]:
    """Check an object; paths are relative to it.

    Args:
        value: as the user wrote it.
        kind: its type, such as PodTemplateSpec.
        rules: type -> rule for the values of its objects.
        unknown: fields that Kubernetes does not know are added here.
    """
    yield from _Walk(object_types(), rules, unknown).object(value, kind, "")


def is_misspelled(error: FieldError) -> bool:
    """Return whether an unknown field is almost a known one; others may be of a newer Kubernetes."""
    return bool(get_close_matches(error.unknown_name[:64], error.known_names, n=1, cutoff=_NEAR))


@dataclass(frozen=True, slots=True)
class _Walk:
    types: Mapping[str, ObjectType]
    rules: Mapping[str, ValueCheck]
    unknown: list[FieldError]

    def object(self, value: Any, name: str, path: str) -> Iterator[FieldError]:
        if not isinstance(value, dict):
            yield FieldError(path, _mismatch("an object", value, _object_example(name, value)))
            return
        kind, prefix = self.types[name], f"{path}." if path else ""
        for key, child in value.items():
            if (field := kind.fields.get(key)) is None:
                self.unknown.append(
                    FieldError(f"{prefix}{key}", f"unknown field {shown(key)}", key, tuple(kind.fields))
                )
            elif child is not None:
                yield from self._field(child, field, f"{prefix}{key}")
        for key in kind.required:
            if value.get(key) is None or (value[key] == "" and key != "value"):
                yield FieldError(f"{prefix}{key}", REQUIRED)
        if (rule := self.rules.get(name)) is not None:
            yield from rule(value, prefix)

    def _field(self, value: Any, kind: Type, path: str) -> Iterator[FieldError]:
        if kind.container == "list":
            yield from self._list(value, kind.name, path)
        elif kind.container == "map":
            yield from self._map(value, kind.name, path)
        elif (check := SCALARS.get(kind.name)) is None:
            yield from self.object(value, kind.name, path)
        elif message := check(value):
            yield FieldError(path, message)

    def _list(self, value: Any, name: str, path: str) -> Iterator[FieldError]:
        if not isinstance(value, list):
            yield FieldError(path, _mismatch("a list", value, _list_example(name, value)))
            return
        check = SCALARS.get(name)
        for i, item in enumerate(value):
            if check is None:
                yield from self.object({} if item is None else item, name, f"{path}[{i}]")
            elif message := check(item):
                yield FieldError(f"{path}[{i}]", message)

    def _map(self, value: Any, name: str, path: str) -> Iterator[FieldError]:
        if not isinstance(value, dict):
            yield FieldError(path, _mismatch("an object", value, "Write fields below it, as NAME: VALUE."))
            return
        check = SCALARS[name]
        for key, item in value.items():
            if item is not None and (message := check(item)):
                yield FieldError(f"{path}[{key}]", message)


def _mismatch(wanted: str, value: Any, example: str) -> str:
    return f"Invalid value: must be {wanted}, not {described(value)}. {example}"


def described(value: Any) -> str:
    """Return the type of a JSON value, with the value where it is short."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return shown(value)
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return f"the {'string' if isinstance(value, str) else 'number'} {shown(value)}"


def _object_example(name: str, value: Any) -> str:
    if name == "EnvVar" and isinstance(value, str):
        key, _, rest = value.partition("=")
        return f"Write {{name: {key[:64]}, value: {shown(rest)}}}."
    return "Write fields below it, as NAME: VALUE."


def _list_example(name: str, value: Any) -> str:
    if name == "EnvVar" and isinstance(value, dict) and value:
        key, first = next(iter(value.items()))
        return f"Write - {{name: {key[:64]}, value: {shown(first if isinstance(first, str) else str(first))}}}."
    if isinstance(value, str) and name == "string":
        return f"Write [{', '.join(value[:64].split()[:4]) or value}]." if len(value) < 64 else "Write [a, b]."  # noqa: PLR2004
    return 'Write one "- " for each item.'


def must_be_string(value: Any) -> str:
    """Return the error of a value that must be a string, "" if it is one."""
    if isinstance(value, str):
        return ""
    example = f"Write {shown(str(shown(value)))}." if isinstance(value, bool | int | float) else "Write it in quotes."
    if isinstance(value, bool):
        example = f"{example} YAML reads {'y, yes and on' if value else 'n, no and off'} as {shown(value)}: quote them."
    return _mismatch("a string", value, 'Write "", or remove it.' if value is None else example)


def _integer(low: int, high: int) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, int | float):
            plain = isinstance(value, str) and re.fullmatch("[0-9]{1,18}", value)
            return _mismatch("an integer", value, f"Write {value} without quotes." if plain else "Write a number.")
        if isinstance(value, float):
            return _mismatch("an integer", value, f"Write {round(value) if math.isfinite(value) else 1}.")
        return "" if low <= value <= high else f"Invalid value: {shown(value)} does not fit into its field."

    return check


def _boolean(value: Any) -> str:
    if isinstance(value, bool):
        return ""
    quoted = isinstance(value, str) and value in {"true", "false"}
    return _mismatch("true or false", value, f"Write {value} without quotes." if quoted else "Write true or false.")


def _quantity(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return _mismatch("a quantity", value, "Write it like 2, 500m or 4Gi.")
    text = str(value)
    if PLACEHOLDER in text or (len(text) <= MAX_QUANTITY and QUANTITY.fullmatch(text)):
        return ""
    return f"Invalid value: {shown(value)} is not a quantity. Write it like 2, 500m or 4Gi."


def _int_or_string(value: Any) -> str:
    return "" if isinstance(value, str) else _integer(-(2**31), 2**31 - 1)(value)


def _time(value: Any) -> str:
    if isinstance(value, str) and (PLACEHOLDER in value or _TIME.fullmatch(value)):
        return ""
    return _mismatch("a time", value, 'Write it like "2030-01-31T12:00:00Z".')


def _anything(_: Any) -> str:
    return ""


SCALARS: Mapping[str, Callable[[Any], str]] = MappingProxyType(
    {
        "string": must_be_string,
        "boolean": _boolean,
        "int32": _integer(-(2**31), 2**31 - 1),
        "int64": _integer(-(2**63), 2**63 - 1),
        "quantity": _quantity,
        "intOrString": _int_or_string,
        "time": _time,
        "any": _anything,
    }
)
"""Scalar type -> check: a value -> its error, "" if it is valid."""
