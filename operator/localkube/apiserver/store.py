"""The objects of the embedded cluster and the rules of their changes. The API server and all controllers share it."""

from __future__ import annotations

import logging
import secrets
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from localkube import json_utils
from localkube.apiserver import admission, crds, deletion
from localkube.apiserver.errors import AlreadyExists, Forbidden, NotFound, about
from localkube.apiserver.formats import stamp
from localkube.apiserver.garbage_collector import GarbageCollector
from localkube.apiserver.quota import Quotas
from localkube.apiserver.registry import BUILT_IN, VIEWS, Kind, Registry
from localkube.apiserver.sqlite_journal import StoreBroken
from localkube.apiserver.storage import Key, Storage, Stored
from localkube.apiserver.watch_history import ObjectChange, follow

Object = dict[str, Any]
Objects = list[Object]
Entries = list[Stored]
Batches = AsyncIterator[list[ObjectChange]]
_log = logging.getLogger(__name__)
_CRDS = "customresourcedefinitions.apiextensions.k8s.io"
_FIRST_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
_LONGEST_GRACE = 10 * 365 * 24 * 3600
_NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


class Store:
    """All objects of the cluster. Synchronous, for the thread of the event loop that serves the API.

    `path` is the SQLite file (`None`: in memory only), `now` returns aware datetimes, `history` is the number of
    changes of each resource that a watch can replay. `expected`: an empty file is an error, since a cluster existed.
    Resources are named `plural[.group]`. Returned objects are shared and must not be changed; arguments are copied.
    Every write of every client passes the same defaulting, validation and quota, and raises an `ApiError` where it is
    rejected.
    """

    def __init__(
        self, path: Path | None, *, now: Callable[[], datetime], history: int = 4096, expected: bool = False
    ) -> None:
        self._now = now
        self._storage = Storage(path, history=history)
        if expected and self._storage.empty:
            self._storage.close()
            raise StoreBroken(path, "the database of this cluster is gone or empty")
        self.registry = Registry()
        self._pending: deque[ObjectChange] = deque()
        self._settling = False
        for kind in BUILT_IN + VIEWS:
            self.registry.add(kind, stored=kind not in VIEWS)
        for stored in self._storage.all(_CRDS):
            _isolated(self._serve, stored.object)
        self._quotas = Quotas(self)
        self._collector = GarbageCollector(self, self._storage)
        for name in _FIRST_NAMESPACES:
            if not self.exists("namespaces", None, name):
                self.create("namespaces", {"metadata": {"name": name}})
        self._collector.resume()
        for quota in self._storage.all("resourcequotas"):
            _isolated(self._quotas.refresh, quota.object["metadata"]["namespace"])

    @property
    def version(self) -> int:
        """Return the newest resourceVersion."""
        return self._storage.version

    def get(self, resource: str, namespace: str | None, name: str) -> Object:
        """Return one object, read-only. Raises NotFound."""
        return self.entry(resource, namespace, name).object

    def exists(self, resource: str, namespace: str | None, name: str) -> bool:
        """Return whether an object of this name exists."""
        return self._storage.get(Key(resource, namespace or "", name)) is not None

    def entry(self, resource: str, namespace: str | None, name: str) -> Stored:
        """Return one object with its JSON. Raises NotFound."""
        stored = self._storage.get(Key(resource, namespace or "", name))
        if stored is None:
            self.registry.stored(resource)
            raise NotFound(f'{resource} "{name}" not found', details=about(resource, name))
        return stored

    def list(self, resource: str, namespace: str | None = None) -> tuple[Objects, int]:
        """Return all objects of a resource, read-only, and the version of this list."""
        return [stored.object for stored in self.entries(resource, namespace)], self.version

    def entries(self, resource: str, namespace: str | None = None) -> Entries:
        """Return all objects of a resource with their JSON; `None` means all namespaces."""
        self.registry.stored(resource)
        return self._storage.all(resource, namespace)

    async def subscribe(
        self, resource: str, namespace: str | None = None, since: int | None = None
    ) -> AsyncIterator[tuple[str, Object]]:
        """Yield (ADDED | MODIFIED | DELETED, object) for every change after version `since`, by default from now on.

        Raises Gone when that version is too old, immediately or when the reader falls too far behind. List again.
        """
        async for batch in self.changes(resource, self.version if since is None else since):
            for change in batch:
                if namespace is None or change.namespace == namespace:
                    yield change.type, change.object

    def changes(self, resource: str, since: int) -> Batches:
        """Return batches of changes of a resource after a version. Raises Gone."""
        self.registry.stored(resource)
        history = self._storage.history(resource)
        return follow(history, history.position(since))

    def create(self, resource: str, obj: Object, *, dry_run: bool = False) -> Object:
        """Add an object. Raises AlreadyExists, Invalid, Forbidden (quota, terminating namespace) or NotFound
        (namespace).
        """
        kind = self.registry.stored(resource)
        new = json_utils.clone(obj)
        metadata = new.setdefault("metadata", {})
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"][:58] + "".join(secrets.choice(_NAME_ALPHABET) for _ in range(5))
        admission.identify(kind, new, uid=str(uuid.uuid4()), now=self._stamp())
        key = admission.key_of(kind, new)
        self._check_namespace(kind, key)
        if self._storage.get(key) is not None:
            shown = kind.qualified
            raise AlreadyExists(f'{shown} "{key.name}" already exists', details=about(resource, key.name))
        admission.admit_create(kind, new)
        self._quotas.charge(kind, key.namespace, new, None)
        return new if dry_run else self._commit(key, new)

    def update(self, resource: str, obj: Object, *, subresource: str = "", dry_run: bool = False) -> Object:
        """Replace an object or one part of it: subresource `status`, `binding` (a Pod's node), or all except the
        status.

        Raises Conflict when `metadata.resourceVersion` or `uid` are set and differ from the stored object's. An update
        that changes nothing keeps the version.
        """
        kind = self.registry.stored(resource)
        new = json_utils.clone(obj)
        key = admission.key_of(kind, new)
        old = self.entry(*key).object
        admission.check_preconditions(kind, old, new["metadata"])
        merged = admission.admit_update(kind, old, new, subresource)
        if merged == old:
            return old
        self._quotas.charge(kind, key.namespace, merged, old)
        if dry_run:
            return merged
        return self._commit_or_remove(key, merged)

    def patch(self, resource: str, namespace: str | None, name: str, patch: Object, *, subresource: str = "") -> Object:
        """Apply a merge patch (RFC 7396) to an object, or to one subresource of it."""
        merged = json_utils.merge(self.get(resource, namespace, name), patch)
        return self.update(resource, merged, subresource=subresource)

    def delete(
        self,
        resource: str,
        namespace: str | None,
        name: str,
        *,
        grace: int | None = None,
        propagation: str = "Background",
        uid: str | None = None,
        version: str | None = None,
        dry_run: bool = False,
    ) -> Object | None:
        """Delete an object, or mark it for deletion where finalizers, a grace period or contents delay it.

        `grace` is in seconds (by default the Pod's own; 0 removes it immediately); `propagation` is Background,
        Foreground or Orphan. Returns the marked object, None when it is gone. Raises NotFound, or Conflict when `uid`
        or `version` differ.
        """
        key = Key(resource, namespace or "", name)
        kind, old = self.registry.stored(resource), self.entry(resource, namespace, name).object
        admission.check_preconditions(kind, old, {"uid": uid, "resourceVersion": version})
        if kind.resource == "namespaces" and name in _FIRST_NAMESPACES[:3]:
            text = f'namespaces "{name}" is forbidden: this namespace may not be deleted'
            raise Forbidden(text, details=about(resource, name))
        marked = deletion.mark(kind, old, self._stamp, grace=grace, propagation=propagation)
        if dry_run or marked == old:
            return old
        if propagation == "Orphan":
            self._collector.orphan(old["metadata"]["uid"])
        self._commit_or_remove(key, marked)
        left = self._storage.get(key)
        return left.object if left and left.object["metadata"]["uid"] == old["metadata"]["uid"] else None

    def close(self) -> None:
        """Close the file. The Store cannot be used afterwards."""
        self._storage.close()

    def remove_if_released(self, key: Key) -> None:
        """Remove an object that is marked for deletion when nothing delays it any more."""
        stored = self._storage.get(key)
        if stored is not None and deletion.is_released(key, stored.object, self._storage):
            self._remove(key, stored.object)

    def _commit_or_remove(self, key: Key, obj: Object) -> Object:
        if deletion.is_released(key, obj, self._storage):
            return self._remove(key, obj)
        return self._commit(key, obj)

    def _commit(self, key: Key, obj: Object) -> Object:
        change = self._storage.put(key, obj)
        self._settle(change)
        return obj

    def _remove(self, key: Key, obj: Object) -> Object:
        last = {**obj, "metadata": dict(obj["metadata"])}
        self._settle(self._storage.drop(key, last))
        return last

    def _settle(self, change: ObjectChange) -> None:
        """Run the cluster's own controllers on a change, one change after the other, never nested."""
        self._pending.append(change)
        if self._settling:
            return
        self._settling = True
        try:
            while self._pending:
                self._react(self._pending.popleft())
        finally:
            self._settling = False

    def _react(self, change: ObjectChange) -> None:
        if change.resource == _CRDS:
            if change.type == "DELETED":
                self.registry.remove(change.name)
                self._storage.retire(change.name)
            else:
                self._serve(change.object)
        self._quotas.react(change)
        self._collector.react(change)

    def _serve(self, crd: Object) -> None:
        self.registry.remove(crd["metadata"]["name"])
        for kind, stored in crds.kinds(crd):
            self.registry.add(kind, stored=stored)

    def _check_namespace(self, kind: Kind, key: Key) -> None:
        if not kind.namespaced:
            return
        namespace = self.get("namespaces", None, key.namespace)
        if namespace["metadata"].get("deletionTimestamp"):
            raise Forbidden(
                f'{kind.qualified} "{key.name}" is forbidden: unable to create new content in namespace {key.namespace} '
                "because it is being terminated",
                details=about(kind.resource, key.name),
            )

    def _stamp(self, after: float = 0) -> str:
        return stamp(self._now() + timedelta(seconds=min(after, _LONGEST_GRACE)))


def _isolated(step: Callable[[Any], None], argument: Any) -> None:
    """Execute a step of the start. A stored object that cannot be read is logged and skipped."""
    try:
        step(argument)
    except Exception:  # noqa: BLE001 - any error of the object
        _log.exception("Stored object cannot be read: %.200s", argument)
