"""The Trial: one configuration of an Experiment, and its results."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from toprung.api.names import EXPERIMENT_NAME, MAX_EXPERIMENT_NAME
from toprung.api.v1alpha1.base import Model
from toprung.api.v1alpha1.parameters import ParameterAssignments

MAX_EXAMPLE = 128
"""Characters of status.reports.ignored[].example."""
MAX_INDEX = 999_999
"""Largest index of a Trial. It is above maxTrialCount, because the index of a deleted Trial is not reused."""
MAX_COLUMN = 4096
"""Characters of status.parameters."""
MAX_IMAGE_ID = 1024
"""Characters of status.imageID."""
MAX_DEVICES = 16
"""Entries of status.devices."""
MAX_MODEL = 253
"""Characters of status.devices[].model."""

MAX_METRICS = 160
"""Largest number of metrics of one step: four objectives, and the additional metrics of each."""
Metrics = Annotated[dict[Annotated[str, Field(max_length=128)], float | None], Field(max_length=MAX_METRICS)]


class TrialState(StrEnum):
    """State of the trial: Pending, Running, Paused, Succeeded, Stopped or Failed."""

    PENDING = "Pending"
    RUNNING = "Running"
    PAUSED = "Paused"
    SUCCEEDED = "Succeeded"
    STOPPED = "Stopped"
    FAILED = "Failed"

    @property
    def terminal(self) -> bool:
        """Return whether the state is final."""
        return self in _TERMINAL


_TERMINAL = (
    TrialState.SUCCEEDED,
    TrialState.STOPPED,
    TrialState.FAILED,
)  # a constant, because a lookup of a member is slow


class TrialSpec(Model):
    """Desired state of the Trial. The operator writes it once. It is immutable."""

    experiment: Annotated[str, Field(pattern=EXPERIMENT_NAME, max_length=MAX_EXPERIMENT_NAME)]
    """Name of the Experiment."""
    index: Annotated[int, Field(ge=0, le=MAX_INDEX)]
    """Index of the trial in its Experiment, from 0."""
    parameters: ParameterAssignments
    """Configuration of the trial. With population based training, the first configuration; see status.lineage."""
    bracket: Annotated[int, Field(ge=0, le=64)] = 0
    """Early stopping bracket of the trial."""


class ObservationStatus(Model):
    """A reported value of the objective."""

    step: float
    """Resource that the trial has used. It may be a fraction, such as epoch 1.5."""
    value: float | None = None
    """Absent if the value is not finite."""
    display_value: Annotated[str | None, Field(max_length=64)] = None
    """The value with six digits, for the printer columns."""
    finite: bool = True
    time: datetime
    metrics: Metrics = Field(default_factory=dict)
    """Finite additional metrics of the same step."""


class MeanStatus(Model):
    """Mean of the finite values of the objective."""

    count: Annotated[int, Field(ge=0)]
    """Number of values."""
    value: float | None = None
    """Absent if the mean exceeds the range of a number."""


class IgnoredReportsStatus(Model):
    """Reports that do not count, or whose step does not count, for the same reason."""

    reason: Annotated[str, Field(max_length=64)]
    """NotANumber: the value is not a plain number, such as 0,57 or 91.2%. InvalidStep: the step is not a number of at
    least 0. NoStep: the report has no step, and others have one. EarlierStep: the step is before the latest step.
    AmbiguousName: the name of the metric follows another word, as in "train loss=0.5", has several values in the line,
    or is in a table that other output interrupts. OtherStep: the report counts as the next step, because its step is
    not the resource of early stopping, or the steps count down. Skipped: a part of the log is not read, because a line
    is very long or the program prints faster than the operator reads."""
    count: Annotated[int, Field(ge=1)]
    """Number of reports."""
    example: Annotated[str, Field(max_length=MAX_EXAMPLE)] = ""
    """The first of these reports, as printed."""


class ReadingStatus(Model):
    """Position in the log of an attempt, and state of counting its steps. For the operator only."""

    attempt: Annotated[int, Field(ge=1)]
    time: datetime | None = None
    """Time of the last report that was read."""
    place: int | None = None
    """Number of reports with the same time before it."""
    base: float | None = None
    """Latest step of the trial when the attempt started."""
    name: Annotated[str, Field(max_length=128)] | None = None
    """Name of the step in the reports. Absent if lines are counted."""
    offset: float | None = None
    """Offset that is added to reported steps, because the program restarted them."""
    first: float | None = None
    """First reported step since the restart."""
    last: float | None = None
    """Last reported step."""
    epoch: float | None = None
    """Epoch of the last reported step."""
    counted: float | None = None
    """Step of the last report that has only a step with another name."""
    stepped: bool | None = None
    """Whether an earlier attempt reported steps."""


class PendingStatus(Model):
    """Metrics of a step whose objective is not yet reported."""

    step: float | None = None
    metrics: Metrics = Field(default_factory=dict)


class ReportsStatus(Model):
    """Reports that do not count, and the state to continue reading the log after a restart of the operator."""

    ignored: Annotated[tuple[IgnoredReportsStatus, ...], Field(max_length=8)] = ()
    """Reports that do not count, by reason."""
    reading: ReadingStatus | None = None
    pending: PendingStatus | None = None
    previous_best: ObservationStatus | None = None
    """Best value before the latest step, if the latest is the best."""
    previous_mean: MeanStatus | None = None
    """Mean before the latest step."""
    excess: Annotated[int | None, Field(ge=0)] = None
    """Number of reports beyond maxResource: the program continues to train. Absent for 0."""


class RungStatus(Model):
    """Result at a rung, and the decision, which never changes."""

    resource: int
    value: float | None = None
    """Absent if the value is not finite, or if the trial failed before the rung."""
    best: float | None = None
    """Best finite value up to the rung. For rules that compare curves."""
    mean: float | None = None
    """Mean of the finite values up to the rung. For rules that compare curves."""
    verdict: Literal["Continue", "Stop", "Pause", "Promote", "Exploit", "Failed"]
    time: datetime


class LineageStatus(Model):
    """A copy of the checkpoint and the parameters of a better trial, in population based training."""

    resource: float
    """Last step of the trial before the copy."""
    from_: Annotated[str, Field(alias="from", max_length=253)]
    """Name of the Trial whose checkpoint and parameters were copied."""
    attempt: Annotated[int, Field(ge=1)]
    """First attempt with the copy."""
    parameters: ParameterAssignments
    """Perturbed parameters of the other trial. The trial uses them from this attempt on."""
    offset: Annotated[int | None, Field(ge=0)] = None
    """Difference between the steps of the other trial's program and the steps of that trial. Absent for 0."""
    extended: Annotated[int | None, Field(ge=0)] = None
    """Resource that was added because the copied checkpoint was complete. Absent for 0. The program trains up to
    maxResource + offset + extended. Its steps are recorded without offset and extended."""


