"""The picture of simulated runs: the incumbent over virtual time, mean and standard deviation."""

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, pstdev

from matplotlib.figure import Figure

from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.errors import TopRungError
from toprung.simulate.simulation import Run

MOMENTS = 300
INK, BEST = "#0072B2", "#999999"


def draw_runs(runs: Sequence[Run], spec: ExperimentSpec, best: float, path: Path) -> None:
    """Draw them from the moment on at which every run has an incumbent.

    Raises:
        TopRungError: none has one, or the file can't be written.
    """
    known = [run for run in runs if run.incumbents]
    if not known:
        raise TopRungError("no run has an incumbent, so there is nothing to draw")
    first = max(run.incumbents[0][0] for run in known)
    last = max(run.seconds for run in known)
    moments = [first + (last - first) * step / (MOMENTS - 1) for step in range(MOMENTS)]
    values = [[_value(run, moment) for run in known] for moment in moments]
    means, spreads = [fmean(each) for each in values], [pstdev(each) for each in values]
    figure = Figure(figsize=(7.0, 4.2), layout="constrained")
    axes = figure.subplots()
    low, high = zip(*((m - s, m + s) for m, s in zip(means, spreads, strict=True)), strict=True)
    axes.fill_between(moments, low, high, color=INK, alpha=0.18, linewidth=0, label="one standard deviation")
    axes.plot(moments, means, color=INK, linewidth=2, label=f"mean of {len(known)} runs")
    axes.axhline(best, color=BEST, linewidth=1, linestyle=(0, (4, 3)), label="the table's best")
    axes.set_xlabel("virtual seconds since the start")
    axes.set_ylabel(f"incumbent's {spec.primary_objective.metric}")
    axes.legend(frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    try:
        figure.savefig(path, dpi=160)
    except (OSError, ValueError) as error:
        raise TopRungError(f"the picture can't be written to {path}: {error}") from error


def _value(run: Run, moment: float) -> float:
    """Give the incumbent's value at a moment that is not before the first."""
    return run.incumbents[bisect_right(run.incumbents, moment, key=lambda each: each[0]) - 1][1]
