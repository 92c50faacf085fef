"""Plots the Pareto front: one objective against another."""

from collections.abc import Sequence
from math import isfinite

from matplotlib.axes import Axes

from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.cli.plots.style import INK, axis_limits, clamped, draw_point, label_axes, mark_best
from toprung.objects.trial import TrialRecord
from toprung.planning.pareto import Scores, pareto_front, values_of
from toprung.planning.scoring import scores_of


def draw_pareto_front(axes: Axes, spec: ExperimentSpec, trials: Sequence[TrialRecord], other: int) -> None:
    """Draw the first objective against the one at index `other`, with a point for each trial that has all values.

    Trials on the front are ringed. With two objectives, the front is drawn as a step line too.
    """
    scored = [(trial, scores) for trial in trials if all(map(isfinite, scores := scores_of(trial, spec))) and scores]
    front = [values_of(scores, spec) for _, scores in pareto_front(trials, spec)]
    for trial, scores in scored:
        values = values_of(scores, spec)
        draw_point(axes, values[0], values[other], trial.state)
    for values in front:
        mark_best(axes, values[0], values[other])
    _, *others = spec.all_objectives
    if len(others) == 1:
        axes.step(*([clamped(values[at]) for values in front] for at in (0, 1)), where="post", color=INK)
    points = [values_of(scores, spec) for _, scores in scored]
    for at, limit in ((0, axes.set_xlim), (other, axes.set_ylim)):
        ends = _limits(points, front, at, maximize=spec.all_objectives[at].type == "maximize")
        if ends is not None:
            limit(*ends)
    first, second = (f"{spec.all_objectives[at].metric} ({spec.all_objectives[at].type})" for at in (0, other))
    label_axes(axes, f"Pareto front (ringed){_outside(axes, points, other)}", first, second)


def _limits(
    points: Sequence[Scores], front: Sequence[Scores], at: int, *, maximize: bool
) -> tuple[float, float] | None:
    """Return axis limits that exclude outliers, or None if there are none or one is on the front."""
    ends = axis_limits([values[at] for values in points], maximize=maximize)
    whole = ends is not None and all(ends[0] <= values[at] <= ends[1] for values in front)
    return ends if whole else None


def _outside(axes: Axes, points: Sequence[Scores], other: int) -> str:
    """Return the number of points outside the axis limits, as a part of the title."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    count = sum(not (left <= values[0] <= right and low <= values[other] <= high) for values in points)
    return f", {count} outside the axes" if count else ""
