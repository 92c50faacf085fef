"""Reading a Pod: its phase, why it does not start, how it ended."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from toprung.api.base import GROUP
from toprung.api.conditions import Reason
from toprung.api.names import LABEL_ATTEMPT, LABEL_EXPERIMENT, LABEL_TRIAL
from toprung.api.template import DEFAULT_CONTAINER_ANNOTATION
from toprung.api.trial import MAX_IMAGE_ID
from toprung.planning.codec import controller_of, parse_time
from toprung.planning.conditions import timestamp
from toprung.planning.devices import ACCELERATORS, count_devices, model_of
from toprung.planning.records import PodPhase, PodRecord, Trouble

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
    """Read a trial's Pod as the API gives it.

    Raises:
        KeyError, ValueError: it was not made by us.
    """
    metadata, spec, status = body["metadata"], body["spec"], body.get("status") or {}
    labels, container = metadata["labels"], _container_name(metadata, spec)
    ended = _terminated(status, container)
    stop_time = parse_time((metadata.get("annotations") or {}).get(ANNOTATION_STOP_TIME))
    return PodRecord(
        owner=f"{metadata['namespace']}/{labels[LABEL_EXPERIMENT]}",
        owner_uid=str(controller_of(metadata).get("uid", "")),
        name=metadata["name"],
        uid=metadata["uid"],
        trial=labels[LABEL_TRIAL],
        attempt=int(labels[LABEL_ATTEMPT]),
        phase=PodPhase(status.get("phase") or "Pending"),
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        started=parse_time(status.get("startTime")),
        finished=parse_time(ended.get("finishedAt")),
        stop_time=stop_time,
        deleting="deletionTimestamp" in metadata,
        disrupted=_disrupted(metadata, status, ended),
        timed_out=status.get("reason") == "DeadlineExceeded" and stop_time is None,
        exit_code=ended.get("exitCode"),
        message=status.get("message") or ended.get("message") or _telling(ended.get("reason")),
        node=spec.get("nodeName", ""),
        container=container,
        devices=count_devices(spec, accelerators),
        model=model_of(spec.get("nodeSelector") or {}),
        image=_image(spec, container),
        image_id=_image_id(status, container),
        trouble=_trouble(status),
    )


def _container_name(metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    annotations = metadata.get("annotations") or {}
    return str(annotations.get(DEFAULT_CONTAINER_ANNOTATION, spec["containers"][0]["name"]))


def _terminated(status: Mapping[str, Any], container: str) -> Mapping[str, Any]:
    """Give the terminated state that explains the Pod's end: the first failed container, or else the main one."""
    states = [
        (each["name"], each["state"]["terminated"])
        for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))
        if "terminated" in (each.get("state") or {})
    ]
    failed = next((state for _, state in states if state.get("exitCode")), None)
    return failed or next((state for name, state in states if name == container), {})


def _disrupted(metadata: Mapping[str, Any], status: Mapping[str, Any], ended: Mapping[str, Any]) -> bool:
    """Whether the Pod ended by what was done to it: evicted, refused by its node, or deleted while it ran."""
    conditions = status.get("conditions") or ()
    targeted = any(each["type"] == "DisruptionTarget" and each["status"] == "True" for each in conditions)
    reason = status.get("reason") or ""
    refused = reason in DISRUPTIONS or reason.startswith("OutOf")
    return targeted or refused or _deleted_before_its_end(metadata, ended)


def _deleted_before_its_end(metadata: Mapping[str, Any], ended: Mapping[str, Any]) -> bool:
    """Whether a program was still running when its Pod's deletion began; it may well exit with 0 on SIGTERM."""
    until, finished = parse_time(metadata.get("deletionTimestamp")), parse_time(ended.get("finishedAt"))
    if until is None:
        return False
    return finished is None or finished >= until - timedelta(seconds=metadata.get("deletionGracePeriodSeconds") or 0)


def _telling(reason: str | None) -> str:
    """Give a terminated container's reason where it says more than its exit code does, such as OOMKilled."""
    return "" if reason in {None, "Error", "Completed"} else str(reason)


def _image(spec: Mapping[str, Any], container: str) -> str:
    return next((str(each.get("image", "")) for each in spec["containers"] if each["name"] == container), "")


def _image_id(status: Mapping[str, Any], container: str) -> str:
    """Return the digest of the container's image, "" before the image is there; many trials share one string."""
    statuses = status.get("containerStatuses") or ()
    found = next((each.get("imageID") for each in statuses if each["name"] == container), None)
    return sys.intern(str(found or "")[:MAX_IMAGE_ID])


def _trouble(status: Mapping[str, Any]) -> Trouble | None:
    if status.get("phase", "Pending") != "Pending":
        return None
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return Trouble(Reason.UNSCHEDULABLE, condition.get("message", "no node has room"))
    for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (each.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in PULL_TROUBLES:
            return Trouble(Reason.IMAGE_PULL, f"{waiting['reason']}: {waiting.get('message', each.get('image', ''))}")
        if waiting.get("reason") in CONFIG_TROUBLES:
            return Trouble(Reason.CONTAINER_CONFIG, f"{waiting['reason']}: {waiting.get('message', '')}")
    return None
