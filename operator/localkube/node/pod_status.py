"""A Pod's status, derived from the states of its containers as the kubelet derives it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from localkube.apiserver.formats import stamp
from localkube.node.container_state import Container, Running, Terminated, Waiting

Object = dict[str, Any]
ADDRESS = "127.0.0.1"
NODE_LOST = "The node stopped while this Pod was running, and the Pod's processes are gone"
_LOST_CONTAINER = "The container could not be located when the pod was terminated"


@dataclass(frozen=True, slots=True)
class PodOutcome:
    """The reason why a Pod failed as a whole, independent of exit codes. `disrupted`: its program is not the cause."""

    reason: str
    message: str
    disrupted: bool = False


def phase(policy: str, init: Sequence[Container], main: Sequence[Container]) -> str:
    """Return Pending, Running, Succeeded or Failed for a Pod that was not stopped."""
    begun = any(not isinstance(c.state, Waiting) or c.last for c in main)
    if not begun and not all(container.initialized for container in init):
        failed = policy == "Never" and any(
            isinstance(c.state, Terminated) and c.state.code and not c.sidecar for c in init
        )
        return "Failed" if failed else "Pending"
    if any(isinstance(c.state, Running) or (isinstance(c.state, Waiting) and c.last) for c in main):
        return "Running"
    if any(isinstance(c.state, Waiting) for c in main):
        return "Pending"
    if policy == "Always":
        return "Running"
    if all(container.succeeded for container in main):
        return "Succeeded"
    return "Failed" if policy == "Never" else "Running"


def status(
    pod: Mapping[str, Any],
    init: Sequence[Container],
    main: Sequence[Container],
    *,
    reached: str,
    outcome: PodOutcome | None,
    started: datetime,
    now: datetime,
) -> Object:
    """Return the status of a Pod in the phase `reached`. A condition keeps its lastTransitionTime while its status is
    unchanged.
    """
    earlier = {c["type"]: c for c in (pod.get("status") or {}).get("conditions") or ()}
    wanted = _conditions(reached, init, main, outcome)
    own = {new["type"] for new in wanted}
    conditions = [_condition(new, earlier.get(new["type"]), now) for new in wanted]
    conditions += [condition for kind, condition in earlier.items() if kind not in own]
    body: Object = {
        "phase": reached,
        "conditions": conditions,
        "startTime": stamp(started),
        "hostIP": ADDRESS,
        "hostIPs": [{"ip": ADDRESS}],
        "podIP": ADDRESS,
        "podIPs": [{"ip": ADDRESS}],
        "qosClass": (pod.get("status") or {}).get("qosClass", "BestEffort"),
        "containerStatuses": [container.json(init=False) for container in main],
    }
    if init:
        body["initContainerStatuses"] = [container.json(init=True) for container in init]
    return body | ({"reason": outcome.reason, "message": outcome.message} if outcome else {})


def _conditions(
    reached: str, init: Sequence[Container], main: Sequence[Container], outcome: PodOutcome | None
) -> list[Object]:
    unready = [c.name for c in (*main, *(c for c in init if c.sidecar)) if not isinstance(c.state, Running)]
    started = any(not isinstance(c.state, Waiting) or c.last for c in (*init, *main))
    ended = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(reached)
    if ended:
        ready: Object = {"status": "False", "reason": ended}
    elif unready:
        message = f"containers with unready status: [{' '.join(unready)}]"
        ready = {"status": "False", "reason": "ContainersNotReady", "message": message}
    else:
        ready = {"status": "True"}
    begun = any(not isinstance(c.state, Waiting) or c.last for c in main)
    waiting = [c.name for c in init if not begun and not c.initialized]
    message = f"containers with incomplete status: [{' '.join(waiting)}]"
    initialized: Object = {"status": "True"} | ({"reason": "PodCompleted"} if reached == "Succeeded" else {})
    if waiting:
        initialized = {"status": "False", "reason": "ContainersNotInitialized", "message": message}
    disruption: Object = {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet"}
    return [
        {"type": "PodScheduled", "status": "True"},
        {"type": "PodReadyToStartContainers", "status": "True" if started and not ended else "False"},
        *([disruption | {"message": outcome.message}] if outcome and outcome.disrupted else []),
        {"type": "Initialized"} | initialized,
        {"type": "Ready"} | ready,
        {"type": "ContainersReady"} | ready,
    ]


def _condition(new: Object, earlier: Object | None, now: datetime) -> Object:
    unchanged = earlier is not None and earlier.get("status") == new["status"]
    since = earlier["lastTransitionTime"] if unchanged and earlier else stamp(now)
    return {**new, "lastProbeTime": None, "lastTransitionTime": since}


def began(pod: Mapping[str, Any]) -> bool:
    """Return whether any container of the Pod had run when its status was last written."""
    status = pod.get("status") or {}
    containers = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    return any(c["state"].keys() & {"running", "terminated"} or c.get("lastState") for c in containers)


def lost(pod: Mapping[str, Any], now: datetime) -> Object:
    """Return the status of a Pod whose processes are lost: Failed, with the condition DisruptionTarget."""
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
