"""Validates the values of a Pod as an API server does: names, labels, quantities, and unique values.

The rules are those of Kubernetes' validation of Pods. The check of the types comes first, see schema.py.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from toprung.api.messages import shown
from toprung.api.pod_template.constraints import CONSTRAINTS, chained
from toprung.api.pod_template.pod_rules import validate_container, validate_pod
from toprung.api.pod_template.schema import MAX_QUANTITY, PLACEHOLDER, QUANTITY, ValueCheck
from toprung.api.pod_template.sources import SOURCES, validate_dns_label
from toprung.errors import FieldError

_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?")
_QUALIFIED = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_VALUE_ADVICE = "Write at most 63 of A-Z, a-z, 0-9, -, _ and ., with a letter or a digit at both ends."
_ENUMS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "Container": MappingProxyType(
            {
                "imagePullPolicy": ("Always", "IfNotPresent", "Never"),
                "restartPolicy": ("Always", "OnFailure", "Never"),
                "terminationMessagePolicy": ("File", "FallbackToLogsOnError"),
            }
        ),
        "ContainerPort": MappingProxyType({"protocol": ("TCP", "UDP", "SCTP")}),
        "PodSpec": MappingProxyType(
            {
                "restartPolicy": ("Never",),
                "dnsPolicy": ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
                "preemptionPolicy": ("PreemptLowerPriority", "Never"),
            }
        ),
        "Toleration": MappingProxyType(
            {"operator": ("Exists", "Equal", "Lt", "Gt"), "effect": ("NoSchedule", "PreferNoSchedule", "NoExecute")}
        ),
    }
)
_UNITS = {
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", start=1)},
    **{letter: Decimal(1000) ** power for power, letter in enumerate("num", start=-3)},
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", start=1)},
    "": Decimal(1),
}
_MAX_EXPONENT = 99
_NATIVE = ("cpu", "memory", "ephemeral-storage")


def parse_quantity(value: Any) -> Decimal | None:
    """Return the exact amount of a quantity such as 500m or 2k; None if it is invalid or has a placeholder."""
    text = str(value) if isinstance(value, str | int | float) else ""
    match = QUANTITY.fullmatch(text[: MAX_QUANTITY + 1])
    if match is None or len(text) > MAX_QUANTITY:
        return None
    suffix = match[2] or ""
    number = Decimal(text.removesuffix(suffix))
    if suffix in _UNITS:
        return number * _UNITS[suffix]
    exponent = int(suffix[1:][:4])
    return number.scaleb(max(-_MAX_EXPONENT, min(exponent, _MAX_EXPONENT)))


def _pod(spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    yield from _enums("PodSpec", spec, path)
    if spec.get("containers") == []:
        yield FieldError(f"{path}containers", "Required value: write a container, as - {name: train, image: ...}.")
    containers = [*_named(spec, "initContainers", path), *_named(spec, "containers", path)]
    yield from _duplicates((where, name) for where, name, _ in containers)
    volumes = [(where, name) for where, name, _ in _named(spec, "volumes", path)]
    yield from _duplicates(volumes)
    known = {name for _, name in volumes}
    for where, _, container in containers:
        yield from _mounts(container, where.removesuffix(".name"), known)
    yield from _labels(spec.get("nodeSelector"), f"{path}nodeSelector")
    for name, amount in _amounts(spec.get("overhead")).items():
        yield from _amount(name, amount, f"{path}overhead[{name}]")


def _named(spec: Mapping[str, Any], field: str, path: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Return the objects of a list that have a name: (path of the name, name, object)."""
    items = spec.get(field)
    for i, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict) and isinstance(name := item.get("name"), str) and PLACEHOLDER not in name:
            yield f"{path}{field}[{i}].name", name, item


