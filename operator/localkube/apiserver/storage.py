"""Objects in memory, written through to disk, indexed by name and by owner. The Store builds on it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from localkube import json_utils
from localkube.apiserver.errors import BadRequest
from localkube.apiserver.sqlite_journal import Journal, StoreBroken
from localkube.apiserver.watch_history import ChangeType, ObjectChange, WatchHistory

Object = dict[str, Any]


class Key(NamedTuple):
    """The location of an object; `namespace` is empty for cluster-scoped objects."""

    resource: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Stored:
    """An object and its JSON, serialized once."""

    object: Object
    data: bytes


def owners(obj: Object) -> list[Object]:
    """Return the owner references of an object."""
    return obj["metadata"].get("ownerReferences") or []


class Storage:
    """All objects, the version counter, and the recent history of each resource."""

    def __init__(self, path: Path | None, *, history: int) -> None:
        self._journal = Journal(path)
        self._limit = history
        self._objects: dict[str, dict[str, dict[str, Stored]]] = {}
        self._histories: dict[str, WatchHistory] = {}
        self._by_uid: dict[str, Key] = {}
        self._owned: dict[str, dict[Key, None]] = {}
        self.version = 0
        try:
            self._load()
        except (sqlite3.DatabaseError, ValueError, KeyError, TypeError, AttributeError) as error:
            self._journal.close()
            raise StoreBroken(path, f"the database cannot be read ({error})") from error
        self._opened_at = self.version

    @property
    def empty(self) -> bool:
        """Return whether no object was ever stored."""
        return not self._objects

    def _load(self) -> None:
        self.version = self._journal.version()
        for resource, namespace, name, data in self._journal.load():
            self._keep(Key(resource, namespace, name), Stored(json.loads(data), data))

    def get(self, key: Key) -> Stored | None:
        """Return the object at a key, None where it does not exist."""
        return self._objects.get(key.resource, {}).get(key.namespace, {}).get(key.name)

    def all(self, resource: str, namespace: str | None = None) -> list[Stored]:
        """Return every object of a resource, ordered by namespace and name; `None` means all namespaces."""
        spaces = self._objects.get(resource, {})
        chosen = sorted(spaces) if namespace is None else [namespace]
        return [spaces[space][name] for space in chosen if space in spaces for name in sorted(spaces[space])]

    def contents(self, namespace: str) -> Iterator[Key]:
        """Yield the keys of all objects in a namespace."""
        for resource, spaces in self._objects.items():
            for name in list(spaces.get(namespace, ())):
                yield Key(resource, namespace, name)

    def uids(self) -> dict[str, Key]:
        """Return the key of every object, by its uid."""
        return self._by_uid

    def dependents(self, uid: str) -> list[Key]:
        """Return the keys of the objects that name this uid as an owner."""
        return list(self._owned.get(uid, ()))

    def history(self, resource: str) -> WatchHistory:
        """Return the recent changes of a resource."""
        if resource not in self._histories:
            self._histories[resource] = WatchHistory(self._limit, self._opened_at)
        return self._histories[resource]

    def retire(self, resource: str) -> None:
        """End the watches of a resource that is no longer served. A resource of the same name starts with a new
        history.
        """
        self.history(resource).close()
        self._histories[resource] = WatchHistory(self._limit, self.version)

    def put(self, key: Key, obj: Object) -> ObjectChange:
        """Store the new state of an object under the next version."""
        before = self.get(key)
        data = self._stamp(obj)
        self._journal.put(*key, self.version, data)
        if before is not None:
            self._forget_owners(key, before.object)
        self._keep(key, Stored(obj, data))
        return self._record("MODIFIED" if before else "ADDED", key, obj, before, data)

    def drop(self, key: Key, obj: Object) -> ObjectChange:
        """Delete an object; `obj` is its last state, which gets a version as well."""
        before = self.get(key)
        data = self._stamp(obj)
        self._journal.drop(*key, self.version)
        self._forget_owners(key, before.object if before else obj)
        self._by_uid.pop(obj["metadata"]["uid"], None)
        del self._objects[key.resource][key.namespace][key.name]
        return self._record("DELETED", key, obj, before, data)

    def close(self) -> None:
        """Close the file."""
        self._journal.close()

    def _stamp(self, obj: Object) -> bytes:
        obj["metadata"]["resourceVersion"] = str(self.version + 1)
        try:
            data = json_utils.dumps(obj)
        except (ValueError, TypeError) as error:
            raise BadRequest(f"the object cannot be written as JSON: {error}") from error
        self.version += 1
        return data

    def _record(self, change: ChangeType, key: Key, obj: Object, before: Stored | None, data: bytes) -> ObjectChange:
        made = ObjectChange(self.version, change, *key, obj, before.object if before else None, data)
        self.history(key.resource).append(made)
        return made

    def _keep(self, key: Key, stored: Stored) -> None:
        self._objects.setdefault(key.resource, {}).setdefault(key.namespace, {})[key.name] = stored
        self._by_uid[stored.object["metadata"]["uid"]] = key
        for owner in owners(stored.object):
            self._owned.setdefault(owner["uid"], {})[key] = None

    def _forget_owners(self, key: Key, obj: Object) -> None:
        for owner in owners(obj):
            keys = self._owned.get(owner["uid"], {})
            keys.pop(key, None)
            if not keys:
                self._owned.pop(owner["uid"], None)
