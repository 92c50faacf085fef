"""The background process of `toprung local up`: its start, and the hidden command that it runs."""

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import click

from localkube.cluster import AlreadyRunning
from localkube.state_dir import UnsafeFolder, create_private, make
from toprung.cli.embedded.host import host_cluster
from toprung.cli.embedded.state_dir import StateFolder, Unsafe, dir_option, gpus_option, state_folder
from toprung.errors import TopRungError

_TAIL = 3


def start(folder: StateFolder, *, gpus: int | None, port: int) -> None:
    """Start the cluster in its own session; return when it is ready.

    Raises:
        TopRungError: the cluster cannot be started; the message names the correction.
    """
    prepare(folder)
    reader, writer = os.pipe()
    command = [sys.executable, "-m", "toprung.cli", "local", "serve", "--dir", str(folder.path), "--port", str(port)]
    command += [] if gpus is None else ["--gpus", str(gpus)]
    with folder.log.open("ab") as log, os.fdopen(reader) as answers:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [*command, "--ready", str(writer)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[writer],
            start_new_session=True,
        )
        os.close(writer)
        answer = answers.read()  # ends when the other side has answered or died
    result = json.loads(answer) if answer else {"error": f"the cluster did not start: {_tail(folder.log)}"}
    if "error" in result:
        process.wait()
        raise TopRungError(result["error"])


def prepare(folder: StateFolder) -> None:
    """Create the folder and its log, accessible to the user only.

    Raises:
        TopRungError: the folder cannot be written to, or other users can access it.
    """
    try:
        make(folder.path)
        create_private(folder.log)
    except UnsafeFolder as error:
        raise Unsafe(f"{error} `--dir` names the folder.") from error
    except OSError as error:
        raise TopRungError(
            f"{folder.path} cannot be written to ({error.strerror}); choose another folder by --dir"
        ) from error


@click.command("serve", hidden=True)
@dir_option
@gpus_option
@click.option("--port", default=0)
@click.option("--ready", type=int, required=True, help="File descriptor that receives {}, or the error of the start.")
def serve_command(folder: Path, gpus: int | None, port: int, ready: int) -> None:
    """Serve until SIGTERM or SIGINT: the process that `local up` leaves running."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with os.fdopen(ready, "w") as answer:
        try:
            asyncio.run(_serve(state_folder(folder), gpus, port, answer.fileno()))
        except AlreadyRunning as error:
            json.dump({"error": f"{error} by --dir. `toprung local down` stops it."}, answer)
        except TopRungError as error:
            json.dump({"error": str(error)}, answer)


async def _serve(folder: StateFolder, gpus: int | None, port: int, ready: int) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with host_cluster(folder, gpus=gpus, port=port):
        os.write(ready, b"{}")
        os.dup2(os.open(os.devnull, os.O_WRONLY), ready)  # the other side reads until the end of the file
        await ended.wait()


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-_TAIL:]
    return f"{' / '.join(lines)} ({log})"
