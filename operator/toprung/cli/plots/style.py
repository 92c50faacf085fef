"""Colours, markers, labels and axis limits that all plots share."""

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
"""The palette of Okabe and Ito, which is safe for colour blindness. The markers differ too."""
MARKERS = {TrialState.SUCCEEDED: "o", TrialState.STOPPED: "s", TrialState.FAILED: "X"}
INK, FAINT = "#222222", "#c8c8c8"
TITLE: Mapping[str, Any] = {"loc": "left", "fontsize": 11, "color": INK}
MARGIN = 0.05
MIN_VALUES_TO_CUT = 8
MAX_MAGNITUDE = 1e150
"""Larger magnitudes are clamped: the range of an axis and its square must be finite."""
OUTLIER = 1.5
"""Interquartile ranges outside the quartiles from which a value is an outlier."""


def clamped(value: float) -> float:
    """Return the value, clamped to the range that an axis can show."""
    return max(-MAX_MAGNITUDE, min(value, MAX_MAGNITUDE))


def draw_point(axes: Axes, x: float, y: float, state: TrialState) -> None:
    """Draw a point in the colour and with the marker of a state."""
    axes.plot(
        [clamped(x)],
        [clamped(y)],
        MARKERS.get(state, "o"),
        color=COLOURS[state],
        markersize=5,
        markeredgecolor="white",
        markeredgewidth=0.6,
        zorder=4,
    )


def mark_best(axes: Axes, x: float, y: float) -> None:
    """Draw a ring around the best point. The title explains it, so that no label covers a curve."""
    axes.plot(
        [clamped(x)],
        [clamped(y)],
        "o",
        markersize=12,
        markerfacecolor="none",
        markeredgecolor=INK,
        markeredgewidth=1.6,
        zorder=5,
    )


def axis_limits(values: Sequence[float], *, maximize: bool) -> tuple[float, float] | None:
    """Return axis limits that exclude outliers on the bad side, such as a diverged loss; None if there are none."""
    if len(values) < MIN_VALUES_TO_CUT:
        return None
    values = [clamped(value) for value in values]
    lower, _, upper = quantiles(values, n=4)
    margin = OUTLIER * (upper - lower)
    if maximize and min(values) < (edge := lower - margin):
        return edge, max(values) + MARGIN * (max(values) - edge)
    if not maximize and max(values) > (edge := upper + margin):
        return min(values) - MARGIN * (edge - min(values)), edge
    return None


def label_axes(axes: Axes, title: str, x_label: str, y_label: str) -> None:
    """Set title, labels, ticks and grid."""
    axes.set_title(title, **TITLE)
    axes.set_xlabel(x_label, fontsize=11)
    axes.set_ylabel(y_label, fontsize=11)
    axes.tick_params(labelsize=10, colors=INK)
    axes.grid(axis="y", color="#ececec", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
