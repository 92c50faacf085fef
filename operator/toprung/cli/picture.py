"""The picture of an experiment: its any-time curve, and the learning curves of all its trials."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import isfinite
from pathlib import Path
from statistics import quantiles
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from toprung.api.errors import TopRungError
from toprung.api.experiment import Objective
from toprung.api.trial import TrialState
from toprung.cli.board import Scene, scene_of
from toprung.cli.curves import any_time_curve, levels, resource_name
from toprung.cli.words import duration, number
from toprung.planning.incumbent import incumbent
from toprung.planning.records import ExperimentRecord, TrialRecord

COLOURS = {
    TrialState.SUCCEEDED: "#0072B2",
    TrialState.STOPPED: "#E69F00",
    TrialState.FAILED: "#D55E00",
    TrialState.RUNNING: "#009E73",
    TrialState.PAUSED: "#CC79A7",
    TrialState.PENDING: "#999999",
}
"""Okabe and Ito's palette, which colour-blind people tell apart; the shape of a dot says it again."""
MARKERS = {TrialState.SUCCEEDED: "o", TrialState.STOPPED: "s", TrialState.FAILED: "X"}
INK, FAINT = "#222222", "#c8c8c8"
TITLE: Mapping[str, Any] = {"loc": "left", "fontsize": 11, "color": INK}
SIZE = (11.0, 4.6)
DOTS_PER_INCH = 160
"""1,760 pixels wide: twice the width of a README."""
MINUTE, HOUR = 60.0, 3600.0
MARGIN = 0.05
FEWEST_TO_CUT = 8
OUTLIER = 1.5
"""Interquartile ranges beyond the quartile from which on a value is cut off."""


