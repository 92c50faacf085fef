"""The status of an Experiment."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from toprung.api.v1alpha1.base import Model
from toprung.api.v1alpha1.conditions import Condition
from toprung.api.v1alpha1.objectives import MetricName
from toprung.api.v1alpha1.parameters import ParameterAssignments


class TrialCounts(Model):
    """Number of trials in each state."""

    pending: int = 0
    running: int = 0
    paused: int = 0
    stopped: int = 0
    succeeded: int = 0
    failed: int = 0
    total: int = 0


class BestTrial(Model):
    """The best trial so far (the incumbent)."""

    trial: str
    """Name of the Trial."""
    value: float
    """Value of the objective."""
    display_value: str | None = None
    """The value with six digits, for the printer column."""
    step: float
    """Step at which the trial reported the value."""
    parameters: ParameterAssignments
    """Configuration of the trial."""


class ParetoFrontTrial(Model):
    """A trial on the Pareto front: no other trial dominates it."""

    trial: str
    """Name of the Trial."""
    values: dict[MetricName, float]
    """Value of each objective."""
    parameters: ParameterAssignments
    """Configuration of the trial."""


class StopWhenNoProgressLimit(Model):
    """spec.stopWhenNoProgress when the Experiment ended."""

    trials: int
    min_delta: float = 0.0


class Limits(Model):
    """The limits when the Experiment ended. An edit of a limit may reopen the Experiment."""

    max_trial_count: int | None = None
    max_failed_trial_count: int | None = None
    max_duration: str | None = None
    goal: float | None = None
    stop_when_no_progress: StopWhenNoProgressLimit | None = None


class Accelerators(Model):
    """Device time of accelerators: extended resources on the operator's list, and DRA claims."""

    seconds: float = 0.0
    """Device-seconds that the trials used."""
    saved_seconds: float = 0.0
    """Device-seconds that early stopping saved, estimated from the pace of each stopped trial."""


class ExperimentStatus(Model):
    """Observed state of the Experiment."""

    observed_generation: int | None = None
    state: (
        Literal["Pending", "Queued", "Starting", "Running", "Suspended", "Blocked", "Invalid", "Succeeded", "Failed"]
        | None
    ) = None
    """Summary of the conditions."""
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=16, json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
        ),
    ] = ()
    start_time: datetime | None = None
    completion_time: datetime | None = None
    """Time at which the end was recorded. Afterwards, only an edit of a limit changes the outcome and the best
    trial."""
    limits: Limits | None = None
    """Limits when the Experiment ended. Absent while it runs."""
    done: str | None = None
    """Number of trials that ended, and maxTrialCount, such as 184/200."""
    program_started: bool | None = None
    """Whether the program of a trial has started. You can change spec.trialTemplate until then."""
    selector: str | None = None
    """Label selector of the trial Pods, for the scale subresource."""
    trials: TrialCounts = TrialCounts()
    best: BestTrial | None = None
    pareto_front: Annotated[tuple[ParetoFrontTrial, ...] | None, Field(max_length=64)] = None
    """With several objectives: trials on the Pareto front that have ended, ordered by the first objective. Lists an
    evenly spread selection of a front with more than 64 trials or with long configurations."""
    pareto_front_size: int | None = None
    """Number of trials on the Pareto front."""
    omitted: str | None = None
    """What best and paretoFront omit, so that the object stays below the size limit of etcd. Absent if they are
    complete."""
    accelerators: Accelerators = Accelerators()
