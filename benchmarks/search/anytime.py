"""Measures any-time performance of early stopping and samplers beside other packages', on recorded learning curves.

    python benchmarks/search/anytime.py --json benchmarks/results        # all, with the pictures; then pages.py
    python benchmarks/search/anytime.py --only samplers --table digits-grid --seeds 10

TopRung's rules run as in `toprung simulate`, by the operator's planner. peers.py drives the other packages with the
same virtual time. Completed runs are kept in .bench/ while code, tables and packages are the same, so that an
interrupted benchmark continues.
"""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from report import Section
from sections import SECTIONS, TABLES

sys.path.append(str(Path(__file__).parents[1]))
from markdown_tables import markdown
from run_record import json_option, write_run

GOAL_COLUMNS = ("setting", "figure", "measured", "verdict")


def show(name: str, section: Section) -> None:
    """Print a section."""
    print(f"## {name}\n")
    for table in section.tables.values():
        print(markdown(table.columns, table.rows))
    print(markdown(GOAL_COLUMNS, [[g.setting, g.figure, ", ".join(g.measured), g.verdict] for g in section.goals]))
    sys.stdout.flush()


def figures(sections: dict[str, Section]) -> list[dict[str, Any]]:
    """Return the goals of all sections for the record of the run."""
    return [
        {"section": name, **asdict(goal), "met": goal.met}
        for name, section in sections.items()
        for goal in section.goals
    ]


@click.command()
@click.option("--seeds", default=50, show_default=True, help="Runs of each contestant in each setting.")
@click.option("--only", type=click.Choice(list(SECTIONS)), multiple=True, help="Run only this section. Repeatable.")
@click.option("--table", type=click.Choice(TABLES), multiple=True, help="Use only this table. Repeatable.")
@json_option
def main(seeds: int, only: tuple[str, ...], table: tuple[str, ...], output: Path | None) -> None:
    """Run the benchmark and print its tables. A whole run with --json also draws the pictures."""
    sections = {}
    for name in only or SECTIONS:
        sections[name] = SECTIONS[name](seeds, table or TABLES)
        show(name, sections[name])
    if output is not None and not only and not table:
        for section in sections.values():
            section.draw()
    tables = {name: asdict(each) for section in sections.values() for name, each in section.tables.items()}
    write_run(output, "search", figures(sections), tables=tables)


if __name__ == "__main__":
    main()
