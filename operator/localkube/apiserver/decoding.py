"""Strict decoding of built-in kinds, as in a real API server: null is absent, unknown fields are dropped and reported.

The types are those of the client library's models, which are generated from Kubernetes' own OpenAPI. The messages are
those of Go's encoding/json, which names the innermost struct and the path without indices.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from kubernetes.aio.client import models

from localkube.apiserver.errors import BadRequest
from localkube.apiserver.registry import Kind
from podspec import quantities

Object = dict[str, Any]
_METADATA = "V1ObjectMeta"
_QUANTITY, _PORT, _SCHEMA = "Quantity", "IntOrString", "JSONSchemaPropsOrBool"
_SCHEMA_MODEL = "V1JSONSchemaProps"
_SCALARS: Mapping[str, tuple[type, ...]] = {"str": (str,), "bool": (bool,), "int": (int,), "float": (int, float)}
_ZEROS: Mapping[str, Any] = {"str": "", "bool": False, "int": 0, "float": 0, _QUANTITY: "0", _PORT: 0, "bytes": ""}
_QUANTITIES = frozenset({"sizeLimit", "divisor"})
_QUANTITY_MAPS = frozenset(
    {"limits", "requests", "overhead", "hard", "used", "capacity", "allocatable", "allocatedResources"}
)
_LOOSE = {"port": _PORT, "targetPort": _PORT} | dict.fromkeys(
    ("items", "additionalProperties", "additionalItems"), _SCHEMA
)
"""Fields that the models call object and the server does not take as they come."""
_NAMED_STRINGS = {"dnsPolicy": "v1.DNSPolicy", "imagePullPolicy": "v1.PullPolicy", "uid": "types.UID"}
_LONG = frozenset(
    {
        "activeDeadlineSeconds", "terminationGracePeriodSeconds", "deletionGracePeriodSeconds", "gracePeriodSeconds",
        "generation", "observedGeneration", "runAsUser", "runAsGroup", "fsGroup", "supplementalGroups",
        "tolerationSeconds", "expirationSeconds", "seconds",
    }
)  # fmt: skip
"""Fields of 64 bits; all other integers have 32."""
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})")
_GO_NAMES: Mapping[str, str] = {"str": "string", "float": "float64", "bytes": "[]uint8", "datetime": "v1.Time"}
_SHOWN_UNKNOWN = 20


class _Mismatch(Exception):
    """A value of the wrong type for its field; the message is that of a real server."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """An object reduced to the known fields of its type, and the paths of the unknown ones."""

    object: Object
    unknown: tuple[str, ...] = ()


def decode(kind: Kind, obj: Object) -> Decoded:
    """Decode an object of a built-in kind, or the metadata of a custom one. Raises BadRequest."""
    model = _METADATA if kind.custom else _model(kind)
    reader = _Reader()
    try:
        if not kind.custom:
            decoded = reader.struct(model, obj, ())
        else:
            decoded = {**obj, "metadata": reader.struct(model, obj["metadata"], ("metadata",))}
    except _Mismatch as error:
        raise BadRequest(
            f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {error}'
        ) from error
    return Decoded(decoded, tuple(reader.unknown[:_SHOWN_UNKNOWN]))


def decode_as(name: str, value: Any) -> Object:
    """Decode the body of a subresource or an option, such as `DeleteOptions`; null is empty. Raises BadRequest."""
    try:
        return _Reader().struct(f"V1{name}", {} if value is None else value, ())
    except _Mismatch as error:
        raise BadRequest(f"couldn't get version/kind; {name} cannot be decoded: {error}") from error


def _model(kind: Kind) -> str:
    if kind.kind == "Event":
        return "EventsV1Event" if kind.group else "CoreV1Event"
    return f"V1{kind.kind}"


@cache
def _fields(model: str) -> Mapping[str, str]:
    """Return the type of each field of a model, by its name in JSON."""
    source = getattr(models, model)
    names: Mapping[str, str] = source.attribute_map
    return {names[attribute]: _refined(names[attribute], text) for attribute, text in source.openapi_types.items()}


def _refined(name: str, text: str) -> str:
    """Return the type of a field, refined where the models use str or object for several types."""
    if name in _QUANTITY_MAPS and text == "Dict[str, str]":
        return f"Dict[str, {_QUANTITY}]"
    if name in _QUANTITIES:
        return _QUANTITY
    if text == "object":
        return _LOOSE.get(name, text)
    return text


def _go_type(text: str, name: str) -> str:
    if text == f"Dict[str, {_QUANTITY}]":
        return "v1.ResourceList"
    if text.startswith("List["):
        return "[]" + _go_type(text[5:-1], name)
    if text.startswith("Dict["):
        return "map[string]" + _go_type(text[10:-1], name)
    if text == "int":
        return "int64" if name in _LONG else "int32"
    if text == "str" and name in _NAMED_STRINGS:
        return _NAMED_STRINGS[name]
    return _GO_NAMES.get(text) or (f"v1.{_struct(text)}" if hasattr(models, text) else text)


def _struct(model: str) -> str:
    return re.sub("^(Core|Events)?V1", "", model)


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object" if isinstance(value, dict) else "number"


Path = tuple[str | int, ...]


def _indexed(path: Iterable[str | int]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)[1:]


@dataclass(slots=True)
class _Reader:
    """Decodes an object along its type. `owner` is the innermost struct, which messages name."""

    unknown: list[str] = field(default_factory=list)
    owner: str = ""

    def struct(self, model: str, value: Any, path: Path) -> Object:
        """Return the known fields of a struct, without those that are null."""
        if not isinstance(value, dict):
            raise self._mismatch(model, value, path)
        fields, outer = _fields(model), self.owner
        self.owner = _struct(model)
        result = {}
        for name, part in value.items():
            if name not in fields:
                self.unknown.append(_indexed((*path, name)))
            elif part is not None:
                result[name] = self._value(fields[name], part, (*path, name))
        self.owner = outer
        return result

    def _value(self, text: str, value: Any, path: Path) -> Any:
        if text == "object":
            return value
        if text.startswith("List["):
            return self._list(text, value, path)
        if text.startswith("Dict["):
            return self._map(text, value, path)
        if text == _SCHEMA:
            return value if isinstance(value, bool) else self.struct(_SCHEMA_MODEL, value, path)
        if text in _SCALARS:
            return self._scalar(text, value, path)
        special = {_QUANTITY: _quantity, _PORT: _int_or_string, "bytes": _bytes, "datetime": _time}.get(text)
        return special(value) if special else self.struct(text, value, path)

    def _list(self, text: str, value: Any, path: Path) -> list[Any]:
        if not isinstance(value, list):
            raise self._mismatch(text, value, path)
        inner = text[5:-1]
        return [self._item(inner, item, (*path, i)) for i, item in enumerate(value)]

    def _map(self, text: str, value: Any, path: Path) -> Object:
        if not isinstance(value, dict):
            raise self._mismatch(text, value, path)
        inner = text[10:-1]
        return {key: self._item(inner, item, path) for key, item in value.items()}

    def _item(self, text: str, value: Any, path: Path) -> Any:
        """Decode an item of a list or map, in which null is the zero value of the type."""
        if value is not None:
            return self._value(text, value, path)
        return _ZEROS.get(text, [] if text.startswith("List[") else {}) if text != "object" else None

    def _scalar(self, text: str, value: Any, path: Path) -> Any:
        if text == "int" and isinstance(value, float) and value.is_integer():
            value = int(value)  # a real API server stores 60.0 as 60
        if isinstance(value, bool) != (text == "bool") or not isinstance(value, _SCALARS[text]):
            raise self._mismatch(text, value, path)
        bits = 63 if path[-1] in _LONG else 31
        if text == "int" and not -(2**bits) <= value < 2**bits:
            raise self._mismatch(text, value, path, literal=True)
        return value

    def _mismatch(self, text: str, value: Any, path: Path, *, literal: bool = False) -> _Mismatch:
        given = _json_type(value)
        if literal or (given == "number" and text == "int"):
            given = f"number {value}"
        names = [str(part) for part in path if isinstance(part, str)]
        place = f"Go struct field {self.owner}.{'.'.join(names)}" if names else "Go value"
        return _Mismatch(
            f"json: cannot unmarshal {given} into {place} of type {_go_type(text, names[-1] if names else '')}"
        )


def _quantity(value: Any) -> Any:
    try:
        quantities.parse(json.dumps(value) if not isinstance(value, str) else value)
    except ValueError as error:
        raise _Mismatch(str(error)) from error
    return value if isinstance(value, str) else str(value)


def _int_or_string(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _Mismatch(f"json: cannot unmarshal {_json_type(value)} into Go value of type int32")
    return value


def _bytes(value: Any) -> Any:
    if not isinstance(value, str):
        raise _Mismatch(f"json: cannot unmarshal {_json_type(value)} into Go value of type []uint8")
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _Mismatch(f"illegal base64 data: {error}") from error
    return value


def _time(value: Any) -> Any:
    if not isinstance(value, str):
        raise _Mismatch(f"json: cannot unmarshal {_json_type(value)} into Go value of type string")
    try:
        if _TIME.fullmatch(value):
            datetime.fromisoformat(value)
            return value
    except ValueError:
        pass
    raise _Mismatch(f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00": cannot parse "{value}"')
