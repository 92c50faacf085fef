"""Persistence in SQLite: one row for each object, written on each change, and the highest resourceVersion."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from localkube import state_dir

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (resource, namespace, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
_PUT = "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)"
_DROP = "DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?"
_MARK = "INSERT OR REPLACE INTO counters VALUES ('version', ?)"
_VERSION = "SELECT max(v) FROM (SELECT max(version) AS v FROM objects UNION SELECT value FROM counters)"


_LOCK_SECONDS = 0.2


class StoreInUse(Exception):
    """Another process has the file open."""


class StoreBroken(Exception):
    """The file is not the database of this cluster; the message names the correction."""

    def __init__(self, path: Path | None, why: str) -> None:
        super().__init__(
            f"{path}: Invalid value: {why}. Restore the file from a backup, or start with an empty cluster."
        )


class Journal:
    """The SQLite file behind a Store; `None` keeps it in memory.

    Every write is one committed transaction in the write-ahead log: a process killed at any moment loses no
    acknowledged write. (A power failure may lose the last moments, never the consistency: synchronous=NORMAL.) The file
    is locked while it is open, since two servers on one file would assign the same resourceVersions. Raises StoreInUse
    or StoreBroken.
    """

    def __init__(self, path: Path | None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            state_dir.create_private(path)
        self._db = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=_LOCK_SECONDS)
        try:
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            self._db.close()
            if "locked" not in str(error):
                raise StoreBroken(path, f"the database cannot be read ({error})") from error
            raise StoreInUse(f"{path} is in use by another process; stop that one, or choose another folder") from error

    def load(self) -> Iterator[tuple[str, str, str, bytes]]:
        """Yield every object: (resource, namespace, name, JSON)."""
        return iter(self._db.execute("SELECT resource, namespace, name, data FROM objects"))

    def version(self) -> int:
        """Return the highest resourceVersion ever assigned, 0 for a new file."""
        (value,) = self._db.execute(_VERSION).fetchone()
        return value or 0

    def put(self, resource: str, namespace: str, name: str, version: int, data: bytes) -> None:
        """Store the new state of an object."""
        self._db.execute(_PUT, (resource, namespace, name, version, data))

    def drop(self, resource: str, namespace: str, name: str, version: int) -> None:
        """Delete an object. The version of the deletion is stored, so that it is not assigned again."""
        self._db.execute("BEGIN")
        self._db.execute(_DROP, (resource, namespace, name))
        self._db.execute(_MARK, (version,))
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Merge the write-ahead log into the file and close it."""
        self._db.close()
