"""The picture of an experiment: its any-time curve, the learning curves of all its trials, and its Pareto front."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from toprung.api.v1alpha1.experiment import Objective
from toprung.api.v1alpha1.trial import TrialState
from toprung.cli.display.format import duration, number
from toprung.cli.display.watcher import ExperimentView, scene_of
from toprung.cli.plots.curves import any_time_curve, levels, resource_name
from toprung.cli.plots.pareto import trade
from toprung.cli.plots.style import COLOURS, FAINT, INK, MARKERS, TITLE, dot, drawable, dress, ring, scale
from toprung.errors import TopRungError
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.trial import TrialRecord
from toprung.planning.scoring import incumbent

PANEL = (5.5, 4.6)
DOTS_PER_INCH = 160
"""Two panels are 1,760 pixels wide: twice the width of a README."""
MINUTE, HOUR = 60.0, 3600.0


def draw(experiment: Mapping[str, Any], trials: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw an Experiment and its Trials, given as the API gives them; the file's ending says PNG, SVG or PDF.

    Raises:
        TopRungError: the Experiment is invalid, or the file can't be written.
    """
    draw_scene(scene_of(experiment, tuple(trials)), path)


def draw_scene(scene: ExperimentView, path: Path) -> None:
    """Draw a scene; see :func:`draw`."""
    try:
        figure_of(scene).savefig(path, dpi=DOTS_PER_INCH)
    except (OSError, ValueError) as error:
        raise TopRungError(f"the picture can't be written to {path}: {error}") from error


def figure_of(scene: ExperimentView) -> Figure:
    """Make the figure, for a file or a notebook.

    Raises:
        TopRungError: the Experiment is invalid.
    """
    experiment = scene.experiment
    if not isinstance(experiment, ExperimentRecord):
        raise TopRungError(
            f"Experiment {experiment.name} is invalid, so there is nothing to draw: {experiment.message}"
        )
    panels = 1 + len(experiment.spec.all_objectives)
    figure = Figure(figsize=(panels * PANEL[0], PANEL[1]), layout="constrained")
    grid = figure.add_gridspec(1, panels)
    left = figure.add_subplot(grid[0])
    right = figure.add_subplot(grid[1], sharey=left)
    right.tick_params(labelleft=False)
    _any_time(left, experiment, scene.trials)
    _learning_curves(right, experiment, scene.trials)
    _limit(left, experiment.spec.primary_objective, scene.trials)
    _mark_cut(left, experiment, scene.trials)
    for other in range(1, panels - 1):
        trade(figure.add_subplot(grid[other + 1]), experiment.spec, scene.trials, other)
    _title(figure, experiment, scene.trials)
    _legend(figure, scene.trials)
    return figure


def _any_time(axes: Axes, experiment: ExperimentRecord, trials: Sequence[TrialRecord]) -> None:
    """The incumbent's value over the time since the start, with a dot for what each trial came to."""
    start, unit, word = _clock(experiment, trials)
    end = _end(experiment, trials)
    curve = any_time_curve(trials, experiment.spec.primary_objective)
    if curve:
        times = [_since(start, time, unit) for time, _ in curve]
        values = [drawable(value) for _, value in curve]
        axes.step([*times, _since(start, end, unit)], [*values, values[-1]], where="post", color=INK, linewidth=2)
    for trial in trials:
        if (best := trial.progress.best) is not None:
            dot(axes, _since(start, best.time, unit), best.value, trial.state)
    axes.set_xlim(left=0)
    dress(axes, "best so far", f"{word} since the start", experiment.spec.primary_objective.metric)


def _learning_curves(axes: Axes, experiment: ExperimentRecord, trials: Sequence[TrialRecord]) -> None:
    """The value over the step for every trial, the best one bold, and the rungs."""
    best = incumbent(trials, experiment.spec.primary_objective)
    for level in levels(experiment.spec):
        axes.axvline(level, color=FAINT, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
    for trial in trials:
        points = [(step, value) for step, value in trial.progress.curve if isfinite(value)]
        if points:
            _curve(axes, points, trial.state, bold=best is not None and trial.index == best[0].index)
    if best is not None:
        ring(axes, best[1].step, best[1].value)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    name = resource_name(experiment.spec)
    dress(axes, "learning curves", f"{name} (dashed: rungs)" if levels(experiment.spec) else name, "")


def _curve(axes: Axes, points: Sequence[tuple[float, float]], state: TrialState, *, bold: bool) -> None:
    steps, values = zip(*points, strict=True)
    width, opacity, above = (2.6, 1.0, 3) if bold else (1.1, 0.65, 2)
    axes.plot(
        steps, [drawable(value) for value in values], color=COLOURS[state], linewidth=width, alpha=opacity, zorder=above
    )
    dot(axes, steps[-1], values[-1], state)


def _limit(axes: Axes, objective: Objective, trials: Sequence[TrialRecord]) -> None:
    values = [value for trial in trials for _, value in trial.progress.curve if isfinite(value)]
    ends = scale(values, maximize=objective.type == "maximize")
    if ends is not None:
        axes.set_ylim(*ends)


def _mark_cut(axes: Axes, experiment: ExperimentRecord, trials: Sequence[TrialRecord]) -> None:
    """Put an arrow at the edge for each trial whose best lies beyond it, so that nothing is left out in silence."""
    low, high = axes.get_ylim()
    start, unit, _ = _clock(experiment, trials)
    for trial in trials:
        best = trial.progress.best
        if best is not None and not low <= drawable(best.value) <= high:
            axes.set_title("best so far (arrows: beyond the scale)", **TITLE)
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
    """Give the unit in which a span is read with ease."""
    if seconds < 2 * MINUTE:
        return 1.0, "seconds"
    return (MINUTE, "minutes") if seconds < 2 * HOUR else (HOUR, "hours")


def _since(start: datetime, time: datetime, unit: float) -> float:
    return max(0.0, (time - start).total_seconds() / unit)


def _clock(experiment: ExperimentRecord, trials: Sequence[TrialRecord]) -> tuple[datetime, float, str]:
    """Give the start, and the unit of the time axis in seconds and as a word."""
    start = experiment.start_time or experiment.created
    return (start, *_unit((_end(experiment, trials) - start).total_seconds()))


def _end(experiment: ExperimentRecord, trials: Sequence[TrialRecord]) -> datetime:
    """When it ended, or when the last was heard of it."""
    heard = (trial.progress.latest.time for trial in trials if trial.progress.latest is not None)
    return experiment.completion_time or max(heard, default=experiment.start_time or experiment.created)
