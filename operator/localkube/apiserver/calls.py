"""A decoded request on a resource, and the two forms of its response."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from localkube.apiserver.errors import BadRequest
from localkube.apiserver.registry import Kind
from localkube.apiserver.requests import Representation, RequestInfo

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished response; `warnings` go into Warning headers."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stream:
    """A response that goes on; one that `may_refuse` can still raise an ApiError in place of its first chunk."""

    chunks: AsyncIterator[bytes]
    content_type: str = "application/json"
    may_refuse: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One request on a resource, decoded."""

    info: RequestInfo
    kind: Kind
    wants: Representation
    content_type: str = ""
    body: Any = None
    warnings: list[str] = field(default_factory=list)

    @property
    def query(self) -> Mapping[str, str]:
        """The query's parameters."""
        return self.info.query

    @property
    def namespace(self) -> str | None:
        """The namespace in the URL, None for all or for what has none."""
        return self.info.namespace if self.kind.namespaced else None

    @property
    def dry_run(self) -> bool:
        """Whether nothing may be kept."""
        return self.query.get("dryRun", "") not in ("", "None")


def number(call: Call, name: str) -> int | None:
    """An integer in the query, None where there is none. Raises BadRequest."""
    text = call.query.get(name)
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise BadRequest(f'{name}: Invalid value: "{text}": must be an integer') from None


def deletion_options(call: Call, options: Object) -> dict[str, Any]:
    """Return the arguments of `Store.delete` from DeleteOptions and the query. Raises BadRequest."""
    grace = options.get("gracePeriodSeconds", number(call, "gracePeriodSeconds"))
    if grace is not None and grace < 0:
        grace = 1  # as a real server treats it
    preconditions = options.get("preconditions") or {}
    return {
        "grace": grace,
        "propagation": options.get("propagationPolicy") or call.query.get("propagationPolicy") or "Background",
        "uid": preconditions.get("uid"),
        "version": preconditions.get("resourceVersion"),
        "dry_run": call.dry_run or bool(options.get("dryRun")),
    }
