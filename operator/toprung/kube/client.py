"""Wraps the Kubernetes API for the operator: plain dicts in and out, errors of `toprung.errors`."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from toprung.errors import AlreadyExists, ClusterUnavailable, NotFound
from toprung.kube.auth import log_in
from toprung.kube.http_errors import error_of, translated
from toprung.kube.resources import EVENTS, PODS, Resource
from toprung.kube.transport import APPLY_PATCH, MERGE_PATCH, Transport
from toprung.objects.events import Event, event_object
from toprung.timestamps import timestamp

KubernetesObject = dict[str, Any]

FIELD_MANAGER = "toprung"
"""The field manager of `apply`."""

_FIRST_PAGE = 20
"""Objects of the first page of a list."""
_PAGE_BYTES = 512 * 1024
"""Size of the further pages. A page is decoded at once, and the event loop is blocked meanwhile: about 10 ms."""
_LARGEST_PAGE = 500
"""Objects."""
_WATCH_SECONDS = 300
"""Seconds that the server keeps a watch open; it then ends normally and is continued."""
_WATCH_SILENCE = 150.0
"""Seconds without an event or a bookmark (servers send one a minute) after which a watch counts as broken."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list; all parts of one list have the same `resource_version`."""

    items: tuple[KubernetesObject, ...]
    resource_version: str


async def connect(kubeconfig: Path | None = None, context: str | None = None) -> "KubeClient":
    """Log in to the cluster that `log_in` finds; no request is sent yet.

    Raises:
        ClusterUnavailable: there is no kubeconfig and no service account.
    """
    return KubeClient(Transport(await log_in(kubeconfig=kubeconfig, context=context)))