class DeviceStatus(Model):
    """Accelerators of one kind that the Pod of the trial uses."""

    name: Annotated[str, Field(max_length=317)]
    """Name of the extended resource, such as nvidia.com/gpu, or of the ResourceClaimTemplate or ResourceClaim."""
    model: Annotated[str | None, Field(max_length=MAX_MODEL)] = None
    """Product name of the device, if the node or the driver publishes it."""
    count: Annotated[int, Field(ge=0)]
    """Number of devices."""


class TrialStatus(Model):
    """Observed state of the Trial."""

    state: TrialState | None = None
    reason: Annotated[str, Field(max_length=128)] = ""
    message: Annotated[str, Field(max_length=32768)] = ""
    attempt: int = 1
    """Number of the current or last attempt. Its Pod is <trial>-<attempt>."""
    failures: int = 0
    """Number of attempts in which the program failed."""
    disruptions: int = 0
    """Number of attempts that were evicted, preempted or lost with their node."""
    start_time: datetime | None = None
    completion_time: datetime | None = None
    latest: ObservationStatus | None = None
    best: ObservationStatus | None = None
    latest_complete: ObservationStatus | None = None
    """With several objectives: the last report with all of them."""
    mean: MeanStatus | None = None
    reports: ReportsStatus | None = None
    """State of reading the log of the trial."""
    rung: int | None = None
    """Resource of the highest rung reached."""
    rungs: Annotated[tuple[RungStatus, ...], Field(max_length=64)] = ()
    lineage: Annotated[tuple[LineageStatus, ...], Field(max_length=64)] = ()
    """Trials that the trial copied from, in order. The last item has the current parameters."""
    curve: Annotated[tuple[tuple[float, float | None], ...], Field(max_length=64)] = ()
    """Learning curve: at most 64 evenly spread pairs of step and value."""
    node: Annotated[str, Field(max_length=253)] = ""
    image_id: Annotated[str | None, Field(alias="imageID", max_length=MAX_IMAGE_ID)] = None
    """Digest of the image of the primary container, as the container runtime reports it."""
    devices: Annotated[tuple[DeviceStatus, ...], Field(max_length=MAX_DEVICES)] = ()
    """Accelerators of the last attempt."""
    accelerator_seconds: float = 0.0
    """Device-seconds that all attempts used."""
    parameters: Annotated[str, Field(max_length=MAX_COLUMN)] = ""
    """The configuration in one line, for the printer column."""
