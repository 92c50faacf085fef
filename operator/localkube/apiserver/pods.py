"""Defaulting and validation of Pods, and the properties of Pods that the API server and the node both need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from localkube.apiserver.errors import Cause, forbidden, invalid, required
from localkube.apiserver.formats import stamp
from podspec import validation
from podspec.types import TEMPLATE

Object = dict[str, Any]
_COMPUTE = frozenset({"cpu", "memory"})
_FINAL_PHASES = frozenset({"Succeeded", "Failed"})
_MAX_DEADLINE = 2**31 - 1
_NOT_SERVED = "is not supported by the embedded cluster"
_FIXED_SPEC = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def set_defaults(pod: Object) -> None:
    """Fill in the fields that a real API server fills in, including the status of a new Pod."""
    spec = pod.get("spec")
    if not isinstance(spec, dict):
        return
    for _, container in _containers(spec):
        _default_container(container)
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    if isinstance(spec["terminationGracePeriodSeconds"], int) and spec["terminationGracePeriodSeconds"] < 0:
        spec["terminationGracePeriodSeconds"] = 1
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("serviceAccountName", "default")
    spec.setdefault("securityContext", {})
    spec.setdefault("enableServiceLinks", True)
    pod.setdefault("status", {"phase": "Pending", "qosClass": _quality(spec)} | _gated(spec))


def validate(pod: Object, old: Object | None) -> Iterator[Cause]:
    """Validate a new Pod, or a change of one."""
    spec = pod.get("spec") or {}
    if old is not None:
        yield from _validate_change(spec, old["spec"])
        return
    yield from (Cause.of(finding) for finding in validation.validate(TEMPLATE, pod, ""))
    yield from _validate_restarts(spec)


def terminal(pod: Object) -> bool:
    """Return whether a Pod has ended and holds no resources."""
    return (pod.get("status") or {}).get("phase") in _FINAL_PHASES


def disrupted(status: Object, reason: str, message: str, now: datetime) -> Object:
    """Return a Pod's status with the condition that something other than its own program ends it."""
    kept = [c for c in status.get("conditions") or () if c["type"] != "DisruptionTarget"]
    condition = {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": message}
    return {**status, "conditions": [*kept, condition | {"lastProbeTime": None, "lastTransitionTime": stamp(now)}]}


def grace_period(pod: Object, requested: int | None) -> int:
    """Return the seconds that a Pod has to end after its deletion; 0 for a Pod that is unbound or has ended."""
    if not pod["spec"].get("nodeName") or terminal(pod):
        return 0
    own = pod["spec"].get("terminationGracePeriodSeconds")
    return requested if requested is not None else own if isinstance(own, int) else 30


def _containers(spec: Object) -> Iterator[tuple[str, Object]]:
    for field in ("initContainers", "containers"):
        for i, container in enumerate(spec.get(field) or ()):
            yield f"spec.{field}[{i}]", container


def _default_container(container: Object) -> None:
    image = container.get("image", "").rpartition("/")[2]
    newest = ":" not in image or image.endswith(":latest")
    container.setdefault("imagePullPolicy", "Always" if newest and "@" not in image else "IfNotPresent")
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    resources = container.setdefault("resources", {})
    if resources.get("limits"):
        resources["requests"] = {**resources["limits"], **(resources.get("requests") or {})}


def _gated(spec: Object) -> Object:
    """Return the condition of a Pod with scheduling gates; empty for a Pod without."""
    if not spec.get("schedulingGates"):
        return {}
    message = "Scheduling is blocked due to non-empty scheduling gates"
    gated = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": message}
    return {"conditions": [gated | {"lastProbeTime": None, "lastTransitionTime": None}]}


def _quality(spec: Object) -> str:
    """Return the quality-of-service class, which depends on CPU and memory alone."""
    sides = [
        (r.get("requests") or {}, r.get("limits") or {})
        for r in (c.get("resources") or {} for _, c in _containers(spec))
    ]
    if not any(side.keys() & _COMPUTE for pair in sides for side in pair):
        return "BestEffort"
    sure = all(
        limits.keys() >= _COMPUTE and all(requests[n] == limits[n] for n in _COMPUTE) for requests, limits in sides
    )
    return "Guaranteed" if sure else "Burstable"


def _validate_restarts(spec: Object) -> Iterator[Cause]:
    """Check that containers restart by the Pod's policy; only sidecars have their own."""
    for path, container in _containers(spec):
        policy = container.get("restartPolicy")
        if policy is not None and not (policy == "Always" and path.startswith("spec.initContainers")):
            yield forbidden(f"{path}.restartPolicy", f"{_NOT_SERVED}, except for Always of an init container")
        if container.get("restartPolicyRules"):
            yield forbidden(f"{path}.restartPolicyRules", _NOT_SERVED)


def _fixed_part(spec: Object) -> Object:
    loose = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "schedulingGates")
    fixed = {key: value for key, value in spec.items() if key not in loose}
    for field in ("containers", "initContainers"):
        if fixed.get(field):
            fixed[field] = [{key: value for key, value in c.items() if key != "image"} for c in fixed[field]]
    return fixed


def _validate_change(spec: Object, old: Object) -> Iterator[Cause]:
    if _fixed_part(spec) != _fixed_part(old):
        yield forbidden("spec", _FIXED_SPEC)
    yield from _changed_gates(spec.get("schedulingGates") or (), old.get("schedulingGates") or ())
    if not all(container.get("image") for _, container in _containers(spec)):
        yield required("spec.containers[*].image")
    now, before, path = (
        spec.get("activeDeadlineSeconds"),
        old.get("activeDeadlineSeconds"),
        "spec.activeDeadlineSeconds",
    )
    if now == before:
        return
    if now is not None and not 1 <= now <= _MAX_DEADLINE:
        yield invalid(path, now, f"must be between 1 and {_MAX_DEADLINE}, inclusive")
    if before is not None and now is None:
        yield invalid(path, now, "must not update from a positive integer to nil value")
    if before is not None and now is not None and now > before:
        yield invalid(path, now, "must be less than or equal to previous value")


def _changed_gates(gates: Iterable[Object], old: Iterable[Object]) -> Iterator[Cause]:
    added = {gate.get("name") for gate in gates} - {gate.get("name") for gate in old}
    if added:
        yield forbidden("spec.schedulingGates", "only deletion is allowed, but found new scheduling gate")
