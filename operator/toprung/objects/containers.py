"""Reads the status of a Pod: its primary container, the container that explains its end, and what it waits for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from toprung.api.v1alpha1.conditions import Reason
from toprung.api.v1alpha1.template_rules import DEFAULT_CONTAINER_ANNOTATION
from toprung.objects.conditions import BlockReason

Status = Mapping[str, Any]

PULL_FAILURES = {"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"}
CONFIG_FAILURES = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}


@dataclass(frozen=True, slots=True)
class EndingContainer:
    """The container that explains how a Pod ended, or the primary container while it has not ended.

    Attributes:
        container: name of the container whose log is read.
        culprit: "" for the primary container, else its description in a message, such as "init container setup".
        terminated: its terminated state, empty where there is none.
        init: whether it is an init container, so that the program has never started.
    """

    container: str
    culprit: str = ""
    terminated: Status = field(default_factory=dict)
    init: bool = False


def primary_container(metadata: Mapping[str, Any], spec: Mapping[str, Any], configured: str | None = None) -> str:
    """Return the name of the container whose end and output count.

    Args:
        metadata: of the Pod or its template.
        spec: of the Pod or its template.
        configured: spec.trialTemplate.primaryContainer; None where it is unset, and for a Pod, whose annotation has it.
    """
    names = [str(each["name"]) for each in spec.get("containers") or ()]
    annotated = (metadata.get("annotations") or {}).get(DEFAULT_CONTAINER_ANNOTATION)
    return next((name for name in (configured, annotated) if name in names), names[0] if names else "")


def primary_state(status: Status, primary: str) -> Status:
    """Return the state of the primary container: {running: ...}, {waiting: ...}, {terminated: ...} or nothing."""
    return next((state for name, state in _states(status, "containerStatuses") if name == primary), {})


def explain(spec: Mapping[str, Any], status: Status, primary: str) -> EndingContainer:
    """Return the container that explains the Pod's end: primary, failed init, or any that failed, in this order.

    A sidecar explains nothing while the primary container has a terminated state: it is ended with the Pod, so its
    exit code is 137 or 143. A native sidecar (an init container with restartPolicy Always) never does.
    """
    if terminated := primary_state(status, primary).get("terminated"):
        return EndingContainer(primary, "", terminated)
    sidecars = {each["name"] for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"}
    if failed := _failed(status, "initContainerStatuses", sidecars):
        return EndingContainer(failed[0], f"init container {failed[0]}", failed[1], init=True)
    if status.get("phase") == "Failed" and (failed := _failed(status, "containerStatuses", ())):
        return EndingContainer(failed[0], f"container {failed[0]}", failed[1])
    return EndingContainer(primary)


def block_reason(status: Status) -> BlockReason | None:
    """Return why a Pending Pod does not start, None if its status reports no problem."""
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return BlockReason(Reason.UNSCHEDULABLE, condition.get("message", "no node has room"))
    for each in _all_statuses(status):
        waiting = (each.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in PULL_FAILURES:
            return BlockReason(
                Reason.IMAGE_PULL, f"{waiting['reason']}: {waiting.get('message', each.get('image', ''))}"
            )
        if waiting.get("reason") in CONFIG_FAILURES:
            return BlockReason(Reason.CONTAINER_CONFIG, f"{waiting['reason']}: {waiting.get('message', '')}")
    return None


def waits_for(spec: Mapping[str, Any], status: Status) -> BlockReason | None:
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


def _all_statuses(status: Status) -> Iterator[Status]:
    """Return the statuses of all containers, init containers first."""
    yield from status.get("initContainerStatuses") or ()
    yield from status.get("containerStatuses") or ()


def _states(status: Status, group: str) -> Iterator[tuple[str, Status]]:
    return ((each["name"], each.get("state") or {}) for each in status.get(group) or ())


def _failed(status: Status, group: str, ignored: Sequence[str] | set[str]) -> tuple[str, Status] | None:
    states = ((name, state.get("terminated") or {}) for name, state in _states(status, group) if name not in ignored)
    return next(((name, state) for name, state in states if state.get("exitCode")), None)
