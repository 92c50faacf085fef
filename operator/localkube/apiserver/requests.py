"""Parsing of requests (path, query, headers and body), independent of the HTTP library."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from localkube.apiserver import protobuf
from localkube.apiserver.errors import BadRequest, NotFound, UnsupportedMediaType


class _Loader(yaml.SafeLoader):
    """Reads YAML as JSON: no dates, 1e-06 is a number, and no aliases, which can expand a short text to a huge object."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as PyYAML declares it
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose a node. Raises ComposerError for an alias."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases are not accepted: write the value out", mark)
        return super().compose_node(parent, index)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)
_DEEPEST = 128
_JSON_TYPES = frozenset({"application/json", "application/yaml", ""})
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """A request as audit and fault injection receive it. `resource` is the plural in the URL, or empty."""

    verb: str
    method: str
    path: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str | None = None
    name: str = ""
    user_agent: str = ""
    query: Mapping[str, str] = field(default_factory=dict)

    def flag(self, name: str) -> bool:
        """Return whether a query parameter is true."""
        return self.query.get(name, "") in ("true", "1", "True")


def parse(method: str, path: str, query: Mapping[str, str], user_agent: str) -> RequestInfo:
    """Parse a request line. Paths outside /api/v1 and /apis/GROUP/VERSION have no resource."""
    parts = [part for part in path.split("/") if part]
    plain = RequestInfo(verb=method.lower(), method=method, path=path, user_agent=user_agent, query=query)
    if len(parts) > 2 and parts[0] == "api":  # noqa: PLR2004 - /api/v1/RESOURCE
        group, version, rest = "", parts[1], parts[2:]
    elif len(parts) > 3 and parts[0] == "apis":  # noqa: PLR2004 - /apis/GROUP/VERSION/RESOURCE
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return plain
    namespace = None
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):  # noqa: PLR2004
        namespace, rest = rest[1], rest[2:]
    if len(rest) > 3:  # noqa: PLR2004 - RESOURCE/NAME/SUBRESOURCE
        raise NotFound("the server could not find the requested resource")
    resource, name, subresource = (*rest, "", "")[:3]
    return RequestInfo(
        verb=_verb(method, name, query),
        method=method,
        path=path,
        group=group,
        version=version,
        resource=resource,
        subresource=subresource,
        namespace=namespace,
        name=name,
        user_agent=user_agent,
        query=query,
    )


def _verb(method: str, name: str, query: Mapping[str, str]) -> str:
    if method == "DELETE" and not name:
        return "deletecollection"
    if method != "GET":
        return _VERBS.get(method, method.lower())
    if query.get("watch") in ("true", "1"):
        return "watch"
    return "get" if name else "list"


def body(content_type: str, data: bytes) -> Any:
    """Parse the body of a request to JSON.

    Raises UnsupportedMediaType for CBOR and most protobuf, BadRequest for a malformed body.
    """
    media = content_type.partition(";")[0].strip()
    if media == protobuf.MEDIA_TYPE:
        return protobuf.decode(data)
    if media not in _JSON_TYPES and not media.endswith(("+json", "+yaml")):
        raise UnsupportedMediaType(
            f"the body of the request was in an unknown format - accepted media types include: application/json, "
            f"application/yaml; got {media!r}"
        )
    try:
        return _checked(_parsed(data, as_yaml=media.endswith("yaml")))
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise BadRequest(f"the object provided is unrecognized: {error}") from error


def _parsed(data: bytes, *, as_yaml: bool) -> Any:
    if not data:
        return None
    try:
        value = json.loads(data, parse_constant=_not_json)
    except ValueError:
        if not as_yaml:
            raise
        value = yaml.load(data, _Loader)  # noqa: S506 - a SafeLoader
    if b"\\u" not in data:
        return value
    text = json.dumps(value, ensure_ascii=False).encode(errors="replace")
    return json.loads(text)  # unpaired surrogates are replaced


def _not_json(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")


def _checked(value: Any) -> Any:
    """Return the value if it is JSON of a bounded depth. Raises ValueError."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [part for item in level for part in _parts(item)]
        if not level:
            return value
    raise ValueError(f"exceeded max depth of {_DEEPEST}")


def _parts(item: Any) -> Iterable[Any]:
    if isinstance(item, dict):
        if not all(isinstance(key, str) for key in item):
            raise ValueError("a key that is not a string")
        return item.values()
    if isinstance(item, list):
        return item
    if isinstance(item, float) and not math.isfinite(item):
        raise ValueError("a number out of range")
    if item is not None and not isinstance(item, str | int | float):
        raise ValueError(f"{item!r} is not a JSON value")
    return ()


@dataclass(frozen=True, slots=True)
class Representation:
    """The representation that a client requests: `as_` is empty for whole objects, Table, or
    PartialObjectMetadata[List].
    """

    as_: str = ""
    group: str = ""
    version: str = ""


def accepted(header: str) -> Representation:
    """Return the first representation in an Accept header that is served."""
    for choice in header.split(","):
        media, *pairs = (part.strip() for part in choice.split(";"))
        parameters = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        if media in ("application/json", "*/*", "application/*", ""):
            if not parameters.get("as"):
                return Representation()
            if (
                parameters["as"] in ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")
                and parameters.get("v") == "v1"
            ):
                return Representation(parameters["as"], parameters.get("g", ""), parameters["v"])
            if parameters["as"] == "APIGroupDiscoveryList" and parameters.get("v") == "v2":
                return Representation(parameters["as"], parameters.get("g", ""), parameters["v"])
    return Representation()
