"""What the planner sees: slotted records with what planning needs, never whole Kubernetes objects."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from toprung.api.base import ParameterValue
from toprung.api.conditions import ConditionRecord, Reason
from toprung.api.experiment import ExperimentSpec
from toprung.api.trial import TrialState
from toprung.metrics.types import Progress


class PodPhase(StrEnum):
    """Status.phase of a Pod."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    UNKNOWN = "Unknown"


_ENDED = PodPhase.SUCCEEDED, PodPhase.FAILED  # here, for it costs time to look up a member of an enum


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something does not go on, in the words of who knows (scheduler, kubelet, quota)."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class PodRecord:
    """One attempt's Pod.

    Attributes:
        owner: `namespace/name` of the Experiment.
        owner_uid: UID of the Trial: a Pod of an earlier Trial of the same name is not ours.
        stop_time: when we told it to end without being deleted, by the operator's clock; None: we have not.
        disrupted: evicted, preempted or lost with its node: not the program's fault.
        timed_out: it ran into its deadline, which maxTrialDuration sets.
        devices: name of an accelerator -> how many it holds.
        model: of its accelerators, where its nodeSelector names it; else "".
        image: of the primary container, as its author wrote it.
        image_id: digest of that image, "" before it is pulled.
        trouble: why a Pending Pod does not start, None while all is well.
    """

    owner: str
    owner_uid: str
    name: str
    uid: str
    trial: str
    attempt: int
    phase: PodPhase
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    stop_time: datetime | None = None
    deleting: bool = False
    disrupted: bool = False
    timed_out: bool = False
    exit_code: int | None = None
    message: str = ""
    node: str = ""
    container: str = ""
    devices: Mapping[str, int] = field(default_factory=dict)
    model: str = ""
    image: str = ""
    image_id: str = ""
    trouble: Trouble | None = None

    @property
    def device_count(self) -> int:
        """Return how many accelerators it holds."""
        return sum(self.devices.values())

    @property
    def ended(self) -> bool:
        """Whether no process of it runs any more."""
        return self.phase in _ENDED

    @property
    def leaving(self) -> bool:
        """Whether it was told to end."""
        return self.stop_time is not None or self.deleting


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """Accelerators of one kind that an attempt held; `model` is "" where it is not known."""

    name: str
    count: int
    model: str = ""


class RungVerdict(StrEnum):
    """What Trial.status.rungs[].verdict says; never changed once written, but for Pause, which may become Promote."""

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
    """That a trial took over from a better one.

    Attributes:
        resource: the step up to which its reports were with what it had before.
        source: name of the Trial that it took over from.
        attempt: the first one that runs with it.
        parameters: the other trial's, perturbed.
    """

    resource: float
    source: str
    attempt: int
    parameters: Mapping[str, ParameterValue]


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """One Trial. A finished one carries no curve: 100,000 of them must fit in memory.

    Attributes:
        owner: `namespace/name` of the Experiment.
        owner_uid: UID of the Experiment: a Trial of an earlier Experiment of the same name is not ours.
        parameters: those it began with, which never change.
        lineage: whom it took over from since, in order.
        image_id: digest of the primary container's image in its last attempt.
        devices: what its last attempt held.
    """

    owner: str
    owner_uid: str
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
        """Those that its next attempt runs with, or the present one."""
        return self.lineage[-1].parameters if self.lineage else self.parameters

    @property
    def given_up(self) -> float:
        """The step up to which its reports are of what it had before it last took over; 0 where it never did."""
        return self.lineage[-1].resource if self.lineage else 0

    def parameters_at(self, step: float) -> Mapping[str, ParameterValue]:
        """Those that its report of a step came from."""
        earlier = (each.parameters for each in reversed(self.lineage) if each.resource < step)
        return next(earlier, self.parameters)


@dataclass(frozen=True, slots=True)
class ExperimentRecord:
    """One Experiment whose manifest keeps all rules.

    Attributes:
        status: the status as it is in the cluster, to see whether it has to be written.
        conditions: the same status's conditions.
        made: how many trials were ever made, as far as the status knows: an index is never used twice.
    """

    namespace: str
    name: str
    uid: str
    generation: int
    created: datetime
    spec: ExperimentSpec
    status: Mapping[str, object] = field(default_factory=dict)
    conditions: tuple[ConditionRecord, ...] = ()
    start_time: datetime | None = None
    completion_time: datetime | None = None
    made: int = 0

    @property
    def key(self) -> str:
        """The owner key of its Trials and Pods."""
        return f"{self.namespace}/{self.name}"

    def deleted_of(self, trials: Collection[TrialRecord]) -> frozenset[int]:
        """Give the indices that were used and have no Trial any more, as far as the status knows."""
        if self.made <= len(trials):
            return frozenset()
        return frozenset(range(self.made)).difference(trial.index for trial in trials)


@dataclass(frozen=True, slots=True)
class Collected:
    """What was read of one Pod's reports.

    Attributes:
        progress: continues the Trial's own progress.
        drained: everything that the Pod will ever print has been read.
        tail: its last lines, for messages.
        log_unavailable: why the log could not be read to its end, though it is drained; "" where it was.
        unread: lines that have a metric's name and no value that counts, for messages.
    """

    progress: Progress
    drained: bool = False
    tail: tuple[str, ...] = ()
    log_unavailable: str = ""
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Setback:
    """What a pass could not carry out.

    Attributes:
        trials: indices of those whose new state may not be written.
        trouble: why, where it is likely to last; None where it passes.
    """

    trials: frozenset[int]
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a plan may depend on, besides the time.

    Attributes:
        trials: ascending by index.
        pods: name of a Trial -> its Pods.
        collected: UID of a Pod -> what was read of it.
        models: name of a node -> model of its accelerators, as far as they are known.
        deleted: indices that were used and have no Trial any more.
        suggestions: index -> configuration, ready for trials that do not exist yet.
        exhausted: the space has no configuration for an index that is not in `suggestions`.
        trouble: why the last pass could not do what it planned, None if it could; one Pod at a time is tried then.
        hold: whether nothing at all is to be started now, because of the trouble.
        setback: what the plan of this very snapshot failed in; its status is then asked for once more.
    """

    experiment: ExperimentRecord
    trials: tuple[TrialRecord, ...] = ()
    pods: Mapping[str, tuple[PodRecord, ...]] = field(default_factory=dict)
    collected: Mapping[str, Collected] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    deleted: frozenset[int] = frozenset()
    suggestions: Mapping[int, Mapping[str, ParameterValue]] = field(default_factory=dict)
    exhausted: bool = False
    trouble: Trouble | None = None
    hold: bool = False
    setback: Setback | None = None
