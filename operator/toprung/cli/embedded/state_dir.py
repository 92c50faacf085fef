"""The state folder of an embedded cluster, seen from outside the process that serves it."""

import os
import select
import shutil
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from localkube.cluster import serving
from localkube.state_dir import UnsafeFolder, check
from toprung.errors import TopRungError

OURS = (
    "kubeconfig",
    "operator.kubeconfig",
    "token",
    "lock",
    "shim.log",
    "cluster.log",
    "processes",
    "logs",
    "pods",
    "claims",
)
STORE = "cluster.sqlite"
_LOOK_EVERY = 0.05


class _StatePath(click.Path):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse an empty value, such as an unset variable of a script; a path takes it for the current folder."""
        if value == "":
            self.fail('"" is empty. Write the path of a folder, or leave out --dir.', param, ctx)
        return super().convert(value, param, ctx)


dir_option = click.option(
    "--dir",
    "folder",
    type=_StatePath(path_type=Path, file_okay=False),
    default=Path(".toprung"),
    help="Where the cluster keeps its state.",
)
gpus_option = click.option(
    "--gpus", type=click.IntRange(min=0), help="GPUs to hand out  [default: those of this machine]"
)


class Unsafe(TopRungError):
    """The folder is not its user's alone."""


class Unstoppable(TopRungError):
    """The cluster's process does not end."""


@dataclass(frozen=True, slots=True)
class StateFolder:
    """One state folder; all paths absolute."""

    path: Path

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of the cluster; there from its first start on."""
        return self.path / "kubeconfig"

    @property
    def operator_kubeconfig(self) -> Path:
        """The kubeconfig of the operator, whose URL holds no token."""
        return self.path / "operator.kubeconfig"

    @property
    def log(self) -> Path:
        """What the cluster's own process has to say."""
        return self.path / "cluster.log"

    def pid(self) -> int | None:
        """Return the process that serves the folder, None where none does; 0 for one that is just starting.

        Raises:
            Unsafe: another user could have prepared the folder, so nothing in it can be trusted; or it can't be read.
        """
        try:
            check(self.path)
            return serving(self.path)
        except UnsafeFolder as error:
            raise Unsafe(f"{error} `--dir` names the folder.") from error
        except OSError as error:
            raise Unsafe(f"{self.path}: Forbidden: {error.strerror}. Choose another folder by --dir.") from error

    def end(self, pid: int, patience: float = 30.0) -> None:
        """Tell the cluster to end, and wait until it has.

        Raises:
            Unstoppable: it goes on after `patience` seconds.
        """
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + patience
        while self.pid() == pid:
            if time.monotonic() > deadline:
                raise Unstoppable(f"the cluster of {self.path} (process {pid}) does not end; end it by `kill -9 {pid}`")
            time.sleep(_LOOK_EVERY)
        _await_exit(pid, patience)

    def wipe(self) -> None:
        """Remove what a cluster keeps here; the folder itself goes if nothing else is in it."""
        for path in (*(self.path / name for name in OURS), *self.path.glob(f"{STORE}*")):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        if self.path.is_dir() and not any(self.path.iterdir()):
            self.path.rmdir()


def _await_exit(pid: int, patience: float) -> None:
    """Wait for a process that has let go of its folder and has only to leave; where the system can tell."""
    if sys.platform == "linux":
        with suppress(ProcessLookupError):
            process = os.pidfd_open(pid)
            select.select([process], [], [], patience)
            os.close(process)


def state_folder(path: Path) -> StateFolder:
    """Make a folder given by the user absolute; it may be yet to be made."""
    return StateFolder(path.absolute())
