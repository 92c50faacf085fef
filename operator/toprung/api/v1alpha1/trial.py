"""The Trial: one configuration and all that is known of it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from toprung.api.names import EXPERIMENT_NAME, MAX_EXPERIMENT_NAME
from toprung.api.v1alpha1.base import Model
from toprung.api.v1alpha1.experiment import ParameterAssignments

MAX_EXAMPLE = 128
"""Characters of a report that is quoted."""
MAX_INDEX = 999_999
"""Of a Trial: above maxTrialCount, since the index of a deleted Trial is not used again."""
MAX_COLUMN = 4096
"""Characters of status.parameters."""
MAX_IMAGE_ID = 1024
"""Characters of status.imageID."""
MAX_DEVICES = 16
"""Entries of status.devices."""
MAX_MODEL = 253
"""Characters of status.devices[].model."""

MAX_METRICS = 160
"""Of one report: four objectives, and the additional metrics of each."""
Metrics = Annotated[dict[Annotated[str, Field(max_length=128)], float | None], Field(max_length=MAX_METRICS)]


class TrialState(StrEnum):
    """Where a trial is in its life; planning.lifecycle has the table of the transitions."""

    PENDING = "Pending"
    RUNNING = "Running"
    PAUSED = "Paused"
    SUCCEEDED = "Succeeded"
    STOPPED = "Stopped"
    FAILED = "Failed"

    @property
    def terminal(self) -> bool:
        """Whether no attempt will follow."""
        return self in _TERMINAL


_TERMINAL = TrialState.SUCCEEDED, TrialState.STOPPED, TrialState.FAILED  # here, for members take time to look up


class TrialSpec(Model):
    """Written once by the operator, never changed."""

    experiment: Annotated[str, Field(pattern=EXPERIMENT_NAME, max_length=MAX_EXPERIMENT_NAME)]
    """Name of the Experiment."""
    index: Annotated[int, Field(ge=0, le=MAX_INDEX)]
    """Counts the experiment's trials from 0."""
    parameters: ParameterAssignments
    """The configuration; with population based training that of the beginning, see status.lineage."""
    bracket: Annotated[int, Field(ge=0, le=64)] = 0
    """The early-stopping bracket that the trial belongs to."""


class ObservationStatus(Model):
    """One report of the objective."""

    step: float
    """The resource consumed; a fraction such as epoch 1.5 is a step."""
    value: float | None = None
    """Absent where the value was not finite."""
    display_value: Annotated[str | None, Field(max_length=64)] = None
    """The value to six digits, for the printer columns."""
    finite: bool = True
    time: datetime
    metrics: Metrics = Field(default_factory=dict)
    """The additional metrics of the same step that were finite."""


class MeanStatus(Model):
    """The mean of the finite values of the objective so far."""

    count: Annotated[int, Field(ge=0)]
    """Of how many."""
    value: float | None = None
    """Absent where it left the range of a number."""


class IgnoredReportsStatus(Model):
    """Reports that did not count, for one reason."""

    reason: Annotated[str, Field(max_length=64)]
    """Why: NotANumber, InvalidStep, NoStep (reports with steps were printed too), EarlierStep, AmbiguousName (as in
    "train loss=0.5"), OtherStep (only counted by lines, because its step is not the resource of early stopping), or
    Skipped (a part of the log, because the program printed faster than it is read)."""
    count: Annotated[int, Field(ge=1)]
    """How many."""
    example: Annotated[str, Field(max_length=MAX_EXAMPLE)] = ""
    """What the first of them had in place of the number."""


class ReadingStatus(Model):
    """How far the log of an attempt was read, and how its steps are counted; written and read by the operator."""

    attempt: Annotated[int, Field(ge=1)]
    time: datetime | None = None
    """Of the last report that was read."""
    place: int | None = None
    """How many reports with that time precede it."""
    base: float | None = None
    """The trial's latest step when the attempt started."""
    name: Annotated[str, Field(max_length=128)] | None = None
    """Name of the step in the reports; absent where lines are counted."""
    offset: float | None = None
    """Is added to the reported steps, after the program began them again."""
    first: float | None = None
    """The first reported step since then."""
    last: float | None = None
    """The last reported step."""
    epoch: float | None = None
    """The epoch beside it."""
    counted: float | None = None
    """The step of the last report that had only a step of another name."""
    stepped: bool | None = None
    """Whether an earlier attempt reported steps."""


