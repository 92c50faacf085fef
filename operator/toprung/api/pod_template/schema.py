"""Checks the types of the fields of a Pod template.

A server that decodes a Pod answers 400 to a wrong type and drops a field that it does not know. As there, null means
that a field is absent.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from podspec import quantities
from podspec.objects import Unknown
from podspec.types import ObjectType, Type, object_types
from toprung.api.messages import shown, use_quotes
from toprung.errors import FieldError

PLACEHOLDER = "${"
"""A string with a placeholder gets its content later: only its type is checked."""
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})")
_NEAR = 0.85


def check_types(value: Any, kind: str, unknown: list[FieldError]) -> Iterator[FieldError]:
    """Check the types in an object; paths are relative to it.

    Args:
        value: the object as the user wrote it.
        kind: its type, such as PodTemplateSpec.
        unknown: receives the fields that Kubernetes does not know.
    """
    yield from _Walk(object_types(), unknown).object(value, kind, "")


def typed(value: Any, kind: str) -> dict[str, Any]:
    """Return the known fields of an object, without null fields, and with values of the right types.

    Scalars of the wrong type and strings with a placeholder become Unknown, other values of the wrong type empty.
    """
    fields, found = object_types()[kind].fields, value if isinstance(value, dict) else {}
    return {key: _typed(item, fields[key]) for key, item in found.items() if key in fields and item is not None}


def _typed(value: Any, type_: Type) -> Any:
    if type_.container == "list":
        return [_typed_item(item, type_.name) for item in value] if isinstance(value, list) else []
    if type_.container == "map":
        found = value if isinstance(value, dict) else {}
        return {key: "" if item is None else _typed_item(item, type_.name) for key, item in found.items()}
    return _typed_item(value, type_.name)


def _typed_item(value: Any, name: str) -> Any:
    if (check := SCALARS.get(name)) is None:
        return typed(value, name)
    if check(value) or (isinstance(value, str) and PLACEHOLDER in value):
        return Unknown(value if isinstance(value, str) else PLACEHOLDER)
    return value


def is_misspelled(error: FieldError) -> bool:
    """Return whether an unknown field is almost a known one; others may be of a newer Kubernetes."""
    return bool(get_close_matches(error.unknown_name[:64], error.known_names, n=1, cutoff=_NEAR))


@dataclass(frozen=True, slots=True)
class _Walk:
    types: Mapping[str, ObjectType]
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
    fix = use_quotes(value) if isinstance(value, bool | int | float) else "Use one string."
    return _mismatch("a string", value, 'Use "", or remove it.' if value is None else fix)


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
    try:
        quantities.parse("0" if PLACEHOLDER in str(value) else value)
    except ValueError:
        return f"Invalid value: {shown(value)} is not a quantity. Write it like 2, 500m or 4Gi."
    return ""


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
