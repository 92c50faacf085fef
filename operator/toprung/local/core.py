"""What Kubernetes' own kinds default and refuse, as far as a single machine needs it."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from toprung.local import customs, quantity, trees
from toprung.local.errors import Cause

Object = dict[str, Any]
_LABEL = re.compile(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
_RESTART_POLICIES = ("Always", "Never", "OnFailure")
_NATIVE_RESOURCES = frozenset({"cpu", "memory", "ephemeral-storage"})
_COMPUTE = frozenset({"cpu", "memory"})
_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an "
    "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_FIXED_SPEC = (
    "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_FINAL_PHASES = frozenset({"Succeeded", "Failed"})


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
    """The quality-of-service class, for which only CPU and memory count."""
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


def _default_pod(pod: Object) -> None:
    spec = pod.get("spec")
    if not isinstance(spec, dict):
        return
    for _, container in _containers(spec):
        _default_container(container)
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("serviceAccountName", "default")
    spec.setdefault("securityContext", {})
    spec.setdefault("enableServiceLinks", True)
    pod.setdefault("status", {"phase": "Pending", "qosClass": _quality(spec)})


def _default_namespace(namespace: Object) -> None:
    labels = namespace["metadata"].setdefault("labels", {})
    labels["kubernetes.io/metadata.name"] = namespace["metadata"]["name"]
    namespace.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    namespace.setdefault("status", {"phase": "Active"})


def _default_claim(claim: Object) -> None:
    claim.setdefault("status", {"phase": "Pending"})


def _default_quota(quota: Object) -> None:
    quota.setdefault("status", {})


def _default_secret(secret: Object) -> None:
    secret.setdefault("type", "Opaque")
    plain = secret.pop("stringData", None) or {}
    if plain:
        encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in plain.items()}
        secret["data"] = {**(secret.get("data") or {}), **encoded}


def _required(path: str, detail: str = "") -> Cause:
    return Cause("FieldValueRequired", path, f"Required value: {detail}" if detail else "Required value")


def _invalid(path: str, value: Any, detail: str) -> Cause:
    return Cause("FieldValueInvalid", path, f"Invalid value: {trees.shown(value)}: {detail}")


def _pod_faults(pod: Object, old: Object | None) -> Iterator[Cause]:
    spec = pod.get("spec") or {}
    if old is not None:
        yield from _changed_faults(spec, old["spec"])
        return
    if not spec.get("containers"):
        yield _required("spec.containers")
    seen: set[str] = set()
    for path, container in _containers(spec):
        yield from _container_faults(path, container)
        if container.get("name") in seen:
            yield Cause("FieldValueDuplicate", f"{path}.name", f"Duplicate value: {trees.shown(container.get('name'))}")
        seen.add(container.get("name", ""))
    if spec.get("restartPolicy") not in _RESTART_POLICIES:
        allowed = ", ".join(f'"{policy}"' for policy in _RESTART_POLICIES)
        shown = trees.shown(spec.get("restartPolicy"))
        yield Cause(
            "FieldValueNotSupported", "spec.restartPolicy", f"Unsupported value: {shown}: supported values: {allowed}"
        )
    yield from _deadline_faults(spec.get("activeDeadlineSeconds"))


def _deadline_faults(seconds: Any) -> Iterator[Cause]:
    if seconds is not None and not 1 <= seconds < 2**31:
        yield _invalid("spec.activeDeadlineSeconds", seconds, "must be between 1 and 2147483647, inclusive")


def _container_faults(path: str, container: Object) -> Iterator[Cause]:
    name = container.get("name")
    if not name:
        yield _required(f"{path}.name")
    elif not _LABEL.match(name):
        yield _invalid(f"{path}.name", name, _LABEL_RULE)
    if not container.get("image"):
        yield _required(f"{path}.image")
    for i, variable in enumerate(container.get("env") or ()):
        if not variable.get("name"):
            yield _required(f"{path}.env[{i}].name")
    yield from _resource_faults(f"{path}.resources", container.get("resources") or {})


def _resource_faults(path: str, resources: Object) -> Iterator[Cause]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for side, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            try:
                quantity.parse(amount)
            except ValueError as error:
                yield _invalid(f"{path}.{side}[{name}]", amount, str(error))
                return
    for name, amount in requests.items():
        if name in limits and quantity.parse(amount) > quantity.parse(limits[name]):
            detail = f"must be less than or equal to {name} limit of {limits[name]}"
            yield _invalid(f"{path}.requests", str(amount), detail)
        if name not in _NATIVE_RESOURCES and limits.get(name) != amount:
            detail = f"must be equal to {name} limit of {limits.get(name, 0)}"
            yield _invalid(f"{path}.requests", str(amount), detail)


def _fixed_part(spec: Object) -> Object:
    loose = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "schedulingGates")
    fixed = {key: value for key, value in spec.items() if key not in loose}
    for field in ("containers", "initContainers"):
        if fixed.get(field):
            fixed[field] = [{key: value for key, value in c.items() if key != "image"} for c in fixed[field]]
    return fixed


def _changed_faults(spec: Object, old: Object) -> Iterator[Cause]:
    if _fixed_part(spec) != _fixed_part(old):
        yield Cause("FieldValueForbidden", "spec", _FIXED_SPEC)
    now, before = spec.get("activeDeadlineSeconds"), old.get("activeDeadlineSeconds")
    if now == before:
        return
    yield from _deadline_faults(now)
    if before is not None and now is None:
        yield _invalid("spec.activeDeadlineSeconds", now, "must not update from a positive integer to nil value")
    if before is not None and now is not None and now > before:
        yield _invalid("spec.activeDeadlineSeconds", now, "must be less than or equal to previous value")


def _quota_faults(quota: Object, _old: Object | None) -> Iterator[Cause]:
    for name, amount in ((quota.get("spec") or {}).get("hard") or {}).items():
        try:
            quantity.parse(amount)
        except ValueError as error:
            yield _invalid(f"spec.hard[{name}]", amount, str(error))


def _event_faults(event: Object, _old: Object | None) -> Iterator[Cause]:
    if not event.get("involvedObject"):
        yield _required("involvedObject")


def grace_period(pod: Object, asked: int | None) -> int:
    """The seconds a Pod has to end after a deletion; none for one that no node has, or that has ended."""
    if not pod["spec"].get("nodeName") or pod.get("status", {}).get("phase") in _FINAL_PHASES:
        return 0
    return asked if asked is not None else int(pod["spec"].get("terminationGracePeriodSeconds", 30))


DEFAULTS: dict[str, Callable[[Object], None]] = {
    "pods": _default_pod,
    "namespaces": _default_namespace,
    "persistentvolumeclaims": _default_claim,
    "resourcequotas": _default_quota,
    "secrets": _default_secret,
    "customresourcedefinitions.apiextensions.k8s.io": customs.set_defaults,
}
FAULTS: dict[str, Callable[[Object, Object | None], Iterable[Cause]]] = {
    "pods": _pod_faults,
    "resourcequotas": _quota_faults,
    "events": _event_faults,
    "customresourcedefinitions.apiextensions.k8s.io": customs.faults,
}
