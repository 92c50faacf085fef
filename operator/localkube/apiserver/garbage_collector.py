"""Cascading deletion: dependents follow their owners; namespaces and custom kinds delete their contents."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from localkube.apiserver.storage import Key, Storage, owners
from localkube.apiserver.watch_history import ObjectChange

if TYPE_CHECKING:
    from localkube.apiserver.store import Store

_log = logging.getLogger(__name__)
FOREGROUND = "foregroundDeletion"
_NAMESPACES = "namespaces"
_CRDS = "customresourcedefinitions.apiextensions.k8s.io"


def _marked(obj: dict[str, Any] | None) -> bool:
    return bool(obj and obj["metadata"].get("deletionTimestamp"))


class GarbageCollector:
    """The garbage collector and the namespace controller. Both react to single changes; `resume` completes them after a
    crash.
    """

    def __init__(self, store: Store, storage: Storage) -> None:
        self._store = store
        self._storage = storage

    def react(self, change: ObjectChange) -> None:
        """Delete or update the objects that a change affects."""
        uid = change.object["metadata"]["uid"]
        if change.type == "DELETED":
            for key in self._storage.dependents(uid):
                self._abandoned(key)
            self._release_holders(change)
        elif _marked(change.object):
            self._empty(Key(change.resource, change.namespace, change.name), change.object)
        elif owners(change.object):
            self._abandoned(Key(change.resource, change.namespace, change.name))

    def resume(self) -> None:
        """Complete deletions that a crash interrupted, and delete dependents without owners."""
        for key in list(self._storage.uids().values()):
            try:
                self._resume(key)
            except Exception:  # noqa: BLE001 - a broken object must not prevent the start
                _log.exception("%s %s/%s cannot be cleaned up", *key)

    def _resume(self, key: Key) -> None:
        stored = self._storage.get(key)
        if stored is None:
            return
        if _marked(stored.object):
            self._empty(key, stored.object)
        elif owners(stored.object):
            self._abandoned(key)

    def orphan(self, uid: str) -> None:
        """Remove an owner's reference from all its dependents, so that they outlive it."""
        for key in self._storage.dependents(uid):
            self._drop_references(key, {uid})

    def _drop_references(self, key: Key, uids: set[str]) -> None:
        stored = self._storage.get(key)
        if stored is None:
            return
        left = [owner for owner in owners(stored.object) if owner["uid"] not in uids]
        self._store.update(
            key.resource, {**stored.object, "metadata": {**stored.object["metadata"], "ownerReferences": left}}
        )

    def _abandoned(self, key: Key) -> None:
        """Delete an object whose owners are all gone. An owner matches by uid, in the same namespace or in none."""
        stored = self._storage.get(key)
        if stored is None or not owners(stored.object):
            return
        gone = {owner["uid"] for owner in owners(stored.object) if not self._present(owner["uid"], key.namespace)}
        if len(gone) == len({owner["uid"] for owner in owners(stored.object)}):
            if not _marked(stored.object):
                self._store.delete(*key)
        elif gone:
            self._drop_references(key, gone)

    def _present(self, uid: str, namespace: str) -> bool:
        key = self._storage.uids().get(uid)
        return key is not None and key.namespace in ("", namespace)

    def _empty(self, key: Key, obj: dict[str, Any]) -> None:
        contents: list[Key] = []
        if key.resource == _NAMESPACES:
            contents = list(self._storage.contents(key.name))
        elif key.resource == _CRDS:
            contents = [
                Key(key.name, stored.object["metadata"].get("namespace", ""), stored.object["metadata"]["name"])
                for stored in self._storage.all(key.name)
            ]
        for part in contents:
            self._delete_unless_marked(part, "Background")
        if FOREGROUND in obj["metadata"].get("finalizers", ()):
            self._delete_foreground(key, obj)
        self._store.remove_if_released(key)

    def _delete_unless_marked(self, key: Key, propagation: str) -> None:
        stored = self._storage.get(key)
        if stored is not None and not _marked(stored.object):
            self._store.delete(*key, propagation=propagation)

    def _delete_foreground(self, key: Key, obj: dict[str, Any]) -> None:
        uid = obj["metadata"]["uid"]
        for dependent in self._storage.dependents(uid):
            self._delete_unless_marked(dependent, "Foreground")
        self._finish_foreground(key)

    def _finish_foreground(self, key: Key) -> None:
        """Complete a foreground deletion when no blocking dependent is left."""
        stored = self._storage.get(key)
        if stored is None or FOREGROUND not in stored.object["metadata"].get("finalizers", ()):
            return
        metadata = stored.object["metadata"]
        if any(self._blocks(dependent, metadata["uid"]) for dependent in self._storage.dependents(metadata["uid"])):
            return
        left = [name for name in metadata["finalizers"] if name != FOREGROUND]
        self._store.update(key.resource, {**stored.object, "metadata": {**metadata, "finalizers": left}})

    def _blocks(self, key: Key, uid: str) -> bool:
        stored = self._storage.get(key)
        return stored is not None and any(
            o["uid"] == uid and o.get("blockOwnerDeletion") for o in owners(stored.object)
        )

    def _release_holders(self, change: ObjectChange) -> None:
        for owner in owners(change.object):
            key = self._storage.uids().get(owner["uid"])
            if key is not None:
                self._finish_foreground(key)
        for holder in (Key(_NAMESPACES, "", change.namespace), Key(_CRDS, "", change.resource)):
            self._store.remove_if_released(holder)
