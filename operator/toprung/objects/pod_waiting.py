"""Determines why a Pending Pod does not start, and what it waits for."""

from collections.abc import Mapping
from typing import Any

from toprung.api.v1alpha1.conditions import Reason
from toprung.objects.conditions import BlockReason
from toprung.objects.containers import all_statuses

PULL_FAILURES = {"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"}
CONFIG_FAILURES = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}


def block_reason(status: Mapping[str, Any]) -> BlockReason | None:
    """Return why a Pending Pod does not start, None if its status reports no problem."""
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return BlockReason(Reason.UNSCHEDULABLE, condition.get("message", "no node has room"))
    for each in all_statuses(status):
        waiting = (each.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in PULL_FAILURES:
            return BlockReason(
                Reason.IMAGE_PULL, f"{waiting['reason']}: {waiting.get('message', each.get('image', ''))}"
            )
        if waiting.get("reason") in CONFIG_FAILURES:
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
