"""The types of reports and of the progress of a trial."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from math import isfinite, nan

MAX_CURVE_POINTS = 64
MAX_EXCESS = 2
"""Reports beyond the last rung level that are counted: one may be a summary, more mean that the program trains on."""
DEFAULT_STEP_NAMES = ("step", "epoch", "iteration")
EPOCH = "epoch"
MAX_STEP = 2**53
"""JSON numbers represent integers up to this one exactly."""


def integral(step: float) -> float:
    """Return an integral step as an integer, so that it is printed as one."""
    return int(step) if step == int(step) else step


@dataclass(frozen=True, slots=True)
class Report:
    """One parsed line of a program.

    Attributes:
        values: metric name -> value; NaN and infinities are kept as floats.
        steps: step name -> the resource consumed so far (epochs, iterations); empty where the line has none.
        rejected: metric name -> the name with a text that is not a number, as printed.
        bad_steps: step name -> the name with a text that is not a step, as printed.
        ambiguous: metric name -> the name behind another word, as in "train loss: 0.5".
        other_step: a step that has none of the names wanted, where the line has no other; "" without one.
        skipped: a metric in the beginning of a long line, which is not read; "" without one.
        restarts: whether the line is the first row below a repeated header of a table.
    """

    values: Mapping[str, float]
    steps: Mapping[str, float] = field(default_factory=dict)
    rejected: Mapping[str, str] = field(default_factory=dict)
    bad_steps: Mapping[str, str] = field(default_factory=dict)
    ambiguous: Mapping[str, str] = field(default_factory=dict)
    other_step: str = ""
    skipped: str = ""
    restarts: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A report's place in the log of one attempt, the same whenever the log is read.

    Attributes:
        time: of its line; of lines that are older than one before them, the newest time before.
        place: how many reports with that time precede it.
    """

    time: datetime
    place: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """The state of reading an attempt's log and of counting its steps.

    Attributes:
        attempt: the attempt whose log this is.
        position: of the last report that was read; reports up to it come again when the log is read again.
        base: the trial's latest step when the attempt started; a resumed program may repeat steps up to it.
        name: of the step that the objective's lines have; "" while none had one, so that lines are counted.
        offset: is added to the program's steps, which it began again.
        first: the program's first step since it began them again.
        last: the program's last step.
        epoch: the epoch next to that step, None where there was none.
        counted: the step of the last line that was counted, though it has no step of that name.
        stepped: whether an earlier attempt had steps.
    """

    attempt: int = 1
    position: Position | None = None
    base: float | None = None
    name: str = ""
    offset: float = 0.0
    first: float = 0.0
    last: float = 0.0
    epoch: float | None = None
    counted: float = 0.0
    stepped: bool = False


class Ignored(StrEnum):
    """The reason why a report does not count."""

    NOT_A_NUMBER = "NotANumber"
    INVALID_STEP = "InvalidStep"
    NO_STEP = "NoStep"
    EARLIER_STEP = "EarlierStep"
    AMBIGUOUS_NAME = "AmbiguousName"
    OTHER_STEP = "OtherStep"
    SKIPPED = "Skipped"


@dataclass(frozen=True, slots=True)
class IgnoredReports:
    """Reports that did not count for one reason.

    Attributes:
        count: how many.
        example: the first of them.
    """

    count: int
    example: str


@dataclass(frozen=True, slots=True)
class Tracking:
    """Settings for counting reports.

    Attributes:
        metric: name of the objective's metric.
        maximize: the objective's direction.
        levels: rung levels of the trial's bracket, ascending.
        others: names of the objectives beside the first.
        step_names: names of the step, the preferred one first.
        offset: by how much the program's steps are above the trial's own.
    """

    metric: str
    maximize: bool
    levels: tuple[int, ...] = ()
    others: frozenset[str] = frozenset()
    step_names: tuple[str, ...] = DEFAULT_STEP_NAMES
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Observation:
    """The objective at one step, with the additional metrics of the same step; value may be NaN or infinite."""

    step: float
    value: float
    time: datetime
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Crossing(Observation):
    """The observation by which a trial first reached a rung level, with the best and mean at that time.

    Attributes:
        best: the best finite value up to there, itself included; NaN where there was none.
        mean: the mean of the finite values up to there, itself included; NaN where there was none.
    """

    best: float = nan
    mean: float = nan


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of `count` values; NaN once it leaves the range of a float."""

    count: int = 0
    value: float = 0.0

    def with_value(self, value: float) -> "Mean":
        """Return the mean with another value in it; a non-finite value does not count."""
        if not isfinite(value):
            return self
        count = self.count + 1
        return Mean(count, self.value * (self.count / count) + value / count)


@dataclass(frozen=True, slots=True)
class Settled:
    """The best and the mean of the steps before the latest one, whose value may still be replaced."""

    best: Observation | None = None
    mean: Mean = Mean()


Pending = tuple[float | None, Mapping[str, float]]
"""The step of a report without the objective, None for the next one, and its additional metrics."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The state kept of a trial's reports; bounded for any output of the program.

    Attributes:
        latest: the last observation counted.
        best: the best finite observation by the objective's direction.
        curve: at most MAX_CURVE_POINTS (step, value) points, thinned evenly.
        crossings: rung level -> the observation by which the trial first reached it.
        pending: additional metrics that wait for their objective.
        mean: of all finite values of the objective that were counted.
        latest_complete: of several objectives: the last observation that has all of them.
        settled: best and mean without the latest step.
        reading: the state of reading the current attempt's log.
        ignored: the reports that did not count, by reason.
        excess: reports beyond the last rung level, at most MAX_EXCESS. They are no part of the curve.
    """

    latest: Observation | None = None
    best: Observation | None = None
    curve: tuple[tuple[float, float], ...] = ()
    crossings: Mapping[int, Crossing] = field(default_factory=dict)
    pending: Pending | None = None
    mean: Mean = Mean()
    latest_complete: Observation | None = None
    settled: Settled = Settled()
    reading: Reading | None = None
    ignored: Mapping[Ignored, IgnoredReports] = field(default_factory=dict)
    excess: int = 0

    @property
    def last(self) -> Observation | None:
        """Return the observation that scores a trial by its last value."""
        return self.latest_complete or self.latest
