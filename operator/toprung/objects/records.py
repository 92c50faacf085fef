"""What the planner sees: slotted records with what planning needs, never whole Kubernetes objects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from toprung.api.v1alpha1.base import ParameterValue
from toprung.api.v1alpha1.conditions import ConditionRecord, Reason
from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.api.v1alpha1.trial import TrialState
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
class BlockReason:
    """Why something does not go on, in the words of who knows (scheduler, kubelet, quota)."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class PodRecord:
    """One attempt's Pod.

    Attributes:
        owner: `namespace/name` of the Experiment.
        owner_uid: UID of its controller, the Trial; "" where it has none, so that it is not ours.
        phase: Status.phase; Running as soon as the program runs, even while a container beside it waits.
        result: Succeeded or Failed once the program has ended while other containers run; None: the phase says it.
        finishing: all its containers have ended, so the kubelet ends it; it holds its devices until then.
        program_started: when the primary container started, None where that is not known.
        finished: when the container ended that explains the Pod's end.
        stop_time: when the operator told it to end without deleting it, by the operator's clock; None: it has not.
        deletion_time: metadata.deletionTimestamp: when the grace period of its deletion is over; None: not deleted.
        disruption: what was done to it (eviction, preemption, deletion, a lost node), not the program's fault; or "".
        timed_out: its program ran into the Pod's deadline, which maxTrialDuration sets.
        exit_code: of the primary container, of a failed init container, or of the container that failed.
        container: whose log is read: the primary container, or the one that explains the Pod's end.
        culprit: the container that explains the end where that is not the primary one: "init container setup".
        init_failed: an init container failed, so the program never started.
        devices: name of an accelerator -> how many it holds.
        model: of its accelerators, where its nodeSelector names it; else "".
        image: of the primary container, as its author wrote it.
        image_id: digest of that image, "" before it is pulled.
        trouble: why a Pending Pod does not start, None while all is well.
        waits_for: what a Pending Pod waits for in the normal course of events; None: it does not wait.
        template: identifies the template that it was made from.
    """

    owner: str
    owner_uid: str
    name: str
    uid: str
    trial: str
    attempt: int
    phase: PodPhase
    created: datetime
    result: PodPhase | None = None
    finishing: bool = False
    started: datetime | None = None
    program_started: datetime | None = None
    finished: datetime | None = None
    stop_time: datetime | None = None
    deletion_time: datetime | None = None
    disruption: str = ""
    timed_out: bool = False
    exit_code: int | None = None
    message: str = ""
    node: str = ""
    container: str = ""
    culprit: str = ""
    init_failed: bool = False
    devices: Mapping[str, int] = field(default_factory=dict)
    model: str = ""
    image: str = ""
    image_id: str = ""
    trouble: BlockReason | None = None
    waits_for: BlockReason | None = None
    template: str = ""

    @property
    def device_count(self) -> int:
        """Return how many accelerators it holds."""
        return sum(self.devices.values())

    @property
    def ended(self) -> bool:
        """Return whether no process of it runs any more."""
        return self.phase in _ENDED

    @property
    def outcome(self) -> PodPhase:
        """Return the phase as the primary container alone determines it."""
        return self.result or self.phase

    @property
    def over(self) -> bool:
        """Return whether its program has ended; containers beside it may still run."""
        return self.result is not None or self.phase in _ENDED

    @property
    def deleting(self) -> bool:
        """Return whether its deletion has begun."""
        return self.deletion_time is not None

    @property
    def disrupted(self) -> bool:
        """Return whether it ended by what was done to it."""
        return self.disruption != ""

    @property
    def leaving(self) -> bool:
        """Return whether it was told to end."""
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
    def step_offset(self) -> int:
        """Return by how much the steps that its program reports are above its own: it took a checkpoint ahead of it."""
        return self.lineage[-1].offset + self.lineage[-1].extended if self.lineage else 0

    @property
    def last_exploit_step(self) -> float:
        """The step up to which its reports are of what it had before it last took over; 0 where it never did."""
        return self.lineage[-1].resource if self.lineage else 0

    def parameters_at(self, step: float) -> Mapping[str, ParameterValue]:
        """Those that its report of a step came from."""
        earlier = (each.parameters for each in reversed(self.lineage) if each.resource < step)
        return next(earlier, self.parameters)


@dataclass(frozen=True, slots=True)
class ExperimentRecord:
    """One Experiment with a valid spec.

    Attributes:
        spec: the present one; of an Experiment that became invalid after it had trials, the last valid one.
        invalid: why the present spec is invalid, "" where it is valid. No trial starts then; those that run continue.
        ignored: the fields of the spec that this version does not know, one a line.
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
    invalid: str = ""
    ignored: str = ""

    @property
    def key(self) -> str:
        """The owner key of its Trials and Pods."""
        return f"{self.namespace}/{self.name}"

    def deleted_of(self, trials: Sequence[TrialRecord]) -> tuple[range, ...]:
        """Return the indices that were used and have no Trial any more, as far as the status knows.

        They are ranges, so that one Trial with a very high index costs nothing.

        Args:
            trials: ascending by index.
        """
        made = min(self.made, self.spec.max_trial_count)
        if made <= len(trials):
            return ()
        bounds = (-1, *(trial.index for trial in trials if trial.index < made), made)
        return tuple(range(low + 1, high) for low, high in pairwise(bounds) if high > low + 1)


@dataclass(frozen=True, slots=True)
class Collected:
    """What was read of one Pod's reports.

    Attributes:
        progress: continues the Trial's own progress.
        drained: everything that the Pod will ever print has been read.
        tail: its last lines, for messages.
        log_unavailable: why the log could not be read to its end, though it is drained; "" where it was.
        unread: lines that have a metric's name and no value that counts, for messages.
        reported: when the attempt's last report of any metric was printed, None before the first.
        until: when the last line was printed that is read, None before the first.
        idle: everything that has been printed so far has been read.
        caught_up: all that it had printed when reading began has been read, or its time limit is over.
    """

    progress: Progress
    drained: bool = False
    tail: tuple[str, ...] = ()
    log_unavailable: str = ""
    unread: tuple[str, ...] = ()
    reported: datetime | None = None
    until: datetime | None = None
    idle: bool = False
    caught_up: bool = True


@dataclass(frozen=True, slots=True)
class Setback:
    """What a pass could not carry out.

    Attributes:
        trials: indices of those whose new state may not be written.
        trouble: why, where it is likely to last; None where it passes.
    """

    trials: frozenset[int]
    trouble: BlockReason | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a plan may depend on, besides the time.

    Attributes:
        trials: ascending by index.
        pods: name of a Trial -> its Pods.
        collected: UID of a Pod -> what was read of it.
        models: name of a node -> model of its accelerators, as far as they are known.
        deleted: indices that were used and have no Trial any more, as ranges.
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
    deleted: tuple[range, ...] = ()
    suggestions: Mapping[int, Mapping[str, ParameterValue]] = field(default_factory=dict)
    exhausted: bool = False
    trouble: BlockReason | None = None
    hold: bool = False
    setback: Setback | None = None