class PendingStatus(Model):
    """Metrics that wait for the objective of their step."""

    step: float | None = None
    metrics: Metrics = Field(default_factory=dict)


class ReportsStatus(Model):
    """Which reports did not count, and what is needed to continue reading after a restart of the operator."""

    ignored: Annotated[tuple[IgnoredReportsStatus, ...], Field(max_length=8)] = ()
    """Reports that did not count, by reason."""
    reading: ReadingStatus | None = None
    pending: PendingStatus | None = None
    previous_best: ObservationStatus | None = None
    """The best before the latest step, where that is the best."""
    previous_mean: MeanStatus | None = None
    """The mean before the latest step."""
    excess: Annotated[int | None, Field(ge=0)] = None
    """Reports beyond maxResource: the program trains on. Absent for 0."""


class RungStatus(Model):
    """What was recorded at one rung, and the verdict, which never changes."""

    resource: int
    value: float | None = None
    """Absent where the value was not finite, or the trial failed on its way to the rung."""
    best: float | None = None
    """The best finite value up to there; written for rules that compare curves."""
    mean: float | None = None
    """The mean of the finite values up to there; written for rules that compare curves."""
    verdict: Literal["Continue", "Stop", "Pause", "Promote", "Exploit", "Failed"]
    time: datetime


class LineageStatus(Model):
    """A copy of a better trial's checkpoint and parameters, in population based training."""

    resource: float
    """The step up to which the trial's own reports were with what it had before."""
    from_: Annotated[str, Field(alias="from", max_length=253)]
    """Name of the Trial whose checkpoint and parameters it took."""
    attempt: Annotated[int, Field(ge=1)]
    """The first attempt that runs with it."""
    parameters: ParameterAssignments
    """The other trial's parameters, perturbed: what runs from then on."""
    offset: Annotated[int | None, Field(ge=0)] = None
    """By how much the steps of the other trial's program were above that trial's own; absent for 0."""
    extended: Annotated[int | None, Field(ge=0)] = None
    """Resource that was added because the checkpoint was complete when it was copied; absent for 0. The program trains
    up to maxResource + offset + extended, and its steps are recorded less the two."""


class DeviceStatus(Model):
    """The accelerators of one kind that the trial's Pod uses."""

    name: Annotated[str, Field(max_length=317)]
    """Name of the extended resource, such as nvidia.com/gpu, or of the claim's template or the claim."""
    model: Annotated[str | None, Field(max_length=MAX_MODEL)] = None
    """Product name of the device, where the node or the driver publishes it."""
    count: Annotated[int, Field(ge=0)]
    """Number of devices."""


class TrialStatus(Model):
    """What is known of the trial."""

    state: TrialState | None = None
    reason: Annotated[str, Field(max_length=128)] = ""
    message: Annotated[str, Field(max_length=32768)] = ""
    attempt: int = 1
    """The attempt that runs or ran last; its Pod is <trial>-<attempt>."""
    failures: int = 0
    """Attempts that the program failed."""
    disruptions: int = 0
    """Attempts that were evicted, preempted or lost with their node."""
    start_time: datetime | None = None
    completion_time: datetime | None = None
    latest: ObservationStatus | None = None
    best: ObservationStatus | None = None
    latest_complete: ObservationStatus | None = None
    """Of several objectives: the last report that has all of them."""
    mean: MeanStatus | None = None
    reports: ReportsStatus | None = None
    """What was read of the trial's log."""
    rung: int | None = None
    """Resource of the highest rung reached."""
    rungs: Annotated[tuple[RungStatus, ...], Field(max_length=64)] = ()
    lineage: Annotated[tuple[LineageStatus, ...], Field(max_length=64)] = ()
    """Which trials it copied from, in order; the last entry has the parameters that run now."""
    curve: Annotated[tuple[tuple[float, float | None], ...], Field(max_length=64)] = ()
    """At most 64 (step, value) points, thinned evenly."""
    node: Annotated[str, Field(max_length=253)] = ""
    image_id: Annotated[str | None, Field(alias="imageID", max_length=MAX_IMAGE_ID)] = None
    """Digest of the primary container's image, as the container runtime reports it."""
    devices: Annotated[tuple[DeviceStatus, ...], Field(max_length=MAX_DEVICES)] = ()
    """The accelerators that the last attempt used."""
    accelerator_seconds: float = 0.0
    """Device-seconds used by the attempts so far."""
    parameters: Annotated[str, Field(max_length=MAX_COLUMN)] = ""
    """The configuration in one line, for the printer column."""
