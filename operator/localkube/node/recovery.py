"""What a node finds of its Pods when it starts again: whose processes are lost, and who has not begun. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from localkube.node.pod_status import stamp

Object = dict[str, Any]
NODE_LOST = "The node stopped while this Pod was running, and the Pod's processes are gone"
_LOST_CONTAINER = "The container could not be located when the pod was terminated"


def began(pod: Mapping[str, Any]) -> bool:
    """Whether any container of the Pod had run when its status was last written."""
    status = pod.get("status") or {}
    containers = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    return any(c["state"].keys() & {"running", "terminated"} or c.get("lastState") for c in containers)


def lost(pod: Mapping[str, Any], now: datetime) -> Object:
    """The status of a Pod whose processes are gone: Failed, and marked as disrupted by what was no fault of its own."""
    status = dict(pod["status"])
    for group in ("containerStatuses", "initContainerStatuses"):
        if group in status:
            status[group] = [_ended(container, now) for container in status[group]]
    kept = [
        c for c in status.get("conditions") or () if c["type"] not in ("Ready", "ContainersReady", "DisruptionTarget")
    ]
    time = {"lastProbeTime": None, "lastTransitionTime": stamp(now)}
    status["conditions"] = [
        *kept,
        {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet", "message": NODE_LOST} | time,
        {"type": "Ready", "status": "False", "reason": "PodFailed"} | time,
        {"type": "ContainersReady", "status": "False", "reason": "PodFailed"} | time,
    ]
    return status | {"phase": "Failed", "reason": "NodeLost", "message": NODE_LOST}


def _ended(container: Object, now: datetime) -> Object:
    state = container["state"]
    if "terminated" in state or not ("running" in state or container.get("lastState")):
        return container
    end = {
        "exitCode": 137,
        "reason": "ContainerStatusUnknown",
        "message": _LOST_CONTAINER,
        "startedAt": state.get("running", {}).get("startedAt"),
        "finishedAt": stamp(now),
    }
    return {**container, "ready": False, "started": False, "state": {"terminated": end}}
