"""Decoding of the objects that kubectl sends as protobuf, such as those of `kubectl create namespace|quota|configmap`.

A table of field numbers (from the generated.proto files of k8s.io/api) replaces generated code. Responses are always
JSON, which the same clients accept.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

from localkube.apiserver.errors import BadRequest, UnsupportedMediaType

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

Object = dict[str, Any]
Reader = Callable[[Any], Any]
Message = dict[int, tuple[str, Reader]]


class Repeated:
    """A list of values."""

    def __init__(self, read: Reader) -> None:
        self.read = read


class Mapped:
    """A map from strings to values."""

    def __init__(self, read: Reader) -> None:
        self.read = read


def _text(data: bytes) -> str:
    return data.decode()


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _flag(value: int) -> bool:
    return bool(value)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004 - the last byte has its top bit clear
            return value, at


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield tag >> 3, value
        elif wire == _BYTES:
            size, at = _varint(data, at)
            if at + size > len(data):
                raise IndexError("truncated")
            yield tag >> 3, data[at : at + size]
            at += size
        elif wire in (_FIXED64, _FIXED32):
            at += 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire}")


def _reader(message: dict[int, tuple[str, Any]]) -> Reader:
    def read(data: bytes) -> Object:
        found: Object = {}
        for number, value in _fields(data):
            if number not in message:
                continue
            name, kind = message[number]
            if isinstance(kind, Repeated):
                found.setdefault(name, []).append(kind.read(value))
            elif isinstance(kind, Mapped):
                entry = dict(_fields(value))
                found.setdefault(name, {})[_text(entry.get(1, b""))] = kind.read(entry.get(2, b""))
            else:
                part = kind(value)
                if part not in ("", {}):
                    found[name] = part
        return found

    return read


def _quantity(data: bytes) -> str:
    return _text(dict(_fields(data)).get(1, b"0"))


_META = _reader(
    {
        1: ("name", _text),
        2: ("generateName", _text),
        3: ("namespace", _text),
        11: ("labels", Mapped(_text)),
        12: ("annotations", Mapped(_text)),
        14: ("finalizers", Repeated(_text)),
    }
)
_PRECONDITIONS = _reader({1: ("uid", _text), 2: ("resourceVersion", _text)})
_DELETE_OPTIONS = _reader(
    {1: ("gracePeriodSeconds", int), 2: ("preconditions", _PRECONDITIONS), 4: ("propagationPolicy", _text)}
)
_RESOURCE_ATTRIBUTES = _reader(
    {
        1: ("namespace", _text),
        2: ("verb", _text),
        3: ("group", _text),
        4: ("version", _text),
        5: ("resource", _text),
        6: ("subresource", _text),
        7: ("name", _text),
    }
)
_PATH_ATTRIBUTES = _reader({1: ("path", _text), 2: ("verb", _text)})
_REVIEW_SPEC = _reader(
    {1: ("resourceAttributes", _RESOURCE_ATTRIBUTES), 2: ("nonResourceAttributes", _PATH_ATTRIBUTES)}
)
_QUOTA_SPEC = _reader({1: ("hard", Mapped(_quantity)), 2: ("scopes", Repeated(_text))})
_REFERENCE = _reader({1: ("name", _text)})
_KINDS: dict[tuple[str, str], Reader] = {
    ("v1", "Namespace"): _reader({1: ("metadata", _META)}),
    ("v1", "ResourceQuota"): _reader({1: ("metadata", _META), 2: ("spec", _QUOTA_SPEC)}),
    ("v1", "ServiceAccount"): _reader({1: ("metadata", _META), 3: ("imagePullSecrets", Repeated(_REFERENCE))}),
    ("v1", "ConfigMap"): _reader(
        {
            1: ("metadata", _META),
            2: ("data", Mapped(_text)),
            3: ("binaryData", Mapped(_encoded)),
            4: ("immutable", _flag),
        }
    ),
    ("v1", "Secret"): _reader(
        {
            1: ("metadata", _META),
            2: ("data", Mapped(_encoded)),
            3: ("type", _text),
            4: ("stringData", Mapped(_text)),
            5: ("immutable", _flag),
        }
    ),
    ("v1", "DeleteOptions"): _DELETE_OPTIONS,
    ("policy/v1", "Eviction"): _reader({1: ("metadata", _META), 2: ("deleteOptions", _DELETE_OPTIONS)}),
    ("authorization.k8s.io/v1", "SelfSubjectAccessReview"): _reader(
        {1: ("metadata", _META), 2: ("spec", _REVIEW_SPEC)}
    ),
}


def decode(data: bytes) -> Object:
    """Decode the object in a protobuf body. Raises UnsupportedMediaType for other kinds, BadRequest for damaged bytes."""
    if not data.startswith(_MAGIC):
        raise BadRequest("the body of the request is not an object in Kubernetes' protobuf encoding")
    try:
        envelope = dict(_fields(data[len(_MAGIC) :]))
        types = {number: _text(value) for number, value in _fields(envelope.get(1, b""))}
        api_version, kind = types.get(1, ""), types.get(2, "")
        reader = _KINDS.get((api_version, kind))
        if reader is None:
            raise UnsupportedMediaType(
                f"this server does not read {api_version} {kind} from protobuf; "
                "send it as JSON or YAML, as `kubectl apply -f` does"
            )
        body: Object = reader(envelope.get(2, b""))
    except (IndexError, ValueError, TypeError, AttributeError) as error:
        raise BadRequest(f"the body of the request cannot be decoded: {error}") from error
    return {"apiVersion": api_version, "kind": kind, **body}
