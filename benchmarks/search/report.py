"""Parts of the report: tables of ratios, and panels of the pictures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path
from statistics import fmean

from comparison import Panel, draw, paired_ratio, time_to
from race import Runs, near_and_nearer
from runs import NEARER, Setting, source

RESULTS = Path(__file__).parents[1] / "results"

HEADERS = (
    "setting", "who", "s to 0.5", "ratio to 0.5", "reached", "s to 0.2", "ratio to 0.2", "reached",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report, with its picture: panels in so many columns."""

    text: str
    panels: Sequence[Panel] = ()
    columns: int = 1
    picture: str = ""

    def draw(self) -> None:
        """Write the picture, if there is one, beside this file."""
        if self.panels:
            draw(
                self.panels,
                self.columns,
                RESULTS / self.picture,
                x_label="virtual seconds",
                y_label="points below the table's best",
            )


def compared(setting: Setting, runs: Runs, reference: str) -> list[list[str]]:
    """Give a line of the table for each contestant."""
    both = near_and_nearer(setting, runs)
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


def paragraph(text: str) -> str:
    return " ".join(text.split()) + "\n"


def markdown(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def panel(setting: Setting, runs: Runs, names: Iterable[str]) -> Panel:
    best = source(setting.table).best
    last = max(time_to(run, best - NEARER) for each in runs.values() for run in each)
    until = last if last < inf else max(run[-1][0] for each in runs.values() for run in each)
    return Panel(str(setting), {name: runs[name] for name in names if name in runs}, best, until)
