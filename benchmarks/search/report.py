"""Parts of the result: goals, tables of ratios, and panels of the pictures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite
from pathlib import Path
from statistics import fmean

from comparison import Panel, draw, paired_ratio, time_to
from goals import Goal
from race import Runs, times_to_both_targets
from runs import NEARER, Setting, source

RESULTS = Path(__file__).parents[1] / "results"

COLUMNS = (
    "setting", "contestant", "s to 0.5", "ratio to 0.5", "reached", "s to 0.2", "ratio to 0.2", "reached",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, as shown."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the result.

    Attributes:
        tables: by name.
        panels: the panels of its picture, none if it has no picture.
        columns: panels side by side.
        picture: file name of the picture.
    """

    goals: Sequence[Goal]
    tables: Mapping[str, Table]
    panels: Sequence[Panel] = ()
    columns: int = field(default=1, kw_only=True)
    picture: str = field(default="", kw_only=True)

    def draw(self) -> None:
        """Write the picture, if there is one, to benchmarks/results/."""
        if self.panels:
            draw(
                self.panels,
                self.columns,
                RESULTS / self.picture,
                x_label="virtual seconds",
                y_label="points below the table's best",
            )


def comparison_rows(setting: Setting, runs: Runs, reference: str) -> list[list[str]]:
    """Return a row of the table for each contestant."""
    both = times_to_both_targets(setting, runs)
    return [
        [
            str(setting),
            name,
            *(
                cell
                for each in both
                for cell in (
                    _mean(each[name]),
                    str(paired_ratio(each[name], each[reference])),
                    f"{sum(map(isfinite, each[name]))}/{len(each[name])}",
                )
            ),
        ]
        for name in runs
    ]


def _mean(values: Sequence[float]) -> str:
    finite = [value for value in values if isfinite(value)]
    return f"{fmean(finite):.3g}" if finite else "-"


def panel(setting: Setting, runs: Runs, names: Iterable[str]) -> Panel:
    """Return the panel of a setting, up to the moment at which the last run reaches the nearer target."""
    best = source(setting.table).best
    last = max(time_to(run, best - NEARER) for each in runs.values() for run in each)
    until = last if last < inf else max(run[-1][0] for each in runs.values() for run in each)
    return Panel(str(setting), {name: runs[name] for name in names if name in runs}, best, until)