def draw(experiment: Mapping[str, Any], trials: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw an Experiment and its Trials, given as the API gives them; the file's ending says PNG, SVG or PDF.

    Raises:
        TopRungError: the Experiment is invalid, or the file can't be written.
    """
    draw_scene(scene_of(experiment, tuple(trials)), path)


def draw_scene(scene: Scene, path: Path) -> None:
    """Draw a scene; see :func:`draw`."""
    try:
        figure_of(scene).savefig(path, dpi=DOTS_PER_INCH)
    except (OSError, ValueError) as error:
        raise TopRungError(f"the picture can't be written to {path}: {error}") from error


def figure_of(scene: Scene) -> Figure:
    """Make the figure, for a file or a notebook.

    Raises:
        TopRungError: the Experiment is invalid.
    """
    experiment = scene.experiment
    if not isinstance(experiment, ExperimentRecord):
        raise TopRungError(
            f"Experiment {experiment.name} is invalid, so there is nothing to draw: {experiment.message}"
        )
    figure = Figure(figsize=SIZE, layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    _any_time(left, experiment, scene.trials)
    _learning_curves(right, experiment, scene.trials)
    _limit(left, experiment.spec.primary, scene.trials)
    _mark_cut(left, experiment, scene.trials)
    _title(figure, experiment, scene.trials)
    _legend(figure, scene.trials)
    return figure


def _any_time(axes: Axes, experiment: ExperimentRecord, trials: Sequence[TrialRecord]) -> None:
    """The incumbent's value over the time since the start, with a dot for what each trial came to."""
    start, unit, word = _clock(experiment, trials)
    end = _end(experiment, trials)
    curve = any_time_curve(trials, experiment.spec.primary)
    if curve:
        times = [_since(start, time, unit) for time, _ in curve]
        values = [value for _, value in curve]
        axes.step([*times, _since(start, end, unit)], [*values, values[-1]], where="post", color=INK, linewidth=2)
    for trial in trials:
        if (best := trial.progress.best) is not None:
            _dot(axes, _since(start, best.time, unit), best.value, trial.state)
    axes.set_xlim(left=0)
    _dress(axes, "best so far", f"{word} since the start", experiment.spec.primary.metric)


def _learning_curves(axes: Axes, experiment: ExperimentRecord, trials: Sequence[TrialRecord]) -> None:
    """The value over the step for every trial, the best one bold, and the rungs."""
    best = incumbent(trials, experiment.spec.primary)
    for level in levels(experiment.spec):
        axes.axvline(level, color=FAINT, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
    for trial in trials:
        points = [(step, value) for step, value in trial.progress.curve if isfinite(value)]
        if points:
            _curve(axes, points, trial.state, bold=best is not None and trial.index == best[0].index)
    if best is not None:
        _ring(axes, best[1].step, best[1].value)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    name = resource_name(experiment.spec)
    _dress(axes, "learning curves", f"{name} (dashed: rungs)" if levels(experiment.spec) else name, "")


def _curve(axes: Axes, points: Sequence[tuple[int, float]], state: TrialState, *, bold: bool) -> None:
    steps, values = zip(*points, strict=True)
    width, opacity, above = (2.6, 1.0, 3) if bold else (1.1, 0.65, 2)
    axes.plot(steps, values, color=COLOURS[state], linewidth=width, alpha=opacity, zorder=above)
    _dot(axes, steps[-1], values[-1], state)


def _dot(axes: Axes, x: float, y: float, state: TrialState) -> None:
    axes.plot(
        [x],
        [y],
        MARKERS.get(state, "o"),
        color=COLOURS[state],
        markersize=5,
        markeredgecolor="white",
        markeredgewidth=0.6,
        zorder=4,
    )


def _ring(axes: Axes, step: int, value: float) -> None:
    """Ring the best observation; the title names it, so no label can lie over a curve."""
    axes.plot(
        [step], [value], "o", markersize=12, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.6, zorder=5
    )


def _limit(axes: Axes, objective: Objective, trials: Sequence[TrialRecord]) -> None:
    """Cut off values far on the bad side, such as a diverged loss, that would flatten all the rest."""
    values = [value for trial in trials for _, value in trial.progress.curve if isfinite(value)]
    if len(values) < FEWEST_TO_CUT:
        return
    lower, _, upper = quantiles(values, n=4)
    reach = OUTLIER * (upper - lower)
    if objective.type == "maximize" and min(values) < (edge := lower - reach):
        axes.set_ylim(edge, max(values) + MARGIN * (max(values) - edge))
    elif objective.type == "minimize" and max(values) > (edge := upper + reach):
        axes.set_ylim(min(values) - MARGIN * (edge - min(values)), edge)


def _mark_cut(axes: Axes, experiment: ExperimentRecord, trials: Sequence[TrialRecord]) -> None:
    """Put an arrow at the edge for each trial whose best lies beyond it, so that nothing is left out in silence."""
    low, high = axes.get_ylim()
    start, unit, _ = _clock(experiment, trials)
    for trial in trials:
        best = trial.progress.best
        if best is not None and not low <= best.value <= high:
            axes.set_title("best so far (arrows: beyond the scale)", **TITLE)
            edge, arrow = (low, "v") if best.value < low else (high, "^")
            x, colour = _since(start, best.time, unit), COLOURS[trial.state]
            axes.plot([x], [edge], arrow, color=colour, markersize=6, clip_on=False, zorder=5)


def _dress(axes: Axes, title: str, x_label: str, y_label: str) -> None:
    axes.set_title(title, **TITLE)
    axes.set_xlabel(x_label, fontsize=11)
    axes.set_ylabel(y_label, fontsize=11)
    axes.tick_params(labelsize=10, colors=INK)
    axes.grid(axis="y", color="#ececec", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _title(figure: Figure, experiment: ExperimentRecord, trials: Sequence[TrialRecord]) -> None:
    best = incumbent(trials, experiment.spec.primary)
    text = experiment.name
    if best is not None:
        trial, observation = best
        value = f"{experiment.spec.primary.metric} {number(observation.value)}"
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
