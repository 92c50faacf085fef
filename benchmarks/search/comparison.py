"""Computes paired ratios of times to a target, and draws incumbents over time."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import t as student

Incumbents = Sequence[tuple[float, float]]
"""(seconds since the start, value) of each observation better than all before; larger is better."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """Geometric mean of paired ratios with its 95 % interval (Student's t of the logarithms).

    Attributes:
        pairs: seeds with a finite time on both sides; only these count.
    """

    mean: float
    low: float
    high: float
    pairs: int

    def __str__(self) -> str:
        return f"{self.mean:.2f} ({self.low:.2f}-{self.high:.2f})" if self.pairs > 1 else "-"


def paired_ratio(times: Sequence[float], reference: Sequence[float]) -> Ratio:
    """Compare times with those of a reference on the seeds that both reached; smaller is faster."""
    logs = [math.log(a / b) for a, b in zip(times, reference, strict=False) if isfinite(a) and isfinite(b)]
    if len(logs) < 2:
        return Ratio(math.nan, math.nan, math.nan, len(logs))
    mean, error = float(np.mean(logs)), float(np.std(logs, ddof=1)) / math.sqrt(len(logs))
    margin = float(student.ppf(0.975, len(logs) - 1)) * error
    return Ratio(math.exp(mean), math.exp(mean - margin), math.exp(mean + margin), len(logs))


def time_to(incumbents: Incumbents, target: float) -> float:
    """Return the seconds until an incumbent reaches the target; infinite if none does."""
    return next((time for time, value in incumbents if value >= target), inf)


def mean_and_deviation(runs: Sequence[Incumbents], moments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation over runs of the incumbent at each moment; NaN until every run has one."""
    values = np.full((len(runs), len(moments)), np.nan)
    for row, run in enumerate(runs):
        times = np.array([time for time, _ in run])
        known = np.searchsorted(times, moments, side="right") - 1
        scores = np.array([value for _, value in run])
        values[row, known >= 0] = scores[known[known >= 0]]
    complete = ~np.isnan(values).any(axis=0)
    mean, deviation = np.full(len(moments), np.nan), np.full(len(moments), np.nan)
    mean[complete], deviation[complete] = values[:, complete].mean(axis=0), values[:, complete].std(axis=0)
    return mean, deviation


COLOURS = ("#000000", "#999999", "#E69F00", "#D55E00", "#CC79A7", "#56B4E9", "#009E73", "#0072B2")
"""The palette of Okabe and Ito, safe for colour-blind readers; the dashes repeat the distinction."""
DASHES = ("-", ":", "--", "-.", (0, (5, 1)), (0, (3, 1, 1, 1)), "-", "-")


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture of the grid: the runs of the contestants, the best value of the table, and the last moment shown."""

    title: str
    runs: Mapping[str, Sequence[Incumbents]]
    best: float
    until: float


def draw(panels: Sequence[Panel], columns: int, path: Path, *, x_label: str, y_label: str) -> None:
    """Draw the distance of the incumbent to the best over time: a line for the mean, a band of one deviation."""
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(4.6 * columns, 3.4 * rows + 0.8), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    names = list(dict.fromkeys(name for panel in panels for name in panel.runs))
    for axes, panel in zip(grid.flat, panels, strict=False):
        _panel(axes, panel, names)
    for axes in grid[:, 0]:
        axes.set_ylabel(y_label)
    for axes in grid[-1, :]:
        axes.set_xlabel(x_label)
    lines = {str(line.get_label()): line for axes in grid.flat for line in axes.get_lines()}
    shown = [name for name in names if name in lines]
    figure.legend(
        [lines[name] for name in shown], shown, loc="outside lower center", ncols=min(len(shown), 5), frameon=False
    )
    figure.savefig(path, dpi=110)


def _panel(axes: Axes, panel: Panel, names: Sequence[str]) -> None:
    moments = np.geomspace(panel.until / 300, panel.until, 300)
    for name, runs in panel.runs.items():
        number = names.index(name)  # the same line in every panel, even if contestants are absent
        mean, deviation = mean_and_deviation(runs, moments)
        gap = 100 * (panel.best - mean)
        colour, dash = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
        axes.plot(moments, gap, color=colour, linestyle=dash, linewidth=1.8, label=name)
        axes.fill_between(
            moments, np.maximum(gap - 100 * deviation, 0.05), gap + 100 * deviation, color=colour, alpha=0.08
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(0.1, 30)
    axes.set_title(panel.title, loc="left", fontsize=10)
    axes.grid(visible=True, color="#e8e8e8", linewidth=0.8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
