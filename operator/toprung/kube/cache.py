"""Caches the objects of one collection as small records, never as whole objects."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from toprung.errors import ClusterUnavailable
from toprung.kube.client import KubernetesObject

Record = TypeVar("Record")
Entry = tuple[int | None, Record]
"""The resourceVersion that the record was made from (None if it is not a number), and the record."""

MAX_LOGGED = 1_000
"""Unreadable objects that the log reports, each once."""
LONGEST_REASON = 500
"""Characters."""

logger = logging.getLogger(__name__)


def key_of(namespace: str | None, name: str) -> str:
    """Return `namespace/name`, or only the name of an object without namespace."""
    return f"{namespace}/{name}" if namespace else name


def version_of(text: str | None) -> int | None:
    """Return a resourceVersion as the number that orders it (KEP-5504); None if it is not a number."""
    return int(text) if text and text.isdecimal() else None


class Cache(Generic[Record]):
    """Records by name and by index key, fed by lists, watch events and the responses to own writes.

    The state with the higher resourceVersion stays, in whatever order the states of an object arrive.
    """

    def __init__(
        self,
        *,
        convert: Callable[[KubernetesObject], Record | None],
        index: Callable[[Record], str],
        on_change: Callable[[str, Record | None, Record | None], None],
        claim: Callable[[KubernetesObject], tuple[str, str] | None] = lambda _: None,
    ) -> None:
        """Build an empty cache.

        Args:
            convert: builds the record of an object, None to ignore the object.
            index: the key by which `of` finds a record.
            on_change: called with (index key, old record, new record) if they differ; None: the object does not exist.
            claim: returns index key and controller's UID of an object that cannot be converted; None: ignore it.
        """
        self._convert = convert
        self._index = index
        self._on_change = on_change
        self._entries: dict[str, Entry[Record]] = {}
        self._groups: dict[str, dict[str, Record]] = {}
        self._claim = claim
        self._unreadable: dict[str, tuple[str, str, str]] = {}  # object -> index key, controller's UID, problem
        self._logged: set[str] = set()  # unreadable objects that the log has
        self._listed_unreadable: set[str] = set()  # those of a list that is under way
        self._seen: int | None = None  # the resourceVersion up to which the cache is complete
        self._newest = 0  # the highest version seen anywhere

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, namespace: str | None, name: str) -> Record | None:
        """Return the record of that object."""
        entry = self._entries.get(key_of(namespace, name))
        return entry[1] if entry else None

    def of(self, index_key: str) -> tuple[Record, ...]:
        """Return all records of that index key in no particular order, in time linear in their number."""
        return tuple(self._groups.get(index_key, {}).values())

    def unreadable(self, index_key: str) -> dict[str, tuple[str, str]]:
        """Return the objects of that index key that cannot be read: the UID of their controller, and why not."""
        return {key: (uid, why) for key, (owner, uid, why) in self._unreadable.items() if owner == index_key}

    @property
    def newest(self) -> int:
        """Return the highest resourceVersion seen: a list that is requested now can't be older."""
        return self._newest

    def entries(self, objects: Iterable[KubernetesObject]) -> Iterator[tuple[str, Entry[Record]]]:
        """Convert objects to the input of `replace`, so that a long list is never stored as objects."""
        for obj in objects:
            record = self._record(obj)
            if record is not None:
                yield _key(obj), (_version(obj), record)
            elif _key(obj) in self._unreadable:
                self._listed_unreadable.add(_key(obj))

    def replace(self, entries: Mapping[str, Entry[Record]], *, version: str, requested_at: int) -> None:
        """Replace the content by a list of that resourceVersion, and report the objects that are gone.

        Own writes that happened while the list was read stay. A list older than `requested_at` (`newest` at the time of
        its request) means that the server was restored to an earlier state: then no own write stays.
        """
        for key in self._unreadable.keys() - self._listed_unreadable:
            self._forget_unreadable(key)
        self._listed_unreadable.clear()
        listed = version_of(version)
        trusted = listed is not None and listed >= requested_at
        for key in self._entries.keys() | entries.keys():
            stored = self._entries[key][0] if key in self._entries else None
            if trusted and stored is not None and listed is not None and stored > listed:
                continue
            new, record = entries.get(key, (None, None))
            self._set(key, new, record)
        self._seen = listed
        self._newest = max(self._newest, listed or 0) if trusted else listed or 0

    def apply(self, event: KubernetesObject) -> None:
        """Apply a watch event.

        Raises:
            ClusterUnavailable: the server went back in time, as after a restore: list again.
        """
        obj = event["object"]
        version = _version(obj)
        if version is not None:
            # A deletion may carry the version of the object's last state, so it proves nothing.
            if self._seen is not None and version < self._seen and event["type"] != "DELETED":
                raise ClusterUnavailable(f"resourceVersion went back from {self._seen} to {version}")
            self._seen = max(self._seen or 0, version)
            self._newest = max(self._newest, version)
        if event["type"] == "BOOKMARK":
            return
        key = _key(obj)
        if event["type"] == "DELETED":
            self._forget_unreadable(key)
        if not self._is_newer(key, version):
            self._set(key, version, None if event["type"] == "DELETED" else self._record(obj))

    def put(self, obj: KubernetesObject) -> None:
        """Store the response to a write, so that the operator reads its own writes; call it right after the write."""
        key, version = _key(obj), _version(obj)
        if version is not None:
            if key not in self._entries and self._seen is not None and version <= self._seen:
                return  # it has been deleted since
            self._newest = max(self._newest, version)
        if not self._is_newer(key, version):
            self._set(key, version, self._record(obj))

    def _is_newer(self, key: str, version: int | None) -> bool:
        """Return whether the stored state is newer than `version`."""
        stored = self._entries[key][0] if key in self._entries else None
        return stored is not None and version is not None and stored > version

    def _record(self, obj: KubernetesObject) -> Record | None:
        key = _key(obj)
        try:
            record = self._convert(obj)
        except Exception as error:  # noqa: BLE001 - one odd object must not hide all others
            self._record_unreadable(obj, error)
            return None
        self._forget_unreadable(key)
        return record

    def _record_unreadable(self, obj: KubernetesObject, error: Exception) -> None:
        key, why = _key(obj), f"{type(error).__name__}: {error}"[:LONGEST_REASON]
        if key not in self._logged and len(self._logged) < MAX_LOGGED:
            self._logged.add(key)
            logger.error("object cannot be read and is ignored: object=%s error=%s", key, why)
        try:
            claim = self._claim(obj)
        except Exception:  # noqa: BLE001 - as above
            claim = None
        if claim is not None:
            self._unreadable[key] = (*claim, why)
            self._on_change(claim[0], None, None)

    def _forget_unreadable(self, key: str) -> None:
        """Record that an object is gone, or can be read again."""
        self._logged.discard(key)
        if (refused := self._unreadable.pop(key, None)) is not None:
            self._on_change(refused[0], None, None)

    def _set(self, key: str, version: int | None, record: Record | None) -> None:
        """Store a record, or remove it if it is None, and call `on_change`."""
        old = self._entries[key][1] if key in self._entries else None
        if record is None:
            self._entries.pop(key, None)
        elif old == record:
            self._entries[key] = (version, old)
            return
        else:
            self._entries[key] = (version, record)
        was, now = (None if one is None else self._index(one) for one in (old, record))
        if was is not None and was != now:
            self._remove_from_group(was, key)
            self._on_change(was, old, None)
        if record is not None and now is not None:
            self._groups.setdefault(now, {})[key] = record
            self._on_change(now, old if was == now else None, record)

    def _remove_from_group(self, index_key: str, key: str) -> None:
        group = self._groups[index_key]
        del group[key]
        if not group:
            del self._groups[index_key]


def _key(obj: KubernetesObject) -> str:
    metadata = obj["metadata"]
    return key_of(metadata.get("namespace"), metadata["name"])


def _version(obj: KubernetesObject) -> int | None:
    return version_of(obj["metadata"].get("resourceVersion"))
