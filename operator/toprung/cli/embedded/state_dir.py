"""The state folder of an embedded cluster, as seen by a process that does not serve it."""

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

FILES = (
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
_POLL_INTERVAL = 0.05


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
    help="Folder of the cluster's state.",
)
gpus_option = click.option(
    "--gpus", type=click.IntRange(min=0), help="Number of GPUs of the node  [default: those of this machine]"
)


class Unsafe(TopRungError):
    """Other users can access the folder."""


class Unstoppable(TopRungError):
    """The cluster's process does not end."""


@dataclass(frozen=True, slots=True)
class StateFolder:
    """One state folder; all paths are absolute."""

    path: Path

    @property
    def kubeconfig(self) -> Path:
        """Return the path of the cluster's kubeconfig, which the first start writes."""
        return self.path / "kubeconfig"

    @property
    def operator_kubeconfig(self) -> Path:
        """Return the path of the operator's kubeconfig, whose URL contains no token."""
        return self.path / "operator.kubeconfig"

    @property
    def log(self) -> Path:
        """Return the path of the log of the cluster's own process."""
        return self.path / "cluster.log"

    def pid(self) -> int | None:
        """Return the process that serves the folder, None where none does; 0 for one that is just starting.

        Raises:
            Unsafe: another user can change the folder, so its contents cannot be trusted; or it cannot be read.
        """
        try:
            check(self.path)
            return serving(self.path)
        except UnsafeFolder as error:
            raise Unsafe(f"{error} `--dir` names the folder.") from error
        except OSError as error:
            raise Unsafe(f"{self.path}: Forbidden: {error.strerror}. Choose another folder by --dir.") from error

    def end(self, pid: int, timeout: float = 30.0) -> None:
        """Stop the cluster and wait until it has ended.

        Raises:
            Unstoppable: it has not ended after `timeout` seconds.
        """
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + timeout
        while self.pid() == pid:
            if time.monotonic() > deadline:
                raise Unstoppable(f"the cluster of {self.path} (process {pid}) does not end; end it by `kill -9 {pid}`")
            time.sleep(_POLL_INTERVAL)
        _await_exit(pid, timeout)

    def wipe(self) -> None:
        """Remove the files of a cluster, and the folder itself if it is then empty."""
        for path in (*(self.path / name for name in FILES), *self.path.glob(f"{STORE}*")):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        if self.path.is_dir() and not any(self.path.iterdir()):
            self.path.rmdir()


def _await_exit(pid: int, timeout: float) -> None:
    """Wait until a process that has released its folder has exited, where the system supports it."""
    if sys.platform == "linux":
        with suppress(ProcessLookupError):
            process = os.pidfd_open(pid)
            select.select([process], [], [], timeout)
            os.close(process)


def state_folder(path: Path) -> StateFolder:
    """Return a state folder given by the user, with an absolute path. The folder may not exist yet."""
    return StateFolder(path.absolute())
