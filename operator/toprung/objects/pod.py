"""Defines the record of a trial's Pod, reads a Pod, and builds the patch that stops it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from sys import intern
from typing import Any

from toprung.api.names import LABEL_ATTEMPT, LABEL_EXPERIMENT, LABEL_TRIAL
from toprung.api.v1alpha1.base import GROUP
from toprung.api.v1alpha1.trial import MAX_IMAGE_ID
from toprung.objects.conditions import BlockReason
from toprung.objects.containers import block_reason, explain, primary_container, primary_state, waits_for
from toprung.objects.devices import ACCELERATORS, count_devices, model_of
from toprung.objects.owner_references import controller_of
from toprung.objects.pod_manifest import ANNOTATION_TEMPLATE
from toprung.timestamps import parse_time, timestamp

ANNOTATION_STOP_TIME = f"{GROUP}/stop-time"
"""When the operator stopped a Pod. Its deadline alone does not show that: a user's template may set one."""
STOP_DEADLINE_SECONDS = 1
"""The activeDeadlineSeconds by which a kubelet ends a Pod at once."""
DISRUPTIONS = {
    "Evicted",
    "Preempting",
    "NodeLost",
    "NodeShutdown",
    "Shutdown",
    "Terminated",
    "UnexpectedAdmissionError",
    "NodeAffinity",
}


class PodPhase(StrEnum):
    """Status.phase of a Pod."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    UNKNOWN = "Unknown"


_ENDED = PodPhase.SUCCEEDED, PodPhase.FAILED  # here, for it costs time to look up a member of an enum


@dataclass(frozen=True, slots=True)
class PodRecord:
    """One attempt's Pod.

    Attributes:
        experiment_key: `namespace/name` of the Experiment.
        controller_uid: UID of its controller, the Trial; "" where it has none, so that it is ignored.
        phase: Status.phase; Running as soon as the program runs, even while a container beside it waits.
        result: Succeeded or Failed once the program has ended while other containers run; None: see phase.
        finishing: all its containers have ended, so the kubelet ends it; it holds its devices until then.
        program_started: when the primary container started, None where that is not known.
        finished: when the container ended that explains the Pod's end.
        stop_time: when the operator stopped it without deleting it, by the operator's clock; None: not stopped.
        deletion_time: metadata.deletionTimestamp: when the grace period of its deletion is over; None: not deleted.
        disruption: the disruption (eviction, preemption, deletion, a lost node), not the program's fault; or "".
        timed_out: its program ran into the Pod's deadline, which maxTrialDuration sets.
        exit_code: of the primary container, of a failed init container, or of the container that failed.
        container: whose log is read: the primary container, or the one that explains the Pod's end.
        culprit: the container that explains the end where that is not the primary one: "init container setup".
        init_failed: an init container failed, so the program never started.
        devices: name of an accelerator -> how many it holds.
        model: of its accelerators, where its nodeSelector names it; else "".
        image: of the primary container, as its author wrote it.
        image_id: digest of that image, "" before it is pulled.
        blocked: why a Pending Pod does not start, None if nothing blocks it.
        waits_for: what a Pending Pod waits for in the normal course of events; None: it does not wait.
        template: identifies the template that it was made from.
    """

    experiment_key: str
    controller_uid: str
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
    blocked: BlockReason | None = None
    waits_for: BlockReason | None = None
    template: str = ""

    @property
    def device_count(self) -> int:
        """Return how many accelerators it holds."""
        return sum(self.devices.values())

    @property
    def ended(self) -> bool:
        """Return whether none of its processes runs."""
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
        """Return whether a disruption ended it."""
        return self.disruption != ""

    @property
    def stopping(self) -> bool:
        """Return whether it was stopped or is being deleted."""
        return self.stop_time is not None or self.deleting


def stop_patch(uid: str, now: datetime) -> dict[str, Any]:
    """Build the patch that stops a running Pod and keeps it."""
    return {
        "metadata": {"uid": uid, "annotations": {ANNOTATION_STOP_TIME: timestamp(now)}},
        "spec": {"activeDeadlineSeconds": STOP_DEADLINE_SECONDS},
    }


def pod_from(body: Mapping[str, Any], accelerators: Sequence[str] = ACCELERATORS) -> PodRecord:
    """Read a trial's Pod as the API returns it.

    Raises:
        KeyError, ValueError: the operator did not create it.
    """
    metadata, spec, status = body["metadata"], body["spec"], body.get("status") or {}
    labels, primary = metadata["labels"], primary_container(metadata, spec)
    explained = explain(spec, status, primary)
    ended, state = explained.terminated, primary_state(status, primary)
    stop_time = parse_time((metadata.get("annotations") or {}).get(ANNOTATION_STOP_TIME))
    timed_out = stop_time is None and _timed_out(spec, status, ended)
    phase = PodPhase(status.get("phase") or "Pending")
    if phase is PodPhase.PENDING and (state.get("running") or state.get("terminated")):
        phase = PodPhase.RUNNING  # a container beside the program still waits, for its image or a restart
    return PodRecord(
        experiment_key=f"{metadata['namespace']}/{labels[LABEL_EXPERIMENT]}",
        controller_uid=str(controller_of(metadata).get("uid", "")),
        name=metadata["name"],
        uid=metadata["uid"],
        trial=labels[LABEL_TRIAL],
        attempt=int(labels[LABEL_ATTEMPT]),
        phase=phase,
        result=_result(phase, state, was_stopped=stop_time is not None or timed_out),
        finishing=_is_finishing(spec, status, phase),
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        started=parse_time(status.get("startTime")),
        program_started=parse_time((state.get("running") or state.get("terminated") or {}).get("startedAt")),
        finished=parse_time(ended.get("finishedAt")),
        stop_time=stop_time,
        deletion_time=parse_time(metadata.get("deletionTimestamp")),
        disruption=_disruption(metadata, status, ended),
        timed_out=timed_out,
        exit_code=ended.get("exitCode"),
        message=_message(status, ended),
        node=spec.get("nodeName") or "",
        container=explained.container,
        culprit=explained.culprit,
        init_failed=explained.init,
        devices=count_devices(spec, accelerators),
        model=model_of(spec.get("nodeSelector") or {}),
        image=_image(spec, primary),
        image_id=_image_id(status, primary),
        blocked=block_reason(status) if phase is PodPhase.PENDING else None,
        waits_for=waits_for(spec, status) if phase is PodPhase.PENDING else None,
        template=(metadata.get("annotations") or {}).get(ANNOTATION_TEMPLATE, ""),
    )


def _is_finishing(spec: Mapping[str, Any], status: Mapping[str, Any], phase: PodPhase) -> bool:
    """Return whether all containers have ended: a kubelet reports that up to seconds before the Pod's last phase."""
    states = {each["name"]: each.get("state") or {} for each in status.get("containerStatuses") or ()}
    ended = all("terminated" in states.get(each["name"], {}) for each in spec.get("containers") or ())
    return phase is PodPhase.RUNNING and ended


