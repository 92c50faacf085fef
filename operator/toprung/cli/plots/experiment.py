"""Plots an Experiment: the best value over time, the learning curves of all trials, and the Pareto front."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from toprung.api.v1alpha1.objectives import Objective
from toprung.api.v1alpha1.trial import TrialState
from toprung.cli.display.curves import incumbent_curve, resource_name, rung_levels_of
from toprung.cli.display.format import duration, number
from toprung.cli.display.watcher import ExperimentView, view_of
from toprung.cli.plots.pareto import draw_pareto_front
from toprung.cli.plots.style import (
    COLOURS,
    FAINT,
    INK,
    MARKERS,
    TITLE,
    axis_limits,
    clamped,
    draw_point,
    label_axes,
    mark_best,
)
from toprung.errors import TopRungError
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.trial import TrialRecord
from toprung.planning.scoring import incumbent

PANEL = (5.5, 4.6)
DOTS_PER_INCH = 160
"""Two panels are 1,760 pixels wide: twice the width of a README."""
MINUTE, HOUR = 60.0, 3600.0


def draw(experiment: Mapping[str, Any], trials: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Plot an Experiment and its Trials, as objects of the API, to a file.

    The suffix of the file selects PNG, SVG or PDF.

    Raises:
        TopRungError: the Experiment is invalid, or the file cannot be written.
    """
    draw_view(view_of(experiment, tuple(trials)), path)


def draw_view(view: ExperimentView, path: Path) -> None:
    """Plot a view to a file; see :func:`draw`."""
    try:
        figure_of(view).savefig(path, dpi=DOTS_PER_INCH)
    except (OSError, ValueError) as error:
        raise TopRungError(f"cannot write the plot to {path}: {error}") from error


def figure_of(view: ExperimentView) -> Figure:
    """Build the figure, for a file or a notebook.

    Raises:
        TopRungError: the Experiment is invalid.
    """
    experiment = view.experiment
    if not isinstance(experiment, ExperimentRecord):
        raise TopRungError(f"cannot plot the invalid Experiment {experiment.name}: {experiment.message}")
    panels = 1 + len(experiment.spec.all_objectives)
    figure = Figure(figsize=(panels * PANEL[0], PANEL[1]), layout="constrained")
    grid = figure.add_gridspec(1, panels)
    left = figure.add_subplot(grid[0])
    right = figure.add_subplot(grid[1], sharey=left)
    right.tick_params(labelleft=False)
    _incumbent_panel(left, experiment, view.trials)
    _curves_panel(right, experiment, view.trials)
    _set_limits(left, experiment.spec.primary_objective, view.trials)
    _mark_outliers(left, experiment, view.trials)
    for other in range(1, panels - 1):
        draw_pareto_front(figure.add_subplot(grid[other + 1]), experiment.spec, view.trials, other)
    _title(figure, experiment, view.trials)
    _legend(figure, view.trials)
    return figure


def _incumbent_panel(axes: Axes, experiment: ExperimentRecord, trials: Sequence[TrialRecord]) -> None:
    """Draw the best value over time, with a point for the best value of each trial."""
    start, unit, word = _clock(experiment, trials)
    end = _end(experiment, trials)
    curve = incumbent_curve(trials, experiment.spec.primary_objective)
    if curve:
        times = [_since(start, time, unit) for time, _ in curve]
        values = [clamped(value) for _, value in curve]
        axes.step([*times, _since(start, end, unit)], [*values, values[-1]], where="post", color=INK, linewidth=2)
    for trial in trials:
        if (best := trial.progress.best) is not None:
            draw_point(axes, _since(start, best.time, unit), best.value, trial.state)
    axes.set_xlim(left=0)
    label_axes(axes, "Best value over time", f"time since start ({word})", experiment.spec.primary_objective.metric)


