"""Validates the fields of a Pod and its containers that depend on each other, as an API server does."""

from collections.abc import Iterator, Mapping
from typing import Any

from toprung.api.messages import shown
from toprung.api.pod_template.schema import PLACEHOLDER
from toprung.errors import FieldError

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def validate_pod(spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """Check the fields of a PodSpec against each other."""
    if spec.get("dnsPolicy") == "None" and not _get(spec, "dnsConfig").get("nameservers"):
        yield FieldError(f"{path}dnsConfig.nameservers", "Required value: dnsPolicy is None. Write a name server.")
    if spec.get("ephemeralContainers"):
        yield FieldError(f"{path}ephemeralContainers", "Forbidden: can't be set on create. Remove it.")
    if spec.get("hostPID") is True and spec.get("shareProcessNamespace") is True:
        yield FieldError(f"{path}shareProcessNamespace", "Forbidden: hostPID is true. Remove one of the two.")
    for field in ("hostPID", "hostIPC", "hostNetwork"):
        if spec.get("hostUsers") is False and spec.get(field) is True:
            yield FieldError(f"{path}{field}", "Forbidden: hostUsers is false. Remove one of the two.")
    for where, container in _items(spec, "initContainers", path):
        yield from _init_container(container, where)
    yield from _spread(spec, path)
    yield from _claims(spec, path)
    yield from _host_ports(spec, path)


def _init_container(container: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    for field in ("lifecycle", *_PROBES):
        if container.get(field) is not None and container.get("restartPolicy") != "Always":
            yield FieldError(f"{path}.{field}", "Forbidden: restartPolicy is not Always. Remove it.")


def _spread(spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    seen: set[tuple[str, str]] = set()
    for where, item in _items(spec, "topologySpreadConstraints", path):
        key = str(item.get("topologyKey")), str(item.get("whenUnsatisfiable"))
        if key in seen:
            yield FieldError(f"{where}.topologyKey", f"Duplicate value: {shown(key[0])}. Remove one of the two.")
        seen.add(key)


def _claims(spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    known = {str(claim.get("name")) for _, claim in _items(spec, "resourceClaims", path)}
    for field in ("initContainers", "containers"):
        for where, container in _items(spec, field, path):
            seen: set[tuple[str, str]] = set()
            for place, claim in _items(_get(container, "resources"), "claims", f"{where}.resources."):
                name, key = claim.get("name"), (str(claim.get("name")), str(claim.get("request") or ""))
                if isinstance(name, str) and PLACEHOLDER not in name and name not in known:
                    message = (
                        f"Invalid value: no resourceClaims item of the Pod is named {shown(name)}. Write it there."
                    )
                    yield FieldError(f"{place}.name", message)
                if key in seen:
                    yield FieldError(place, f"Duplicate value: {shown(name)}. Remove one of the two.")
                seen.add(key)


def _host_ports(spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    host_network, seen = spec.get("hostNetwork") is True, set[tuple[str, str, str]]()
    for where, container in _items(spec, "containers", path):
        for place, port in _items(container, "ports", f"{where}."):
            here, host = port.get("containerPort"), port.get("hostPort")
            if host_network and host not in (None, 0, here):
                message = f"Invalid value: hostNetwork is true. Write {shown(here)}, or remove it."
                yield FieldError(f"{place}.hostPort", message)
            number = host or (here if host_network else None)
            key = str(port.get("protocol") or "TCP"), str(port.get("hostIP") or ""), str(number)
            if isinstance(number, int) and key in seen:
                yield FieldError(f"{place}.hostPort", f"Duplicate value: {number}. Write another port.")
            seen.add(key)


def validate_container(container: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """Check the fields of a Container against each other."""
    names: set[str] = set()
    for where, port in _items(container, "ports", path):
        name = port.get("name")
        if isinstance(name, str) and name in names:
            yield FieldError(f"{where}.name", f"Duplicate value: {shown(name)}. Rename one of the two.")
        names |= {name} if isinstance(name, str) and name else set()
    for field in ("livenessProbe", "startupProbe"):
        threshold = _get(container, field).get("successThreshold")
        if isinstance(threshold, int) and threshold > 1:
            yield FieldError(f"{path}{field}.successThreshold", "Invalid value: must be 1. Remove it.")
    if _get(container, "readinessProbe").get("terminationGracePeriodSeconds") is not None:
        where = f"{path}readinessProbe.terminationGracePeriodSeconds"
        yield FieldError(where, "Forbidden: a readiness probe ends no container. Remove it.")
    privileged = _get(container, "securityContext").get("privileged") is True
    for where, mount in _items(container, "volumeMounts", path):
        if mount.get("mountPropagation") == "Bidirectional" and not privileged:
            yield FieldError(f"{where}.mountPropagation", "Forbidden: the container is not privileged. Remove it.")


def _get(value: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """Return the object in a field, an empty one where there is none."""
    found = value.get(field)
    return found if isinstance(found, dict) else {}


def _items(value: Mapping[str, Any], field: str, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return the objects of a list, each with its path."""
    found = value.get(field)
    for i, item in enumerate(found if isinstance(found, list) else ()):
        if isinstance(item, dict):
            yield f"{path}{field}[{i}]", item
