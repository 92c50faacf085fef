"""The panel of the Pareto front: what one objective costs in another."""

from collections.abc import Sequence
from math import isfinite

from matplotlib.axes import Axes

from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.cli.plots.style import INK, dot, drawable, dress, ring, scale
from toprung.objects.trial import TrialRecord
from toprung.planning.pareto import Scores, pareto_front, values_of
from toprung.planning.scoring import scores_of


def trade(axes: Axes, spec: ExperimentSpec, trials: Sequence[TrialRecord], other: int) -> None:
    """Draw the first objective against the one at index `other`: a dot for each trial that has ended with all of them.

    Those on the front are ringed. Of two objectives the front's edge is drawn as well: nobody has come beyond it.
    """
    scored = [(trial, scores) for trial in trials if all(map(isfinite, scores := scores_of(trial, spec))) and scores]
    front = [values_of(scores, spec) for _, scores in pareto_front(trials, spec)]
    for trial, scores in scored:
        values = values_of(scores, spec)
        dot(axes, values[0], values[other], trial.state)
    for values in front:
        ring(axes, values[0], values[other])
    _, *others = spec.all_objectives
    if len(others) == 1:
        axes.step(*([drawable(values[at]) for values in front] for at in (0, 1)), where="post", color=INK)
    everybody = [values_of(scores, spec) for _, scores in scored]
    for at, limit in ((0, axes.set_xlim), (other, axes.set_ylim)):
        ends = _ends(everybody, front, at, maximize=spec.all_objectives[at].type == "maximize")
        if ends is not None:
            limit(*ends)
    first, second = (f"{spec.all_objectives[at].metric} ({spec.all_objectives[at].type})" for at in (0, other))
    dress(axes, f"Pareto front (ringed){_beyond(axes, everybody, other)}", first, second)


def _ends(
    everybody: Sequence[Scores], front: Sequence[Scores], at: int, *, maximize: bool
) -> tuple[float, float] | None:
    """Give the axis' ends where some values would flatten the rest and are not on the front, which is shown whole."""
    ends = scale([values[at] for values in everybody], maximize=maximize)
    whole = ends is not None and all(ends[0] <= values[at] <= ends[1] for values in front)
    return ends if whole else None


def _beyond(axes: Axes, everybody: Sequence[Scores], other: int) -> str:
    """Say how many dots are not to be seen, so that nothing is left out in silence."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    count = sum(not (left <= values[0] <= right and low <= values[other] <= high) for values in everybody)
    return f", {count} beyond the scale" if count else ""