def _curves_panel(axes: Axes, experiment: ExperimentRecord, trials: Sequence[TrialRecord]) -> None:
    """Draw the value over the step for every trial, the best trial in bold, and the rungs."""
    best = incumbent(trials, experiment.spec.primary_objective)
    for level in rung_levels_of(experiment.spec):
        axes.axvline(level, color=FAINT, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
    for trial in trials:
        points = [(step, value) for step, value in trial.progress.curve if isfinite(value)]
        if points:
            _curve(axes, points, trial.state, bold=best is not None and trial.index == best[0].index)
    if best is not None:
        mark_best(axes, best[1].step, best[1].value)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    name = resource_name(experiment.spec)
    label_axes(axes, "Learning curves", f"{name} (dashed: rungs)" if rung_levels_of(experiment.spec) else name, "")


def _curve(axes: Axes, points: Sequence[tuple[float, float]], state: TrialState, *, bold: bool) -> None:
    steps, values = zip(*points, strict=True)
    width, opacity, above = (2.6, 1.0, 3) if bold else (1.1, 0.65, 2)
    axes.plot(
        steps, [clamped(value) for value in values], color=COLOURS[state], linewidth=width, alpha=opacity, zorder=above
    )
    draw_point(axes, steps[-1], values[-1], state)


def _set_limits(axes: Axes, objective: Objective, trials: Sequence[TrialRecord]) -> None:
    values = [value for trial in trials for _, value in trial.progress.curve if isfinite(value)]
    ends = axis_limits(values, maximize=objective.type == "maximize")
    if ends is not None:
        axes.set_ylim(*ends)


def _mark_outliers(axes: Axes, experiment: ExperimentRecord, trials: Sequence[TrialRecord]) -> None:
    """Draw an arrow at the edge for each trial whose best value is outside the axis limits."""
    low, high = axes.get_ylim()
    start, unit, _ = _clock(experiment, trials)
    for trial in trials:
        best = trial.progress.best
        if best is not None and not low <= clamped(best.value) <= high:
            axes.set_title("Best value over time (arrows: outside the axis)", **TITLE)
            edge, arrow = (low, "v") if best.value < low else (high, "^")
            x, colour = _since(start, best.time, unit), COLOURS[trial.state]
            axes.plot([x], [edge], arrow, color=colour, markersize=6, clip_on=False, zorder=5)


def _title(figure: Figure, experiment: ExperimentRecord, trials: Sequence[TrialRecord]) -> None:
    best = incumbent(trials, experiment.spec.primary_objective)
    text = experiment.name
    if best is not None:
        trial, observation = best
        value = f"{experiment.spec.primary_objective.metric} {number(observation.value)}"
        text += f": best {value} by {trial.name} (ringed), {len(trials)} trials"
    if experiment.start_time and experiment.completion_time:
        text += f" in {duration(experiment.completion_time - experiment.start_time)}"
    figure.suptitle(text, fontsize=13, fontweight="bold", color=INK, x=0.01, ha="left")


def _legend(figure: Figure, trials: Sequence[TrialRecord]) -> None:
    counts = {state: sum(trial.state is state for trial in trials) for state in COLOURS}
    handles = [
        Line2D([], [], color=COLOURS[state], marker=MARKERS.get(state, "o"), label=f"{count} {state.lower()}")
        for state, count in counts.items()
        if count
    ]
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=10)


def _unit(seconds: float) -> tuple[float, str]:
    """Return the unit of time, in seconds and as a word, that suits a duration in seconds."""
    if seconds < 2 * MINUTE:
        return 1.0, "seconds"
    return (MINUTE, "minutes") if seconds < 2 * HOUR else (HOUR, "hours")


def _since(start: datetime, time: datetime, unit: float) -> float:
    return max(0.0, (time - start).total_seconds() / unit)


def _clock(experiment: ExperimentRecord, trials: Sequence[TrialRecord]) -> tuple[datetime, float, str]:
    """Return the start, and the unit of the time axis in seconds and as a word."""
    start = experiment.start_time or experiment.created
    return (start, *_unit((_end(experiment, trials) - start).total_seconds()))


def _end(experiment: ExperimentRecord, trials: Sequence[TrialRecord]) -> datetime:
    """Return the completion time, or the time of the latest observation before it."""
    observed = (trial.progress.latest.time for trial in trials if trial.progress.latest is not None)
    return experiment.completion_time or max(observed, default=experiment.start_time or experiment.created)
