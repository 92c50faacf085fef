"""`toprung validate`: what is wrong with an Experiment, before any cluster sees it."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import click

from toprung.api.loader import KIND, load_experiment
from toprung.api.messages import shown
from toprung.api.v1alpha1.base import GROUP
from toprung.cli.files.yaml_documents import BadYaml, Document, read_documents
from toprung.errors import InvalidExperiment


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault in a file.

    Attributes:
        file: as the user named it.
        line: counts from 1; that of the field, or of the nearest one around it.
        path: of the field, as in ``spec.parameters[0].min``; "" where the whole file is meant.
        message: what is wrong, and what to write instead.
    """

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{self.file}:{self.line}: {where}{self.message}"


@click.command("validate")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="For people or for programs.")
def validate_command(files: Sequence[str], output: Literal["text", "json"]) -> None:
    """Check the Experiments in FILES, without a cluster.

    Reports the faults of each Experiment at once, at most 20, with their lines; - is the standard input. Other objects
    in the files are ignored. The exit code is 1 where a fault was found.
    """
    valid: list[str] = []
    findings = [finding for file in files for finding in check(file, _read(file), valid)]
    if output == "json":
        click.echo(json.dumps({"valid": not findings, "errors": [asdict(finding) for finding in findings]}, indent=2))
    else:
        for line in (*map(str, findings), *valid):
            click.echo(line)
    sys.exit(1 if findings else 0)


def check(file: str, content: bytes, valid: list[str]) -> Iterator[Finding]:
    """Find every fault of a file; a line for each valid Experiment goes to `valid`."""
    try:
        documents = read_documents(content.decode())
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        yield Finding(file, line, "", "is not UTF-8. Save it in that encoding.")
        return
    except BadYaml as error:
        yield Finding(file, error.line, "", str(error))
        return
    ours = [item for document in documents for item in document.items() if _is_ours(item.value)]
    if not ours:
        yield Finding(file, 1, "", f"holds no Experiment; write apiVersion: {GROUP}/... and kind: {KIND}")
    named: dict[tuple[str, str], int] = {}
    for document in ours:
        duplicates = list(_duplicates(file, document, named))
        yield from duplicates
        yield from _faults(file, document, [] if duplicates else valid)


def _duplicates(file: str, document: Document, named: dict[tuple[str, str], int]) -> Iterator[Finding]:
    """Report an object whose name an earlier one of the file has; `named` has the lines of the earlier ones."""
    found = document.value.get("metadata")
    metadata = found if isinstance(found, dict) else {}
    key = str(metadata.get("namespace") or "default"), str(metadata.get("name") or "")
    line = document.line("metadata.name")
    if key[1] and key in named:
        where = f"the Experiment in line {named[key]}"
        message = f"Duplicate value: {shown(key[1])} is the name of {where}. Rename one of them."
        yield Finding(file, line, "metadata.name", message)
    named.setdefault(key, line)


def _faults(file: str, document: Document, valid: list[str]) -> Iterator[Finding]:
    try:
        experiment = load_experiment(document.value)
    except InvalidExperiment as error:
        found = [Finding(file, document.line(fault.path), fault.path, fault.message) for fault in error.errors]
        yield from sorted(found, key=lambda finding: finding.line)
        if error.omitted:
            yield Finding(file, document.line(""), "", f"... and {error.omitted:,} more")
    else:
        valid.append(f"{file}:{document.line('')}: Experiment {experiment.name} is valid")


def _is_ours(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    return value.get("kind") == KIND or str(value.get("apiVersion")).startswith(f"{GROUP}/")


def _read(file: str) -> bytes:
    return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
