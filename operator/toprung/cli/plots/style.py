"""What the panels of a picture have in common: colours, dots, axes, and where a scale ends."""

from collections.abc import Mapping, Sequence
from statistics import quantiles
from typing import Any

from matplotlib.axes import Axes

from toprung.api.v1alpha1.trial import TrialState

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
MARGIN = 0.05
FEWEST_TO_CUT = 8
LARGEST = 1e150
"""The largest magnitude drawn as it is: the span of an axis, and its square, must be numbers."""
OUTLIER = 1.5
"""Interquartile ranges beyond the quartile from which on a value is cut off."""


def drawable(value: float) -> float:
    """Return the value within what an axis can show."""
    return max(-LARGEST, min(value, LARGEST))


def dot(axes: Axes, x: float, y: float, state: TrialState) -> None:
    """Draw what a trial came to, in its state's colour and shape."""
    axes.plot(
        [drawable(x)],
        [drawable(y)],
        MARKERS.get(state, "o"),
        color=COLOURS[state],
        markersize=5,
        markeredgecolor="white",
        markeredgewidth=0.6,
        zorder=4,
    )


def ring(axes: Axes, x: float, y: float) -> None:
    """Ring what is best; the title says so, so no label can lie over a curve."""
    axes.plot(
        [drawable(x)],
        [drawable(y)],
        "o",
        markersize=12,
        markerfacecolor="none",
        markeredgecolor=INK,
        markeredgewidth=1.6,
        zorder=5,
    )


def scale(values: Sequence[float], *, maximize: bool) -> tuple[float, float] | None:
    """Give an axis' ends where values lie far on the bad side, such as a diverged loss, and would flatten the rest."""
    if len(values) < FEWEST_TO_CUT:
        return None
    values = [drawable(value) for value in values]
    lower, _, upper = quantiles(values, n=4)
    reach = OUTLIER * (upper - lower)
    if maximize and min(values) < (edge := lower - reach):
        return edge, max(values) + MARGIN * (max(values) - edge)
    if not maximize and max(values) > (edge := upper + reach):
        return min(values) - MARGIN * (edge - min(values)), edge
    return None


def dress(axes: Axes, title: str, x_label: str, y_label: str) -> None:
    """Give the axes what all have."""
    axes.set_title(title, **TITLE)
    axes.set_xlabel(x_label, fontsize=11)
    axes.set_ylabel(y_label, fontsize=11)
    axes.tick_params(labelsize=10, colors=INK)
    axes.grid(axis="y", color="#ececec", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