def _duplicates(named: Iterable[tuple[str, str]]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for path, name in named:
        if name in seen:
            yield FieldError(path, f"Duplicate value: {shown(name)}. Rename one of the two.")
        seen.add(name)


def _mounts(container: Mapping[str, Any], path: str, volumes: set[str]) -> Iterator[FieldError]:
    mounts = container.get("volumeMounts")
    taken: set[str] = set()
    for i, mount in enumerate(mounts if isinstance(mounts, list) else ()):
        name, where = (mount.get("name"), mount.get("mountPath")) if isinstance(mount, dict) else (None, None)
        if isinstance(name, str) and name not in volumes and PLACEHOLDER not in name and name != CHECKPOINT_VOLUME:
            error = f"Invalid value: no volume is named {shown(name)}"
            yield FieldError(f"{path}.volumeMounts[{i}].name", error, name or "-", tuple(sorted(volumes)))
        if isinstance(where, str) and (where in taken or not where):
            kind = "Duplicate value" if where else "Required value"
            yield FieldError(f"{path}.volumeMounts[{i}].mountPath", f"{kind}: {shown(where)}. Write a path of its own.")
        taken.add(where if isinstance(where, str) else "")


CHECKPOINT_VOLUME = "toprung-checkpoint"
"""The volume that the operator adds where spec.checkpoint is set; a template may mount it."""


def _container(container: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    yield from _enums("Container", container, path)
    yield from validate_dns_label(container.get("name"), f"{path}name")
    image = container.get("image")
    if image is None or image == "":
        yield FieldError(f"{path}image", "Required value: write the image that has the program.")
    elif isinstance(image, str) and image.strip() != image:
        yield FieldError(f"{path}image", f"Invalid value: {shown(image)} begins or ends with a blank. Remove it.")


def _metadata(metadata: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    yield from _labels(metadata.get("labels"), f"{path}labels")
    yield from _keys(metadata.get("annotations"), f"{path}annotations")


def _labels(labels: Any, path: str) -> Iterator[FieldError]:
    yield from _keys(labels, path)
    for key, value in labels.items() if isinstance(labels, dict) else ():
        if isinstance(value, str) and PLACEHOLDER not in value and not _LABEL_VALUE.fullmatch(value):
            yield FieldError(f"{path}[{key}]", f"Invalid value: {shown(value)} can't be a label. {_VALUE_ADVICE}")


def _keys(entries: Any, path: str) -> Iterator[FieldError]:
    for key in entries if isinstance(entries, dict) else ():
        if not _QUALIFIED.fullmatch(key.lower() if path.endswith("annotations") else key):
            yield FieldError(path, f"Invalid value: {shown(key)} can't be a key. {_VALUE_ADVICE}")


def _selector(selector: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    return _labels(selector.get("matchLabels"), f"{path}matchLabels")


def _resources(resources: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    limits, requests = (_amounts(resources.get(side)) for side in ("limits", "requests"))
    for side, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            yield from _amount(name, amount, f"{path}{side}[{name}]")
    for name, amount in requests.items():
        limit = limits.get(name)
        if limit is not None and amount > limit:
            advice = f"Write at most the limit, {resources['limits'][name]}."
            yield FieldError(f"{path}requests[{name}]", f"Invalid value: is above the limit. {advice}")
        elif limit is not None and amount != limit and _is_whole(name):
            message = f"Invalid value: {shown(name)} can't be overcommitted. Write the limit, or remove it."
            yield FieldError(f"{path}requests[{name}]", message)
        elif _is_whole(name) and limit is None:
            where = f"{path}limits[{name}]"
            yield FieldError(
                where, f"Required value: {shown(name)} is requested and can't be overcommitted. Write it here."
            )

    names = {*limits, *requests}
    if any(name.startswith(_HUGE) for name in names) and not names & {"cpu", "memory"}:
        yield FieldError(path.removesuffix("."), "Forbidden: hugepages require cpu or memory. Write a limit of memory.")


def _is_whole(name: str) -> bool:
    """Return whether a request of the resource must equal its limit."""
    return _is_extended(name) or name.startswith(_HUGE)


_HUGE = "hugepages-"


def _amounts(side: Any) -> dict[str, Decimal]:
    items = side.items() if isinstance(side, dict) else ()
    return {name: amount for name, value in items if (amount := parse_quantity(value)) is not None}


def _amount(name: str, amount: Decimal, path: str) -> Iterator[FieldError]:
    if "/" not in name and name not in _NATIVE and not name.startswith(_HUGE):
        advice = f"Write {', '.join(_NATIVE)} or the full name of a device, such as nvidia.com/gpu."
        yield FieldError(path, f"Invalid value: {shown(name)} is not a resource. {advice}")
    elif "/" in name and not _QUALIFIED.fullmatch(name):
        yield FieldError(path, f"Invalid value: {shown(name)} can't name a resource. Write one such as nvidia.com/gpu.")
    elif amount < 0:
        yield FieldError(path, "Invalid value: is below 0. Write 0 or more.")
    elif _is_extended(name) and amount != amount.to_integral_value():
        yield FieldError(path, "Invalid value: is a fraction, and devices are whole. Write an integer.")


def _is_extended(name: str) -> bool:
    """Return whether a resource is one of a device plugin, such as nvidia.com/gpu."""
    return "/" in name and not name.split("/", maxsplit=1)[0].endswith("kubernetes.io")


def _enums(kind: str, value: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    for field, allowed in _ENUMS[kind].items():
        found = value.get(field)
        if isinstance(found, str) and found and found not in allowed and PLACEHOLDER not in found:
            policy = kind == "PodSpec" and field == "restartPolicy"
            advice = "Remove it and use trialTemplate.retries." if policy else _one_of(allowed)
            yield FieldError(f"{path}{field}", f"Unsupported value: {shown(found)}. {advice}")


def _one_of(allowed: tuple[str, ...]) -> str:
    return f"Write one of {', '.join(allowed)}."


def _port(port: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    yield from _enums("ContainerPort", port, path)
    number = port.get("containerPort")
    if isinstance(number, int) and not isinstance(number, bool) and not 1 <= number <= 65535:  # noqa: PLR2004
        yield FieldError(f"{path}containerPort", f"Invalid value: {number} is no port. Write 1 to 65535.")


def _toleration(toleration: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    return _enums("Toleration", toleration, path)


_OWN: Mapping[str, ValueCheck] = MappingProxyType(
    {
        "PodSpec": chained([_pod, validate_pod]),
        "Container": chained([_container, validate_container]),
        "ContainerPort": _port,
        "LabelSelector": _selector,
        "ObjectMeta": _metadata,
        "ResourceRequirements": _resources,
        "Toleration": _toleration,
    }
)
_TABLES = (SOURCES, CONSTRAINTS, _OWN)
RULES: Mapping[str, ValueCheck] = MappingProxyType(
    {
        kind: chained(table[kind] for table in _TABLES if kind in table)
        for kind in sorted({kind for table in _TABLES for kind in table})
    }
)
"""Type of an object -> rule for its values."""
