"""One watch: its start, the changes that it selects, and the frames that it sends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

from localkube import json_utils
from localkube.apiserver.errors import ApiError, BadRequest
from localkube.apiserver.object_selectors import Predicate
from localkube.apiserver.registry import Kind
from localkube.apiserver.representations import Render
from localkube.apiserver.storage import Stored
from localkube.apiserver.store import Store
from localkube.apiserver.watch_history import ObjectChange

Object = dict[str, Any]
_BOOKMARK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """The parameters of a watch. `since` is None for "the current state, then changes"; `render` converts an object to
    JSON.
    """

    kind: Kind
    namespace: str | None
    matches: Predicate
    since: int | None
    initial_events: bool
    bookmarks: bool
    seconds: float
    render: Render


def start_of(version: str, match: str, *, initial: bool | None) -> tuple[int | None, bool]:
    """Return (start version, whether the current state comes first) for a query. Raises BadRequest."""
    if initial and match != "NotOlderThan":
        raise BadRequest(
            "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        )
    if version and not (version.isascii() and version.isdigit()):
        raise BadRequest(f'invalid resource version "{version}": a number that the server gave out is expected')
    present = initial if initial is not None else version in ("", "0")
    if present or not version:
        return None, present
    return int(version), False


def frame(kind: str, data: bytes) -> bytes:
    """Return one line of a watch stream."""
    return b'{"type":"' + kind.encode() + b'","object":' + data + b"}\n"


def _bookmark(kind: Kind, version: int, *, end_of_initial: bool = False) -> bytes:
    metadata: Object = {"resourceVersion": str(version), "creationTimestamp": None}
    if end_of_initial:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    return frame(
        "BOOKMARK", json_utils.dumps({"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata})
    )


def _visible(request: WatchRequest, change: ObjectChange) -> bytes:
    """Return the frame of a change for this watch; empty where the object neither was nor is selected."""
    if request.namespace is not None and change.namespace != request.namespace:
        return b""
    now = change.type != "DELETED" and request.matches(change.object)
    before = change.previous is not None and request.matches(change.previous)
    if now:
        return frame("MODIFIED" if before else "ADDED", request.render(change.object, change.data))
    if not before:
        return b""
    if change.type == "DELETED":
        return frame("DELETED", request.render(change.object, change.data))
    left: Object = change.previous or {}
    left = {**left, "metadata": {**left["metadata"], "resourceVersion": str(change.version)}}
    return frame("DELETED", request.render(left, json_utils.dumps(left)))


def _present(request: WatchRequest, entries: Iterable[Stored]) -> bytes:
    return b"".join(frame("ADDED", request.render(e.object, e.data)) for e in entries if request.matches(e.object))


async def stream(store: Store, request: WatchRequest) -> AsyncIterator[bytes]:
    """Yield the frames of a watch until its timeout. As on a real server, a version that is too old ends it with an
    ERROR frame.
    """
    resource = request.kind.resource
    try:
        version = store.version if request.since is None else request.since
        changes = store.changes(resource, version)
        if request.initial_events:
            yield _present(request, store.entries(resource, request.namespace))
        if request.initial_events and request.bookmarks:
            yield _bookmark(request.kind, version, end_of_initial=True)
        async for frames in _following(request, changes, version):
            yield frames
    except ApiError as error:
        yield frame("ERROR", json_utils.dumps(error.status()))


async def _following(
    request: WatchRequest, changes: AsyncIterator[list[ObjectChange]], seen: int
) -> AsyncIterator[bytes]:
    deadline = asyncio.get_running_loop().time() + request.seconds
    ended: list[ObjectChange] = []
    batch = asyncio.ensure_future(anext(changes, ended))
    try:
        while (left := deadline - asyncio.get_running_loop().time()) > 0:
            done, _ = await asyncio.wait((batch,), timeout=min(left, _BOOKMARK_SECONDS))
            if done and not batch.result():
                return  # the resource is no longer served
            if done:
                frames = b"".join(_visible(request, change) for change in batch.result())
                seen = batch.result()[-1].version
                batch = asyncio.ensure_future(anext(changes, ended))
            else:
                frames = _bookmark(request.kind, seen) if request.bookmarks else b""
            if frames:
                yield frames
    finally:
        batch.cancel()
        await asyncio.gather(batch, return_exceptions=True)
