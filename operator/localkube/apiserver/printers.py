"""The columns of Kubernetes' own kinds, as `kubectl get` shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from localkube.apiserver.formats import age
from localkube.apiserver.registry import Column

Object = dict[str, Any]
_NONE = "<none>"


@dataclass(frozen=True, slots=True)
class Printer:
    """The columns of a kind and the function that computes an object's cells; with `named`, the name is the first
    column.
    """

    columns: tuple[Column, ...]
    cells: Callable[[Object, datetime], list[Any]]
    named: bool = True


def _columns(titles: str, wide: str = "") -> tuple[Column, ...]:
    return (
        *(Column(title, "string", "") for title in titles.split("|")),
        *(Column(title, "string", "", priority=1) for title in wide.split("|") if title),
    )


def _age(obj: Object, now: datetime) -> str:
    return age(obj["metadata"].get("creationTimestamp"), now)


def _statuses(pod: Object, field: str) -> list[Object]:
    return pod.get("status", {}).get(field) or []


def _container_word(state: Object) -> str:
    waiting, terminated = state.get("waiting") or {}, state.get("terminated") or {}
    if waiting.get("reason"):
        return str(waiting["reason"])
    if terminated:
        signal = terminated.get("signal")
        return terminated.get("reason") or (
            f"Signal:{signal}" if signal else f"ExitCode:{terminated.get('exitCode', 0)}"
        )
    return ""


def _initializing(pod: Object) -> str:
    statuses = _statuses(pod, "initContainerStatuses")
    for i, status in enumerate(statuses):
        state = status.get("state") or {}
        if (state.get("terminated") or {}).get("exitCode") == 0:
            continue
        word = _container_word(state)
        shown = word if word and word != "PodInitializing" else f"{i}/{len(pod['spec'].get('initContainers') or ())}"
        return f"Init:{shown}"
    return ""


def pod_word(pod: Object) -> str:
    """Return the STATUS of a Pod: its phase, unless a container or the deletion is more specific."""
    status = pod.get("status", {})
    word = status.get("reason") or status.get("phase") or "Unknown"
    word = _initializing(pod) or word
    if not word.startswith("Init:"):
        for container in reversed(_statuses(pod, "containerStatuses")):
            word = _container_word(container.get("state") or {}) or word
        if word == "Completed" and any(
            (c.get("state") or {}).get("running") for c in _statuses(pod, "containerStatuses")
        ):
            word = "Running"
    if pod["metadata"].get("deletionTimestamp") and status.get("phase") not in ("Succeeded", "Failed"):
        word = "Terminating"
    return str(word)


def _restarts(pod: Object, now: datetime) -> str:
    statuses = _statuses(pod, "containerStatuses")
    count = sum(int(s.get("restartCount", 0)) for s in statuses)
    ends = [((s.get("lastState") or {}).get("terminated") or {}).get("finishedAt") for s in statuses]
    last = max((end for end in ends if end), default=None)
    return f"{count} ({age(last, now)} ago)" if count and last else str(count)


def _pod(pod: Object, now: datetime) -> list[Any]:
    status, spec = pod.get("status", {}), pod["spec"]
    ready = sum(bool(s.get("ready")) for s in _statuses(pod, "containerStatuses"))
    return [
        f"{ready}/{len(spec.get('containers', ()))}",
        pod_word(pod),
        _restarts(pod, now),
        _age(pod, now),
        status.get("podIP") or _NONE,
        spec.get("nodeName") or _NONE,
        status.get("nominatedNodeName") or _NONE,
        _NONE,
    ]


def _condition(obj: Object, kind: str) -> str:
    conditions = obj.get("status", {}).get("conditions") or ()
    return next((str(c.get("status")) for c in conditions if c.get("type") == kind), "")


def _node(node: Object, now: datetime) -> list[Any]:
    info = node.get("status", {}).get("nodeInfo") or {}
    words = {"True": "Ready", "": "Unknown"}.get(_condition(node, "Ready"), "NotReady")
    if node.get("spec", {}).get("unschedulable"):
        words += ",SchedulingDisabled"
    prefix = "node-role.kubernetes.io/"
    labels = node["metadata"].get("labels") or {}
    roles = ",".join(sorted(label.removeprefix(prefix) for label in labels if label.startswith(prefix)))
    addresses = {a["type"]: a["address"] for a in node.get("status", {}).get("addresses") or ()}
    return [
        words,
        roles or _NONE,
        _age(node, now),
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP", _NONE),
        addresses.get("ExternalIP", _NONE),
        info.get("osImage", "<unknown>"),
        info.get("kernelVersion", "<unknown>"),
        info.get("containerRuntimeVersion", "<unknown>"),
    ]


def _event(event: Object, now: datetime) -> list[Any]:
    about, source = event.get("involvedObject") or {}, event.get("source") or {}
    series = event.get("series") or {}
    first = event.get("firstTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp")
    last = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or first
    origin = source.get("component") or event.get("reportingComponent") or ""
    return [
        age(last, now),
        event.get("type", ""),
        event.get("reason", ""),
        f"{about.get('kind', '').lower()}/{about.get('name', '')}",
        about.get("fieldPath", ""),
        ", ".join(part for part in (origin, source.get("host")) if part),
        (event.get("message") or "").strip(),
        age(first, now),
        str(series.get("count") or event.get("count") or 1),
        event["metadata"]["name"],
    ]


def _quota(quota: Object, now: datetime) -> list[Any]:
    hard, used = quota.get("spec", {}).get("hard") or {}, quota.get("status", {}).get("used") or {}
    shown = {name: f"{name}: {used.get(name, 0)}/{limit}" for name, limit in sorted(hard.items())}
    requests = ", ".join(text for name, text in shown.items() if not name.startswith("limits."))
    limits = ", ".join(text for name, text in shown.items() if name.startswith("limits."))
    return [requests, limits, _age(quota, now)]


def _phase(obj: Object) -> str:
    return "Terminating" if obj["metadata"].get("deletionTimestamp") else str(obj.get("status", {}).get("phase", ""))


def _data(obj: Object) -> str:
    return str(len(obj.get("data") or {}) + len(obj.get("binaryData") or {}))


PRINTERS: dict[str, Printer] = {
    "pods": Printer(_columns("Ready|Status|Restarts|Age", "IP|Node|Nominated Node|Readiness Gates"), _pod),
    "nodes": Printer(
        _columns("Status|Roles|Age|Version", "Internal-IP|External-IP|OS-Image|Kernel-Version|Container-Runtime"),
        _node,
    ),
    "events": Printer(
        (
            *_columns("Last Seen|Type|Reason|Object", "Subobject|Source"),
            *_columns("Message", "First Seen|Count|Name"),
        ),
        _event,
        named=False,
    ),
    "namespaces": Printer(_columns("Status|Age"), lambda obj, now: [_phase(obj), _age(obj, now)]),
    "resourcequotas": Printer(_columns("Request|Limit|Age"), _quota),
    "configmaps": Printer(_columns("Data|Age"), lambda obj, now: [_data(obj), _age(obj, now)]),
    "secrets": Printer(
        _columns("Type|Data|Age"), lambda obj, now: [obj.get("type", "Opaque"), _data(obj), _age(obj, now)]
    ),
    "leases.coordination.k8s.io": Printer(
        _columns("Holder|Age"), lambda obj, now: [(obj.get("spec") or {}).get("holderIdentity", ""), _age(obj, now)]
    ),
    "customresourcedefinitions.apiextensions.k8s.io": Printer(
        _columns("Created At"), lambda obj, _now: [obj["metadata"].get("creationTimestamp")]
    ),
}
