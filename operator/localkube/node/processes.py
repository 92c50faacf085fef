"""Process groups of containers: start, identification after a restart, and termination.

Every process of a container carries `LOCALKUBE_CONTAINER_ID` in its environment, and its group leader is recorded in a
file together with its start time. A group that outlives its server is therefore found again, and a reused process id is
never mistaken for it. Standard library only: the shim imports this module.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

CONTAINER_ID = "LOCALKUBE_CONTAINER_ID"
_PROC = Path("/proc")
_MARK = f"{CONTAINER_ID}=".encode()


def started(pid: int) -> str:
    """Return the start time of a process, only for comparison; empty where the process does not exist.

    Linux: the boot's id and the clock ticks since then. Elsewhere: the time that `ps` prints, in seconds.
    """
    if not _PROC.joinpath("self").exists():
        command = ["ps", "-o", "lstart=", "-p", str(pid)]
        return subprocess.run(command, capture_output=True, check=False).stdout.decode().strip()  # noqa: S603
    state, ticks = _state_and_start(pid)
    if not ticks or state == "Z":
        return ""
    boot = _PROC.joinpath("sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{ticks}"


def _state_and_start(pid: int) -> tuple[str, str]:
    try:
        stat = _PROC.joinpath(str(pid), "stat").read_text()
    except OSError:
        return "", ""
    # The command's name is in parentheses and may contain any character: count the fields after the last one.
    fields = stat.rpartition(")")[2].split()
    return fields[0], fields[19]


def group_exists(group: int) -> bool:
    """Return whether any process, including a zombie, is left in the group."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def signal_group(group: int, number: int) -> None:
    """Send a signal to a group; a group that is gone is ignored."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def children() -> list[int]:
    """Return the direct children of this (single-threaded) process; empty where the system does not list them."""
    pid = os.getpid()
    try:
        return [int(child) for child in _PROC.joinpath(str(pid), "task", str(pid), "children").read_text().split()]
    except OSError:
        return []


def owners(candidates: Iterable[int]) -> dict[int, str]:
    """Return the container that started each process, directly or indirectly; processes of no container are omitted."""
    found = {}
    for pid in candidates:
        with contextlib.suppress(OSError):
            for entry in _PROC.joinpath(str(pid), "environ").read_bytes().split(b"\0"):
                if entry.startswith(_MARK):
                    found[pid] = entry[len(_MARK) :].decode(errors="replace")
    return found


def record(folder: Path, container: str, pid: int) -> None:
    """Record a group's leader, so that `end_stale` finds the group after a crash."""
    folder.joinpath(container).write_text(f"{pid} {started(pid)}")


def forget(folder: Path, container: str) -> None:
    """Remove the record of a group that is gone."""
    folder.joinpath(container).unlink(missing_ok=True)


def end_stale(folder: Path, *, patience: float = 10.0) -> None:
    """Kill what an earlier server and its shim left running in the containers recorded in the folder.

    `patience` is in seconds. A process in an uninterruptible sleep may outlast it; its record is kept.
    """
    recorded = {file.name: file.read_text() for file in folder.iterdir()}
    give_up = time.monotonic() + patience
    while (alive := _kill_once(recorded)) and time.monotonic() < give_up:
        time.sleep(0.02)
    for container in recorded.keys() - alive:
        forget(folder, container)


def _kill_once(recorded: dict[str, str]) -> set[str]:
    """Send SIGKILL to the remaining processes of the recorded containers; return the containers that had any."""
    alive = set()
    for container, entry in recorded.items():
        pid, _, start = entry.partition(" ")
        if start and started(int(pid)) == start:
            signal_group(int(pid), signal.SIGKILL)
            alive.add(container)
    for member, container in owners(_all_pids() if recorded else ()).items():
        if container in recorded:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(member, signal.SIGKILL)
                alive.add(container)
    return alive


def _all_pids() -> list[int]:
    with contextlib.suppress(OSError):
        return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]
    return []


def spawn(message: dict[str, Any]) -> tuple[subprocess.Popen[bytes], tuple[int, int]]:
    """Start a program in its own session; return it with the reading ends of its stdout and stderr."""
    out, out_end = os.pipe()
    err, err_end = os.pipe()
    try:
        leader = subprocess.Popen(  # noqa: S603
            message["argv"],
            env={**message["env"], CONTAINER_ID: message["id"]},
            cwd=message["cwd"],
            stdin=subprocess.DEVNULL,
            stdout=out_end,
            stderr=err_end,
            start_new_session=True,
        )
    except BaseException:
        os.close(out)
        os.close(err)
        raise
    finally:
        os.close(out_end)
        os.close(err_end)
    return leader, (out, err)


def start_error(error: Exception, message: dict[str, Any]) -> str:
    """Return the reason why a program could not be started, as a container runtime words it."""
    program = str(message["argv"][0])
    if holders := _with_nul(message):
        return f"{', '.join(holders)}: invalid argument: has a NUL byte, which no program can receive"
    if isinstance(error, FileNotFoundError) and error.filename == message["cwd"]:
        return f'chdir to cwd ("{message["cwd"]}") set in workingDir failed: no such file or directory'
    if isinstance(error, FileNotFoundError) and "/" not in program:
        return f'exec: "{program}": executable file not found in $PATH'
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f'exec: "{program}": {reason[:1].lower()}{reason[1:]}'


def _with_nul(message: dict[str, Any]) -> list[str]:
    """Return the fields of a container that have a NUL byte."""
    found = {"command or args": "".join(message["argv"]), "workingDir": message["cwd"]}
    found |= {f"env {name}": f"{name}{value}" for name, value in message["env"].items()}
    return [field for field, text in found.items() if "\0" in str(text)]  # a value may have any type
