"""`toprung validate`: lists the errors of Experiments in files, without a cluster."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Literal

import click

from toprung.cli.commands.options import output_option
from toprung.cli.files.validation import check, read_file


@click.command("validate")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@output_option
def validate_command(files: Sequence[str], output: Literal["text", "json"]) -> None:
    """Validate the Experiments in FILES, without a cluster.

    Lists up to 20 errors of each Experiment, with their lines. Use - for standard input. Of other objects in the
    files, only apiVersion, kind and metadata.name are checked. The exit code is 1 if there is an error.
    """
    valid: list[str] = []
    findings = [finding for file in files for finding in check(file, read_file(file), valid)]
    if output == "json":
        click.echo(json.dumps({"valid": not findings, "errors": [asdict(finding) for finding in findings]}, indent=2))
    else:
        for line in (*map(str, findings), *valid):
            click.echo(line)
    sys.exit(1 if findings else 0)
