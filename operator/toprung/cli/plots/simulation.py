"""Plots simulated runs: the incumbent over virtual time, with mean and standard deviation."""

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, pstdev

from matplotlib.figure import Figure

from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.errors import TopRungError
from toprung.simulate.simulation import Run

SAMPLES = 300
LINE, BEST = "#0072B2", "#999999"


def draw_runs(runs: Sequence[Run], spec: ExperimentSpec, best: float, path: Path) -> None:
    """Plot runs to a file, from the time at which every run has an incumbent.

    Raises:
        TopRungError: no run has an incumbent, or the file cannot be written.
    """
    known = [run for run in runs if run.incumbents]
    if not known:
        raise TopRungError("cannot plot the runs: none has an incumbent")
    first = max(run.incumbents[0][0] for run in known)
    last = max(run.seconds for run in known)
    times = [first + (last - first) * step / (SAMPLES - 1) for step in range(SAMPLES)]
    values = [[_value(run, time) for run in known] for time in times]
    means, spreads = [fmean(each) for each in values], [pstdev(each) for each in values]
    figure = Figure(figsize=(7.0, 4.2), layout="constrained")
    axes = figure.subplots()
    low, high = zip(*((m - s, m + s) for m, s in zip(means, spreads, strict=True)), strict=True)
    axes.fill_between(times, low, high, color=LINE, alpha=0.18, linewidth=0, label="one standard deviation")
    axes.plot(times, means, color=LINE, linewidth=2, label=f"mean of {len(known)} runs")
    axes.axhline(best, color=BEST, linewidth=1, linestyle=(0, (4, 3)), label="best value of the table")
    axes.set_xlabel("virtual time since start (seconds)")
    axes.set_ylabel(f"{spec.primary_objective.metric} of the incumbent")
    axes.legend(frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    try:
        figure.savefig(path, dpi=160)
    except (OSError, ValueError) as error:
        raise TopRungError(f"cannot write the plot to {path}: {error}") from error


def _value(run: Run, time: float) -> float:
    """Return the value of the incumbent at a time that is not before the first one."""
    return run.incumbents[bisect_right(run.incumbents, time, key=lambda each: each[0]) - 1][1]
