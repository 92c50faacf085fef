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
    """A complete response; `warnings` become Warning headers."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stream:
    """A streamed response. With `may_refuse`, an ApiError can still replace it before its first chunk."""

    chunks: AsyncIterator[bytes]
    content_type: str = "application/json"
    may_refuse: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One decoded request on a resource."""

    info: RequestInfo
    kind: Kind
    wants: Representation
    content_type: str = ""
    body: Any = None
    warnings: list[str] = field(default_factory=list)

    @property
    def query(self) -> Mapping[str, str]:
        """Return the parameters of the query."""
        return self.info.query

    @property
    def namespace(self) -> str | None:
        """Return the namespace in the URL; None for all namespaces and for kinds without one."""
        return self.info.namespace if self.kind.namespaced else None

    @property
    def dry_run(self) -> bool:
        """Return whether the write must not be stored."""
        return self.query.get("dryRun", "") not in ("", "None")


def number(call: Call, name: str) -> int | None:
    """Return an integer from the query, None where it is missing. Raises BadRequest."""
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
