"""Access control of the state folder. Its contents run programs as the user and include the cluster's token."""

from __future__ import annotations

import os
import stat
from pathlib import Path

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_PRIVATE = ("cluster.sqlite", "cluster.sqlite-wal", "cluster.sqlite-shm", "kubeconfig", "operator.kubeconfig", "token", "lock", "shim.log", "cluster.log")  # fmt: skip
_FOLDERS = ("logs", "processes", "pods", "claims")


class UnsafeFolder(Exception):
    """Another user could have prepared the folder or can change it; the message names the correction."""


def check(folder: Path) -> None:
    """Raise UnsafeFolder where a folder or a file of the cluster in it is accessible to other users; a missing one is
    valid.
    """
    for path in (folder, *(folder / name for name in _PRIVATE)):
        _check_owner(path, follow=path == folder)
    if folder.exists() and folder.stat().st_mode & _OTHERS_WRITE:
        raise UnsafeFolder(
            f"{folder}: Forbidden: other users may write to it. Run `chmod 700 {folder}` if you trust its contents, "
            "or choose another folder."
        )


def make(folder: Path) -> None:
    """Create the folder, or restrict a safe one and its content to its user. Raises UnsafeFolder or OSError.

    A folder that has other files too, such as a project, keeps its mode; only the state in it is private.
    """
    check(folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if all(path.name.startswith((*_PRIVATE, *_FOLDERS)) for path in folder.iterdir()):
        folder.chmod(0o700)
    for name in _FOLDERS:
        (folder / name).mkdir(mode=0o700, exist_ok=True)
    for name in _PRIVATE:
        if (folder / name).exists():
            (folder / name).chmod(0o600)


def create_private(path: Path) -> None:
    """Create an empty file that only its user can read, unless it exists."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600))


def write_private(path: Path, text: str) -> None:
    """Replace a file atomically; only its user can read it."""
    made = path.with_name(f"{path.name}.new")
    made.unlink(missing_ok=True)
    with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    made.replace(path)


def _check_owner(path: Path, *, follow: bool) -> None:
    try:
        found = [path.lstat(), *([path.stat()] if follow else [])]
    except (FileNotFoundError, NotADirectoryError):
        return
    if any(entry.st_uid != os.geteuid() for entry in found):
        raise UnsafeFolder(f"{path}: Forbidden: it belongs to another user. Choose another folder.")
    if not follow and stat.S_ISLNK(found[0].st_mode):
        raise UnsafeFolder(f"{path}: Forbidden: it is a symbolic link. Remove it, or choose another folder.")
