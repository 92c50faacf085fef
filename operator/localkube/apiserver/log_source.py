"""The interface through which the API server reads the logs of Pods. The node implements it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from localkube.apiserver import formats
from localkube.apiserver.errors import BadRequest


@dataclass(frozen=True, slots=True)
class LogQuery:
    """The options of `GET .../pods/NAME/log` (core/v1 PodLogOptions)."""

    container: str = ""
    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    since_seconds: int | None = None
    since_time: datetime | None = None
    tail_lines: int | None = None
    limit_bytes: int | None = None


class LogSource(Protocol):
    """Provides the logs of Pods."""

    def read(self, pod: dict[str, Any], query: LogQuery) -> AsyncIterator[bytes]:
        """Return the log in chunks of whole lines; with `follow` until the container has ended. Raises ApiError before
        the first chunk.
        """
        ...


def parse_query(query: Mapping[str, str]) -> LogQuery:
    """Parse the options in the query of a request. Raises BadRequest for an invalid value."""

    def number(name: str) -> int | None:
        return int(query[name]) if query.get(name) else None

    try:
        return LogQuery(
            container=query.get("container", ""),
            follow=query.get("follow") == "true",
            previous=query.get("previous") == "true",
            timestamps=query.get("timestamps") == "true",
            since_seconds=number("sinceSeconds"),
            since_time=formats.timestamp(query["sinceTime"]) if query.get("sinceTime") else None,
            tail_lines=number("tailLines"),
            limit_bytes=number("limitBytes"),
        )
    except ValueError as error:
        raise BadRequest(f"invalid log option: {error}") from error
