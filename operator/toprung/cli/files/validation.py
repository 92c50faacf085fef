"""Finds the errors of Experiments in files, with their lines."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toprung.api.loader import KIND, load_experiment
from toprung.api.messages import shown
from toprung.api.v1alpha1.base import GROUP
from toprung.cli.files.yaml_documents import BadYaml, Document, read_documents
from toprung.errors import InvalidExperiment


@dataclass(frozen=True, slots=True)
class Finding:
    """One error in a file.

    Attributes:
        file: the path as the user wrote it.
        line: line of the field, or of the nearest field that contains it; counts from 1.
        path: path of the field, such as ``spec.parameters[0].min``; "" for the whole file.
        message: the error and its correction.
    """

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{self.file}:{self.line}: {where}{self.message}"


def read_file(file: str) -> bytes:
    """Return the content of a file; - is the standard input."""
    return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()


def check(file: str, content: bytes, valid: list[str]) -> Iterator[Finding]:
    """Yield the errors of a file. Append a line to `valid` for each valid Experiment."""
    try:
        documents = read_documents(content.decode())
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        yield Finding(file, line, "", "is not UTF-8. Save it in that encoding.")
        return
    except BadYaml as error:
        yield Finding(file, error.line, "", str(error))
        return
    items = [item for document in documents for item in document.items()]
    experiments = [item for item in items if _is_experiment(item.value)]
    if not experiments:
        yield Finding(file, 1, "", f"has no Experiment. Write apiVersion: {GROUP}/... and kind: {KIND}.")
        return
    yield from (_no_object(file, item) for item in items if not (_is_experiment(item.value) or _is_object(item.value)))
    lines: dict[tuple[str, str], int] = {}
    for document in experiments:
        duplicates = list(_duplicates(file, document, lines))
        yield from duplicates
        yield from _errors(file, document, [] if duplicates else valid)


def _duplicates(file: str, document: Document, lines: dict[tuple[str, str], int]) -> Iterator[Finding]:
    """Report a name that an earlier Experiment of the file has, and add the line of this one to `lines`."""
    found = document.value.get("metadata")
    metadata = found if isinstance(found, dict) else {}
    key = str(metadata.get("namespace") or "default"), str(metadata.get("name") or "")
    line = document.line("metadata.name")
    if key[1] and key in lines:
        other = f"the Experiment in line {lines[key]}"
        message = f"Duplicate value: {shown(key[1])} is the name of {other}. Rename one of them."
        yield Finding(file, line, "metadata.name", message)
    lines.setdefault(key, line)


def _errors(file: str, document: Document, valid: list[str]) -> Iterator[Finding]:
    try:
        experiment = load_experiment(document.value)
    except InvalidExperiment as error:
        found = [Finding(file, document.line(each.path), each.path, each.message) for each in error.errors]
        yield from sorted(found, key=lambda finding: finding.line)
        if error.omitted:
            yield Finding(file, document.line(""), "", f"... and {error.omitted:,} more")
    else:
        valid.append(f"{file}:{document.line('')}: Experiment {experiment.name} is valid")


def _no_object(file: str, document: Document) -> Finding:
    return Finding(file, document.line(""), "", "is not an object. Write apiVersion, kind and metadata.name.")


def _is_object(value: Any) -> bool:
    """Return whether a value has the fields by which a server finds an object."""
    fields = value if isinstance(value, dict) else {}
    found = fields.get("metadata")
    metadata = found if isinstance(found, dict) else {}
    identity = fields.get("apiVersion"), fields.get("kind"), metadata.get("name")
    return all(isinstance(part, str) and part for part in identity)


def _is_experiment(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    return value.get("kind") == KIND or str(value.get("apiVersion")).startswith(f"{GROUP}/")
