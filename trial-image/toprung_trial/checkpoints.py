"""Checkpoints that a kill at any moment leaves whole."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from toprung_trial.environment import TrialError

_COMPLETE = re.compile(r"epoch-(\d+)\Z")
_PARTIAL = ".partial-"


class Checkpoints:
    """The checkpoints of one trial: a file or folder ``epoch-N`` in its folder, of which the newest is kept.

    A checkpoint is written beside its place and renamed into it, so one that has its name is whole; the one before it
    is taken out of its place only after that, and then removed. What is not whole is in a folder with a hidden name.
    """

    def __init__(self, directory: str) -> None:
        """Use that folder; make it where it is missing, and remove what a killed attempt left half written."""
        self._directory = Path(directory)
        self._directory.mkdir(parents=True, exist_ok=True)
        for partial in self._directory.glob(_PARTIAL + "*"):
            _remove(partial)

    def load(self, load: Callable[[str], object]) -> int:
        """Call load with the path of the newest checkpoint, if there is one; return its epoch, or 0."""
        newest = max(self._epochs(), default=0)
        if newest:
            load(str(self._path(newest)))
        return newest

    def save(self, epoch: int, save: Callable[[str], object]) -> None:
        """Call save with a path to write a file or folder at; make it the checkpoint of that epoch.

        Raises:
            TrialError: save wrote nothing at the path.
        """
        scratch = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=self._directory))
        try:
            self._write(scratch / "checkpoint", epoch, save)
            for older in [self._path(number) for number in self._epochs() if number < epoch]:
                older.replace(scratch / older.name)
        finally:
            _remove(scratch)

    def _write(self, path: Path, epoch: int, save: Callable[[str], object]) -> None:
        save(str(path))
        if not path.exists():
            raise TrialError(
                f"save({str(path)!r}) wrote nothing at that path; write to exactly this name "
                "(numpy.savez adds .npz to a name: give it open(path, 'wb'))"
            )
        for written in (path, *path.rglob("*")):
            _sync(written)
        path.replace(self._path(epoch))
        _sync(self._directory)

    def _epochs(self) -> Iterator[int]:
        matches = (_COMPLETE.match(entry.name) for entry in self._directory.iterdir())
        return (int(match.group(1)) for match in matches if match)

    def _path(self, epoch: int) -> Path:
        return self._directory / f"epoch-{epoch}"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems refuse; a killed process loses nothing even so
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink()
