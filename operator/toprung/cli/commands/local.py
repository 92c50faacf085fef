"""`toprung local`: a cluster of this machine that stays up."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import click
from rich.console import Console

from toprung.cli.display.cluster_status import ClusterStatus, look, standing_view
from toprung.cli.embedded import daemon
from toprung.cli.embedded.state_dir import dir_option, gpus_option, state_folder

output_option = click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", help="For people or for programs."
)


@click.group("local")
def local_group() -> None:
    """Keep a cluster up on this machine, with no Kubernetes.

    It speaks to kubectl as a cluster does; it is for trying and for tests, not one to rely on.
    """


local_group.add_command(daemon.serve_command)


@local_group.command("up")
@dir_option
@gpus_option
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of the API server; 0: any that is free.")
def up_command(folder: Path, gpus: int | None, port: int) -> None:
    """Start the cluster, with the operator in it.

    It stays up when the shell is closed. Programs run in the folder where this is called. What is in the state
    folder goes on.
    """
    place = state_folder(folder)
    if (pid := place.pid()) is not None:
        click.echo(f"The cluster of {place.path} is up already (process {pid}).")
    else:
        with Console(stderr=True).status("starting the cluster and the operator"):
            daemon.start(place, gpus=gpus, port=port)
    click.echo(f"export KUBECONFIG={place.kubeconfig}")
    click.echo("# A cluster for trying things on this machine, not one to rely on; `toprung local down` ends it.")


@local_group.command("down")
@dir_option
@click.option("--wipe", is_flag=True, help="Remove its state too.")
def down_command(folder: Path, wipe: bool) -> None:  # noqa: FBT001 - a flag of the command line
    """End the cluster and every program in it; its state stays."""
    place = state_folder(folder)
    pid = place.pid()
    if pid:
        with Console(stderr=True).status("ending every Pod"):
            place.end(pid)
        click.echo(f"The cluster of {place.path} is down; `toprung local up` goes on where it was.")
    else:
        click.echo(f"No cluster is up in {place.path}.")
    if wipe:
        place.wipe()
        click.echo("Its state is removed.")


@local_group.command("status")
@dir_option
@output_option
def status_command(folder: Path, output: Literal["text", "json"]) -> None:
    """Say whether the cluster is up, and what is in it."""
    place = state_folder(folder)
    pid = place.pid()
    standing = asyncio.run(look(place, pid)) if pid else ClusterStatus(str(place.path))
    if output == "json":
        click.echo(json.dumps(asdict(standing), indent=2))
    else:
        Console().print(standing_view(standing))
