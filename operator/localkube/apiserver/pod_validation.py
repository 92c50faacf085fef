"""Defaulting and validation of Pods: the rules of Kubernetes that a single machine needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from localkube import quantities
from localkube.apiserver import pod_constraints, volume_validation
from localkube.apiserver.errors import Cause, duplicate, forbidden, invalid, required, unsupported
from localkube.apiserver.volume_validation import LABEL, LABEL_RULE

Object = dict[str, Any]
_VARIABLE = re.compile(r"[ -<>-~]+")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?")
_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_NATIVE_RESOURCES = frozenset({"cpu", "memory", "ephemeral-storage"})
_COMPUTE = frozenset({"cpu", "memory"})
_FINAL_PHASES = frozenset({"Succeeded", "Failed"})
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


def _gated(spec: Object) -> Object:
    """Return the condition of a Pod with scheduling gates; empty for a Pod without."""
    if not spec.get("schedulingGates"):
        return {}
    message = "Scheduling is blocked due to non-empty scheduling gates"
    gated = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": message}
    return {"conditions": [gated | {"lastProbeTime": None, "lastTransitionTime": None}]}


def validate(pod: Object, old: Object | None) -> Iterator[Cause]:
    """Validate a new Pod, or a change of one."""
    spec = pod.get("spec") or {}
    if old is not None:
        yield from _validate_changed(spec, old["spec"])
        return
    if not spec.get("containers"):
        yield required("spec.containers")
    names: set[str] = set()
    for path, container in _containers(spec):
        yield from _validate_container(path, container)
        if container.get("name") in names:
            yield duplicate(f"{path}.name", container.get("name"))
        names.add(container.get("name", ""))
    if spec.get("restartPolicy") not in _RESTART_POLICIES:
        yield unsupported("spec.restartPolicy", spec.get("restartPolicy"), _RESTART_POLICIES)
    yield from _validate_restart(spec)
    yield from volume_validation.validate(spec)
    yield from _validate_selector(spec.get("nodeSelector") or {})
    yield from _validate_gate(spec)
    yield from _validate_deadline(spec.get("activeDeadlineSeconds"))
    yield from _validate_amount("spec.overhead", spec.get("overhead") or {})
    yield from pod_constraints.validate(pod)


def grace_period(pod: Object, asked: int | None) -> int:
    """Return the seconds that a Pod has to end after its deletion; 0 for a Pod that is unbound or has ended."""
    if not pod["spec"].get("nodeName") or pod.get("status", {}).get("phase") in _FINAL_PHASES:
        return 0
    own = pod["spec"].get("terminationGracePeriodSeconds")
    return asked if asked is not None else own if isinstance(own, int) else 30


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


def _validate_restart(spec: Object) -> Iterator[Cause]:
    for i, container in enumerate(spec.get("initContainers") or ()):
        if container.get("restartPolicy", "Always") != "Always":
            yield unsupported(f"spec.initContainers[{i}].restartPolicy", container["restartPolicy"], ["Always"])
    for i, container in enumerate(spec.get("containers") or ()):
        if "restartPolicy" in container:
            yield forbidden(
                f"spec.containers[{i}].restartPolicy",
                "is not served by the embedded cluster for a container that is not an init container",
            )


def _validate_selector(selector: Object) -> Iterator[Cause]:
    for key, value in selector.items():
        if not _LABEL_VALUE.fullmatch(value):
            yield invalid(f"spec.nodeSelector[{key}]", value, "must be a valid label value")


def _validate_gate(spec: Object) -> Iterator[Cause]:
    for i, gate in enumerate(spec.get("schedulingGates") or ()):
        if not gate.get("name"):
            yield required(f"spec.schedulingGates[{i}].name")
    if spec.get("schedulingGates") and spec.get("nodeName"):
        yield forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared")


def _validate_deadline(seconds: Any) -> Iterator[Cause]:
    if seconds is not None and not 1 <= seconds < 2**31:
        yield invalid("spec.activeDeadlineSeconds", seconds, "must be between 1 and 2147483647, inclusive")


def _validate_container(path: str, container: Object) -> Iterator[Cause]:
    name = container.get("name")
    if not name:
        yield required(f"{path}.name")
    elif not LABEL.fullmatch(name):
        yield invalid(f"{path}.name", name, LABEL_RULE)
    if not container.get("image"):
        yield required(f"{path}.image")
    yield from _validate_env(path, container)
    yield from _validate_resource(f"{path}.resources", container.get("resources") or {})


def _validate_env(path: str, container: Object) -> Iterator[Cause]:
    for i, variable in enumerate(container.get("env") or ()):
        place, name = f"{path}.env[{i}]", variable.get("name")
        if not name:
            yield required(f"{place}.name")
        elif not _VARIABLE.fullmatch(name):
            yield invalid(
                f"{place}.name",
                name,
                "a valid environment variable name must consist only of printable ASCII characters other than '='",
            )
        if "valueFrom" in variable:
            yield from _validate_source(f"{place}.valueFrom", variable)
    for i, source in enumerate(container.get("envFrom") or ()):
        if len(source.keys() & {"configMapRef", "secretRef"}) != 1:
            yield invalid(f"{path}.envFrom[{i}]", "", "must specify one of: `configMapRef` or `secretRef`")


def _validate_source(path: str, variable: Object) -> Iterator[Cause]:
    source = variable["valueFrom"]
    if len(source) != 1:
        yield invalid(
            path, "", "must specify exactly one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
        )
    if variable.get("value"):
        yield invalid(path, "", "may not be specified when `value` is not empty")
    for kind, needed in (
        ("fieldRef", "fieldPath"),
        ("resourceFieldRef", "resource"),
        *((f"{k}KeyRef", "key") for k in ("configMap", "secret")),
    ):
        if kind in source and not source[kind].get(needed):
            yield required(f"{path}.{kind}.{needed}")


def _validate_resource(path: str, resources: Object) -> Iterator[Cause]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    wrong = [*_validate_amount(f"{path}.limits", limits), *_validate_amount(f"{path}.requests", requests)]
    yield from wrong
    if wrong:
        return
    for name, amount in requests.items():
        if name in limits and quantities.parse(amount) > quantities.parse(limits[name]):
            detail = f"must be less than or equal to {name} limit of {limits[name]}"
            yield invalid(f"{path}.requests", str(amount), detail)
        if name not in _NATIVE_RESOURCES and limits.get(name) != amount:
            detail = f"must be equal to {name} limit of {limits.get(name, 0)}"
            yield invalid(f"{path}.requests", str(amount), detail)


def _validate_amount(path: str, amounts: Object) -> Iterator[Cause]:
    for name, amount in amounts.items():
        try:
            value = quantities.parse(amount)
        except ValueError as error:
            yield invalid(f"{path}[{name}]", amount, str(error))
            continue
        if value < 0:
            yield invalid(f"{path}[{name}]", amount, "must be greater than or equal to 0")
        elif name not in _NATIVE_RESOURCES and value != value.to_integral_value():
            yield invalid(f"{path}[{name}]", amount, "must be an integer")


def _fixed_part(spec: Object) -> Object:
    loose = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "schedulingGates")
    fixed = {key: value for key, value in spec.items() if key not in loose}
    for field in ("containers", "initContainers"):
        if fixed.get(field):
            fixed[field] = [{key: value for key, value in c.items() if key != "image"} for c in fixed[field]]
    return fixed


def _validate_changed(spec: Object, old: Object) -> Iterator[Cause]:
    if _fixed_part(spec) != _fixed_part(old):
        yield forbidden("spec", _FIXED_SPEC)
    yield from _changed_gates(spec.get("schedulingGates") or (), old.get("schedulingGates") or ())
    if not all(container.get("image") for _, container in _containers(spec)):
        yield required("spec.containers[*].image")
    now, before = spec.get("activeDeadlineSeconds"), old.get("activeDeadlineSeconds")
    if now == before:
        return
    yield from _validate_deadline(now)
    if before is not None and now is None:
        yield invalid("spec.activeDeadlineSeconds", now, "must not update from a positive integer to nil value")
    if before is not None and now is not None and now > before:
        yield invalid("spec.activeDeadlineSeconds", now, "must be less than or equal to previous value")


def _changed_gates(gates: Iterable[Object], old: Iterable[Object]) -> Iterator[Cause]:
    added = {gate.get("name") for gate in gates} - {gate.get("name") for gate in old}
    if added:
        yield forbidden("spec.schedulingGates", "only deletion is allowed, but found new scheduling gate")
