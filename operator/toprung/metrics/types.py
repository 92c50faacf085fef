"""What a training program reports, and how the operator counts it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import nan

MAX_CURVE_POINTS = 64


@dataclass(frozen=True, slots=True)
class Report:
    """One parsed line of a program.

    Attributes:
        step: the resource consumed so far (epochs, iterations); None where the line does not say.
        values: metric name -> value; NaN and infinities are kept as floats.
    """

    step: int | None
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Observation:
    """The objective at one step, with the additional metrics of the same step; value may be NaN or infinite."""

    step: int
    value: float
    time: datetime
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Crossing(Observation):
    """The observation by which a trial first reached a rung level, and how the trial stood then.

    Attributes:
        best: the best finite value up to there, itself included; NaN where there was none.
        mean: the mean of the finite values up to there, likewise.
    """

    best: float = nan
    mean: float = nan


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of `count` values; NaN once it leaves the range of a float."""

    count: int = 0
    value: float = 0.0

    def with_one_more(self, value: float) -> "Mean":
        """Give the mean with another value in it."""
        count = self.count + 1
        return Mean(count, self.value * (self.count / count) + value / count)


@dataclass(frozen=True, slots=True)
class Progress:
    """All that is kept of a trial's reports; bounded, whatever the program prints.

    Attributes:
        latest: the last observation counted; steps up to it are ignored when they come again (replay, retry).
        best: the best finite observation by the objective's direction.
        curve: at most MAX_CURVE_POINTS (step, value) points, thinned evenly.
        crossings: rung level -> the observation by which the trial first reached it.
        pending: (step, additional metrics) of a step that has no objective yet; never stored.
        mean: of all finite values of the objective that were counted.
        complete: of several objectives: the last observation that has all of them.
    """

    latest: Observation | None = None
    best: Observation | None = None
    curve: tuple[tuple[int, float], ...] = ()
    crossings: Mapping[int, Crossing] = field(default_factory=dict)
    pending: tuple[int, Mapping[str, float]] | None = None
    mean: Mean = Mean()
    complete: Observation | None = None

    @property
    def last(self) -> Observation | None:
        """What a trial is scored by that is scored by its last value."""
        return self.complete or self.latest