def _result(phase: PodPhase, primary: Mapping[str, Any], *, was_stopped: bool) -> PodPhase | None:
    """Return how the program ended, whatever the containers beside it do; None where the Pod's phase says it."""
    terminated = primary.get("terminated")
    if terminated is None or phase is PodPhase.SUCCEEDED:
        return None
    well = not terminated.get("exitCode") and not was_stopped  # a program may exit with 0 on SIGTERM
    return PodPhase.SUCCEEDED if well else PodPhase.FAILED


def _timed_out(spec: Mapping[str, Any], status: Mapping[str, Any], ended: Mapping[str, Any]) -> bool:
    """Return whether the Pod's deadline ended its program, not only the containers beside it."""
    if status.get("reason") != "DeadlineExceeded":
        return False
    started, finished = parse_time(status.get("startTime")), parse_time(ended.get("finishedAt"))
    deadline = spec.get("activeDeadlineSeconds")
    if started is None or finished is None or deadline is None:
        return True
    return finished >= started + timedelta(seconds=deadline)


def _disruption(metadata: Mapping[str, Any], status: Mapping[str, Any], ended: Mapping[str, Any]) -> str:
    """Return the disruption of the Pod while its program ran (eviction, deletion, refusal by the node), or ""."""
    finished = parse_time(ended.get("finishedAt"))
    for each in status.get("conditions") or ():
        if each["type"] == "DisruptionTarget" and each["status"] == "True":
            since = parse_time(each.get("lastTransitionTime"))
            if finished is None or since is None or finished >= since:
                return _sentence(each.get("reason"), each.get("message")) or "DisruptionTarget"
    reason = status.get("reason") or ""
    if reason in DISRUPTIONS or reason.startswith("OutOf"):
        return _sentence(reason, status.get("message"))
    return "its Pod was deleted" if _deleted_before_its_end(metadata, finished) else ""


def _deleted_before_its_end(metadata: Mapping[str, Any], finished: datetime | None) -> bool:
    """Return whether a program was still running when its Pod's deletion began; it may exit with 0 on SIGTERM."""
    until = parse_time(metadata.get("deletionTimestamp"))
    if until is None:
        return False
    return finished is None or finished >= until - timedelta(seconds=metadata.get("deletionGracePeriodSeconds") or 0)


def _message(status: Mapping[str, Any], ended: Mapping[str, Any]) -> str:
    """Return what the kubelet reports about the Pod's deadline, else about the container that ended."""
    if status.get("reason") == "DeadlineExceeded" or not ended:
        return status.get("message") or _words(ended)
    return _words(ended)


def _words(terminated: Mapping[str, Any]) -> str:
    """Return a terminated container's reason and message if they add to its exit code, such as OOMKilled."""
    reason = terminated.get("reason")
    return _sentence(None if reason in {"Error", "Completed"} else reason, terminated.get("message"))


def _sentence(reason: str | None, message: str | None) -> str:
    return ": ".join(part.strip() for part in (reason, message) if part and part.strip())


def _image(spec: Mapping[str, Any], container: str) -> str:
    return next((str(each.get("image", "")) for each in spec["containers"] if each["name"] == container), "")


def _image_id(status: Mapping[str, Any], container: str) -> str:
    """Return the digest of the container's image, "" before the image is there; many trials share one string."""
    statuses = status.get("containerStatuses") or ()
    found = next((each.get("imageID") for each in statuses if each["name"] == container), None)
    return intern(str(found or "")[:MAX_IMAGE_ID])
