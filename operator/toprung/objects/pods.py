"""Reading a Pod: its phase, why it does not start, how it ended."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from toprung.api.names import LABEL_ATTEMPT, LABEL_EXPERIMENT, LABEL_TRIAL
from toprung.api.v1alpha1.base import GROUP
from toprung.api.v1alpha1.conditions import Reason
from toprung.api.v1alpha1.trial import MAX_IMAGE_ID
from toprung.objects.codec import controller_of, parse_time
from toprung.objects.conditions import timestamp
from toprung.objects.containers import all_statuses, explain, primary_container, primary_state
from toprung.objects.devices import ACCELERATORS, count_devices, model_of
from toprung.objects.manifests import ANNOTATION_TEMPLATE
from toprung.objects.records import BlockReason, PodPhase, PodRecord

ANNOTATION_STOP_TIME = f"{GROUP}/stop-time"
"""When we told a Pod to end. Its deadline alone would not say that it was we: an author's template may have one."""
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
PULL_TROUBLES = {"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"}
CONFIG_TROUBLES = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}


def stop_patch(uid: str, now: datetime) -> dict[str, Any]:
    """Give the patch that tells a running Pod to end, and keeps it."""
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
        owner=f"{metadata['namespace']}/{labels[LABEL_EXPERIMENT]}",
        owner_uid=str(controller_of(metadata).get("uid", "")),
        name=metadata["name"],
        uid=metadata["uid"],
        trial=labels[LABEL_TRIAL],
        attempt=int(labels[LABEL_ATTEMPT]),
        phase=phase,
        result=_result(phase, state, told_to_end=stop_time is not None or timed_out),
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
        trouble=_trouble(status) if phase is PodPhase.PENDING else None,
        waits_for=waits_for(spec, status) if phase is PodPhase.PENDING else None,
        template=(metadata.get("annotations") or {}).get(ANNOTATION_TEMPLATE, ""),
    )


def _is_finishing(spec: Mapping[str, Any], status: Mapping[str, Any], phase: PodPhase) -> bool:
    """Return whether all containers have ended: a kubelet reports that up to seconds before the Pod's last phase."""
    states = {each["name"]: each.get("state") or {} for each in status.get("containerStatuses") or ()}
    ended = all("terminated" in states.get(each["name"], {}) for each in spec.get("containers") or ())
    return phase is PodPhase.RUNNING and ended


def _result(phase: PodPhase, primary: Mapping[str, Any], *, told_to_end: bool) -> PodPhase | None:
    """Return how the program ended, whatever the containers beside it do; None where the Pod's phase says it."""
    terminated = primary.get("terminated")
    if terminated is None or phase is PodPhase.SUCCEEDED:
        return None
    well = not terminated.get("exitCode") and not told_to_end  # a program may exit with 0 on SIGTERM
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
    """Return what was done to the Pod while its program ran (eviction, deletion, refusal by the node), or ""."""
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
    """Return a terminated container's reason and message where they say more than its exit code, such as OOMKilled."""
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
    return sys.intern(str(found or "")[:MAX_IMAGE_ID])


def _trouble(status: Mapping[str, Any]) -> BlockReason | None:
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return BlockReason(Reason.UNSCHEDULABLE, condition.get("message", "no node has room"))
    for each in all_statuses(status):
        waiting = (each.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in PULL_TROUBLES:
            return BlockReason(
                Reason.IMAGE_PULL, f"{waiting['reason']}: {waiting.get('message', each.get('image', ''))}"
            )
        if waiting.get("reason") in CONFIG_TROUBLES:
            return BlockReason(Reason.CONTAINER_CONFIG, f"{waiting['reason']}: {waiting.get('message', '')}")
    return None


def waits_for(spec: Mapping[str, Any], status: Mapping[str, Any]) -> BlockReason | None:
    """Return what a Pending Pod waits for in the normal course of events."""
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition.get("reason") == "SchedulingGated":
            gates = ", ".join(gate["name"] for gate in spec.get("schedulingGates") or ())
            return BlockReason(Reason.QUEUED, f"it is queued by its scheduling gates {gates}".rstrip())
    for each in status.get("initContainerStatuses") or ():
        if "running" in (each.get("state") or {}):
            return BlockReason(Reason.STARTING, f"its init container {each['name']} runs")
    ready = (each for each in status.get("conditions") or () if each["type"] == "PodReadyToStartContainers")
    if spec.get("nodeName") and any(each["status"] == "False" for each in ready):
        what = "its volumes and its network are being set up; `kubectl describe pod` shows what fails"
        return BlockReason(Reason.STARTING, what)
    return BlockReason(Reason.STARTING, "its containers start" if spec.get("nodeName") else "it is not scheduled yet")
