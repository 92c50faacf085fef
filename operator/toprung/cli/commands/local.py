"""`toprung local`: starts, stops and shows the embedded cluster of this machine."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import click
from rich.console import Console

from toprung.cli.commands.options import output_option
from toprung.cli.display.cluster_status import ClusterStatus, read_status, render_status
from toprung.cli.embedded import daemon
from toprung.cli.embedded.state_dir import dir_option, gpus_option, state_folder


@click.group("local")
def local_group() -> None:
    """Run an embedded cluster on this machine, without Kubernetes.

    kubectl works with it. Use it for evaluation, development and tests, not in production.
    """


local_group.add_command(daemon.serve_command)


@local_group.command("up")
@dir_option
@gpus_option
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of the API server. 0: any free port.")
def up_command(folder: Path, gpus: int | None, port: int) -> None:
    """Start the cluster and the operator.

    The cluster keeps running when you close the shell. Programs run in the current folder. Experiments in the state
    folder continue.
    """
    state = state_folder(folder)
    if (pid := state.pid()) is not None:
        click.echo(f"The cluster in {state.path} is already running (process {pid}).")
    else:
        with Console(stderr=True).status("Starting the cluster and the operator"):
            daemon.start(state, gpus=gpus, port=port)
    click.echo(f"export KUBECONFIG={state.kubeconfig}")
    click.echo("# For evaluation and development only. Stop it with `toprung local down`.")


@local_group.command("down")
@dir_option
@click.option("--wipe", is_flag=True, help="Remove the state folder too.")
def down_command(folder: Path, wipe: bool) -> None:  # noqa: FBT001 - a flag of the command line
    """Stop the cluster and all its programs. The state folder stays."""
    state = state_folder(folder)
    pid = state.pid()
    if pid:
        with Console(stderr=True).status("Stopping all Pods"):
            state.end(pid)
        click.echo(f"The cluster in {state.path} has stopped. Continue it with `toprung local up`.")
    else:
        click.echo(f"No cluster is running in {state.path}.")
    if wipe:
        state.wipe()
        click.echo("Its state was removed.")


@local_group.command("status")
@dir_option
@output_option
def status_command(folder: Path, output: Literal["text", "json"]) -> None:
    """Show whether the cluster is running, its GPUs and its Experiments."""
    state = state_folder(folder)
    pid = state.pid()
    status = asyncio.run(read_status(state, pid)) if pid else ClusterStatus(str(state.path))
    if output == "json":
        click.echo(json.dumps(asdict(status), indent=2))
    else:
        Console().print(render_status(status))
