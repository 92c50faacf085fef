"""Defines the record of a Trial."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from toprung.api.v1alpha1.base import ParameterValue
from toprung.api.v1alpha1.trial import TrialState
from toprung.metrics.types import Progress


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """Accelerators of one kind that an attempt held; `model` is "" where it is not known."""

    name: str
    count: int
    model: str = ""


class RungVerdict(StrEnum):
    """The values of Trial.status.rungs[].verdict. A stored one never changes, except from Pause to Promote."""

    CONTINUE = "Continue"
    STOP = "Stop"
    PAUSE = "Pause"
    PROMOTE = "Promote"
    EXPLOIT = "Exploit"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class RungRecord:
    """One rung of one trial; values are raw (not normalised), None where there is none or it is not finite.

    Attributes:
        best: of the values up to there; kept for rules that compare curves, like `mean`.
    """

    resource: int
    value: float | None
    verdict: RungVerdict
    time: datetime
    best: float | None = None
    mean: float | None = None


@dataclass(frozen=True, slots=True)
class Lineage:
    """A copy from a better trial (exploit).

    Attributes:
        resource: the last step that it reported before the copy.
        source: name of the Trial that it copied from.
        attempt: the first one that runs with it.
        parameters: the other trial's, perturbed.
        offset: by how much the steps of the other trial's program are above that trial's own.
        extended: resource that was added because the checkpoint was complete when it was copied.
    """

    resource: float
    source: str
    attempt: int
    parameters: Mapping[str, ParameterValue]
    offset: int = 0
    extended: int = 0


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """One Trial. A finished one carries no curve: 100,000 of them must fit in memory.

    Attributes:
        experiment_key: `namespace/name` of the Experiment.
        controller_uid: UID of the Experiment: a Trial of an earlier Experiment of the same name is ignored.
        parameters: those it began with, which never change.
        lineage: the trials that it copied from, in order.
        image_id: digest of the primary container's image in its last attempt.
        devices: what its last attempt held.
    """

    experiment_key: str
    controller_uid: str
    name: str
    uid: str
    index: int
    parameters: Mapping[str, ParameterValue]
    created: datetime
    bracket: int = 0
    resource_version: str = ""
    state: TrialState = TrialState.PENDING
    reason: str = ""
    message: str = ""
    attempt: int = 1
    failures: int = 0
    disruptions: int = 0
    start_time: datetime | None = None
    completion_time: datetime | None = None
    progress: Progress = field(default_factory=Progress)
    rungs: tuple[RungRecord, ...] = ()
    lineage: tuple[Lineage, ...] = ()
    node: str = ""
    image_id: str = ""
    devices: tuple[DeviceRecord, ...] = ()
    accelerator_seconds: float = 0.0

    @property
    def current_parameters(self) -> Mapping[str, ParameterValue]:
        """Return the parameters of its current or next attempt."""
        return self.lineage[-1].parameters if self.lineage else self.parameters

    @property
    def step_offset(self) -> int:
        """Return by how much the steps that its program reports are above its own, after an exploit."""
        return self.lineage[-1].offset + self.lineage[-1].extended if self.lineage else 0

    @property
    def last_exploit_step(self) -> float:
        """Return the last step before its last exploit; 0 without an exploit."""
        return self.lineage[-1].resource if self.lineage else 0

    def parameters_at(self, step: float) -> Mapping[str, ParameterValue]:
        """Return the parameters that produced its report of a step."""
        earlier = (each.parameters for each in reversed(self.lineage) if each.resource < step)
        return next(earlier, self.parameters)
