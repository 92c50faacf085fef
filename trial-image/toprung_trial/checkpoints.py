"""Writes checkpoints that stay complete if the program is killed at any time."""

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
    """The checkpoints of one trial: a file or folder ``epoch-N`` in its folder. Only the newest is kept.

    A checkpoint is written to a folder with a hidden name and then renamed, so a checkpoint with its final name is
    complete. The previous one is removed after that.
    """

    def __init__(self, directory: str) -> None:
        """Use a folder: create it if it is missing, and remove incomplete checkpoints of a killed attempt."""
        self._directory = Path(directory)
        self._directory.mkdir(parents=True, exist_ok=True)
        for partial in self._directory.glob(_PARTIAL + "*"):
            _remove(partial)

    def load(self, load: Callable[[str], object]) -> int:
        """Call `load` with the path of the newest checkpoint, if there is one. Return its epoch, or 0."""
        newest = max(self._epochs(), default=0)
        if newest:
            load(str(self._path(newest)))
        return newest

    def save(self, epoch: int, save: Callable[[str], object]) -> None:
        """Call `save` with the path of a file or folder to write, and make it the checkpoint of the epoch.

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
                f"save({str(path)!r}) wrote nothing at that path. Write to exactly this name "
                "(numpy.savez adds .npz to a name: use open(path, 'wb'))."
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