class KubeClient:
    """Reads and writes of Kubernetes objects.

    Every method raises a `ClusterError` whose class determines the reaction, never the client library's own errors.
    One client serves one event loop; its methods may be called concurrently.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End every request and stream."""
        await self._transport.close()

    async def get(self, resource: Resource, *, namespace: str | None, name: str) -> KubernetesObject:
        """Read one object; `namespace` is None for those that have none."""
        answer: KubernetesObject = await self._transport.request("GET", resource.path(namespace, name))
        return answer

    async def list(
        self, resource: Resource, *, namespace: str | None = None, label_selector: str = "", field_selector: str = ""
    ) -> AsyncGenerator[Page]:
        """Yield the newest state of a collection, in pages; of all namespaces where none is given."""
        query = _present(labelSelector=label_selector, fieldSelector=field_selector, limit=_FIRST_PAGE)
        while True:
            content = await self._transport.read(resource.path(namespace), query=query)
            answer = _decoded_page(content, resource.path(namespace))
            query["limit"] = page_limit(len(answer.get("items") or ()), len(content))
            metadata = answer["metadata"]
            yield Page(tuple(answer.get("items") or ()), metadata["resourceVersion"])
            if not metadata.get("continue"):
                return
            query["continue"] = metadata["continue"]

    async def create(self, resource: Resource, *, namespace: str | None, body: Mapping[str, Any]) -> KubernetesObject:
        """Create an object, and return it as the server stored it.

        Raises:
            AlreadyExists: with a deterministic name, an earlier call created it.
        """
        answer: KubernetesObject = await self._transport.request("POST", resource.path(namespace), body=body)
        return answer

    async def patch(
        self, resource: Resource, *, namespace: str | None, name: str, body: Mapping[str, Any], subresource: str = ""
    ) -> KubernetesObject:
        """Merge `body` into an object (RFC 7386: null removes, lists are replaced), and return the whole as stored.

        Raises:
            Conflict: `body` has a metadata.resourceVersion that is not the newest.
        """
        path = resource.path(namespace, name, subresource)
        answer: KubernetesObject = await self._transport.request("PATCH", path, body=body, content_type=MERGE_PATCH)
        return answer

    async def apply(
        self, resource: Resource, *, namespace: str | None, name: str, body: Mapping[str, Any]
    ) -> KubernetesObject:
        """Create or update an object by server-side apply, with the field manager of the command line.

        Fields of an earlier `body` that this one lacks are removed; fields of other managers stay.
        """
        answer: KubernetesObject = await self._transport.request(
            "PATCH",
            resource.path(namespace, name),
            query={"fieldManager": FIELD_MANAGER, "force": "true"},
            body=body,
            content_type=APPLY_PATCH,
        )
        return answer

    async def resource_of(self, api_version: str, kind: str) -> tuple[Resource, bool]:
        """Return which collection a kind lies in, and whether it is namespaced.

        Raises:
            NotFound: the server has no such kind.
        """
        group, _, version = api_version.rpartition("/")
        root = f"/apis/{group}/{version}" if group else f"/api/{version}"
        answer = await self._transport.request("GET", root)
        for served in answer["resources"]:
            if served["kind"] == kind and "/" not in served["name"]:
                return Resource(group, version, served["name"]), served["namespaced"]
        raise NotFound(f"the cluster has no kind {kind} in {api_version}", status=404, reason="NotFound")

    async def delete(
        self,
        resource: Resource,
        *,
        namespace: str | None,
        name: str,
        uid: str | None = None,
        grace_seconds: int | None = None,
    ) -> None:
        """Request an object's deletion; its dependents are deleted in the background.

        Args:
            resource: the kind of object.
            namespace: of the object.
            name: of the object.
            uid: delete only the object of this UID, not a later one of the same name.
            grace_seconds: how long a Pod may take to end; unset: the grace period of the Pod.

        Raises:
            NotFound: it is already deleted.
            Conflict: the object of that name has another UID.
        """
        options: dict[str, Any] = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        await self._transport.request("DELETE", resource.path(namespace, name), body=options)

    async def watch(
        self, resource: Resource, *, namespace: str | None = None, label_selector: str = "", resource_version: str
    ) -> AsyncGenerator[KubernetesObject]:
        """Yield the events after `resource_version` as {type, object}, bookmarks too, until the server ends the watch.

        Raises:
            ClusterError: an ERROR event, a broken or silent connection, a line that is no JSON: list again.
        """
        query = _present(
            watch="true",
            allowWatchBookmarks="true",
            labelSelector=label_selector,
            resourceVersion=resource_version,
            timeoutSeconds=_WATCH_SECONDS,
        )
        path = resource.path(namespace)
        async with aclosing(self._transport.stream(path, query=query, silence=_WATCH_SILENCE)) as chunks:
            async for line in _lines(chunks):
                event = _decoded(line, path)
                if event["type"] == "ERROR":
                    raise error_of(event["object"])
                yield event

    async def log(
        self,
        *,
        namespace: str,
        pod: str,
        container: str,
        since: datetime | None = None,
        follow: bool = True,
        timestamps: bool = True,
        tail: int | None = None,
    ) -> AsyncGenerator[bytes]:
        """Yield a container's log in pieces as they come, cut anywhere; ends when the container has ended.

        Args:
            namespace: of the Pod.
            pod: its name.
            container: one of its containers.
            since: leave out what is older; the API counts in whole seconds, so lines of the same second come again.
            follow: wait for more until the container ends.
            timestamps: begin each line with the time at which it was written (RFC 3339).
            tail: only so many of the last lines.

        Raises:
            Rejected: the container has not started yet.
            NotFound: the Pod is deleted.
            ClusterUnavailable: the connection broke; follow again from the last timestamp.
        """
        since_time = timestamp(since) if since else ""
        query = _present(
            container=container,
            follow="true" if follow else "",
            timestamps="true" if timestamps else "",
            sinceTime=since_time,
            tailLines="" if tail is None else str(tail),
        )
        async with aclosing(self._transport.stream(PODS.path(namespace, pod, "log"), query=query)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def emit(self, event: Event, *, now: datetime) -> None:
        """Create a Kubernetes Event; one that already exists was emitted before."""
        with suppress(AlreadyExists):
            await self.create(EVENTS, namespace=event.involved["namespace"], body=event_object(event, now))


def _decoded(line: bytes, path: str) -> KubernetesObject:
    with translated(f"watch of {path}"):
        event = json.loads(line)
    if not (isinstance(event, dict) and "type" in event and isinstance(event.get("object"), dict)):
        raise ClusterUnavailable(f"watch of {path}: {line[:80]!r} is no event")
    return event


def page_limit(items: int, size: int) -> int:
    """Return how many objects to request next, after a page with so many objects and bytes."""
    return max(1, min(_LARGEST_PAGE, _PAGE_BYTES * max(1, items) // max(1, size)))


def _decoded_page(content: bytes, path: str) -> KubernetesObject:
    with translated(f"list of {path}"):
        page: KubernetesObject = json.loads(content)
    return page


def _present(**query: str | int) -> dict[str, str | int]:
    return {name: value for name, value in query.items() if value != ""}


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Cut a stream at its newlines; a last line without one is incomplete, so it is dropped."""
    parts: list[bytes] = []
    async for chunk in chunks:
        *lines, rest = chunk.split(b"\n")
        if lines:
            lines[0] = b"".join((*parts, lines[0]))
            parts.clear()
        parts.append(rest)
        for line in lines:
            if line:
                yield line
