"""Rules of resources: names, amounts, limits and requests of containers and Pods, and resource claims."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from podspec import quantities
from podspec.findings import Finding, duplicate, forbidden, invalid, not_found, required, unsupported
from podspec.formats import QUALIFIED_NAME
from podspec.objects import Check, Names, Object, Unknown, at, containers, dig, items, known, unique

Amounts = Mapping[str, Decimal]
NATIVE = ("cpu", "memory", "ephemeral-storage")
_HUGE = "hugepages-"
_ZERO = Decimal(0)
_OF_PODS = ("cpu", "memory", f"{_HUGE}SIZE")
_NameCheck = Callable[[str, str], Iterator[Finding]]


def amounts(found: Mapping[str, Any] | None) -> dict[str, Decimal]:
    """Parse quantities; invalid and unknown ones are left out."""
    parsed = {}
    for name, value in (found or {}).items():
        if not isinstance(value, Unknown):
            try:
                parsed[name] = quantities.parse(value)
            except ValueError:
                continue
    return parsed


def is_extended(name: str) -> bool:
    """Return whether a resource is one of a device plugin, such as nvidia.com/gpu."""
    return "/" in name and "kubernetes.io/" not in name


def effective(spec: Object, of: Callable[[Object], Amounts]) -> dict[str, Decimal]:
    """Return the amounts of a whole Pod from those `of` its containers.

    That is the larger of two: the sum of the containers and sidecars, or an init container with the sidecars before it.
    """
    sidecars, peak = dict[str, Decimal](), dict[str, Decimal]()
    for container in spec.get("initContainers") or ():
        for name, amount in of(container).items():
            together = sidecars.get(name, _ZERO) + amount
            if container.get("restartPolicy") == "Always":
                sidecars[name] = together
            peak[name] = max(peak.get(name, _ZERO), together)
    total = sidecars
    for container in spec.get("containers") or ():
        for name, amount in of(container).items():
            total[name] = total.get(name, _ZERO) + amount
    return {name: max(total.get(name, _ZERO), peak.get(name, _ZERO)) for name in total.keys() | peak.keys()}


def _container(container: Object, path: str) -> Iterator[Finding]:
    yield from _requirements(container.get("resources") or {}, at(path, "resources"), _container_name)
    yield from unique(
        (at(where, "resourceName"), one.get("resourceName")) for where, one in items(container, "resizePolicy", path)
    )


def _container_name(name: str, path: str) -> Iterator[Finding]:
    if not QUALIFIED_NAME.matches(name):
        yield invalid(path, name, QUALIFIED_NAME.detail)
    elif "/" not in name and name not in NATIVE and not name.startswith(_HUGE):
        detail = f"must be {', '.join(NATIVE)}, or the full name of a device, such as nvidia.com/gpu"
        yield invalid(path, name, f"must be a standard resource for containers: {detail}")
    elif is_extended(name) and name.startswith("requests."):
        yield invalid(path, name, "doesn't follow extended resource name standard")


def _pod_name(name: str, path: str) -> Iterator[Finding]:
    if name not in ("cpu", "memory") and not name.startswith(_HUGE):
        yield unsupported(path, name, _OF_PODS)


def _requirements(resources: Object, path: str, check_name: _NameCheck) -> Iterator[Finding]:
    limits, requests = amounts(resources.get("limits")), amounts(resources.get("requests"))
    for side, found in (("limits", limits), ("requests", requests)):
        for name, amount in found.items():
            where = f"{at(path, side)}[{name}]"
            yield from check_name(name, where)
            yield from _amount(name, amount, resources[side][name], where)
    for name, amount in requests.items():
        yield from _request(name, amount, resources, limits.get(name), path)
    names = {*(resources.get("limits") or ()), *(resources.get("requests") or ())}
    if any(name.startswith(_HUGE) for name in names) and not names & {"cpu", "memory"}:
        yield forbidden(path, "HugePages require cpu or memory")


def _request(name: str, amount: Decimal, resources: Object, limit: Decimal | None, path: str) -> Iterator[Finding]:
    where, written = f"{at(path, 'requests')}[{name}]", (resources.get("limits") or {}).get(name)
    fixed = is_extended(name) or name.startswith(_HUGE)
    if limit is None and fixed and written is None:
        yield required(f"{at(path, 'limits')}[{name}]", "Limit must be set for non overcommitable resources")
    elif limit is not None and fixed and amount != limit:
        yield invalid(where, resources["requests"][name], f"must be equal to {name} limit of {written}")
    elif limit is not None and amount > limit:
        yield invalid(where, resources["requests"][name], f"must be less than or equal to {name} limit of {written}")


def _amount(name: str, amount: Decimal, written: Any, path: str) -> Iterator[Finding]:
    if amount < 0:
        yield invalid(path, written, "must be greater than or equal to 0")
    elif is_extended(name) and amount != amount.to_integral_value():
        yield invalid(path, written, "must be an integer")
    elif name.startswith(_HUGE) and not _is_multiple(amount, name.removeprefix(_HUGE)):
        yield invalid(path, written, f"is not positive integer multiple of {name}")


def _is_multiple(amount: Decimal, page: str) -> bool:
    try:
        size = quantities.parse(page)
    except ValueError:
        return False
    return size > 0 and amount % size == 0


def _pod(spec: Object, path: str) -> Iterator[Finding]:
    where = at(path, "overhead")
    for name, amount in amounts(spec.get("overhead")).items():
        yield from _container_name(name, f"{where}[{name}]")
        yield from _amount(name, amount, spec["overhead"][name], f"{where}[{name}]")
    if spec.get("resources") is not None:
        yield from _pod_level(spec, spec["resources"], path)
    if spec.get("restartPolicy") == "Never":
        for place, container in containers(spec, path):
            for policy, one in items(container, "resizePolicy", place):
                if one.get("restartPolicy") == "RestartContainer":
                    detail = "must be 'NotRequired' when pod `restartPolicy` is 'Never'"
                    yield invalid(at(policy, "restartPolicy"), "RestartContainer", detail)


def _pod_level(spec: Object, resources: Object, path: str) -> Iterator[Finding]:
    """Check the resources of the whole Pod: at least those of its containers. Unset requests are derived."""
    where = at(path, "resources")
    if resources.get("claims") is not None:
        yield forbidden(at(where, "claims"), "claims may not be set for Resources at pod-level")
    yield from _requirements(resources, where, _pod_name)
    total, limits = effective(spec, _requests_of), amounts(resources.get("limits"))
    for name, amount in amounts(resources.get("requests")).items():
        if total.get(name, amount) > amount:
            detail = f"must be greater than or equal to aggregate container requests of {quantities.show(total[name])}"
            yield invalid(f"{at(where, 'requests')}[{name}]", resources["requests"][name], detail)
    for name, limit in limits.items():
        derived = name not in (resources.get("requests") or {})
        if derived and total.get(name, limit) > limit:
            detail = f"must be at least the aggregate container requests of {quantities.show(total[name])}"
            yield invalid(f"{at(where, 'limits')}[{name}]", resources["limits"][name], detail)
    for place, container in items(spec, "containers", path):
        written = dig(container, "resources", "limits")
        for name, amount in amounts(written).items():
            if amount > limits.get(name, amount):
                detail = f"must be less than or equal to pod limits of {resources['limits'][name]}"
                yield invalid(f"{at(place, 'resources.limits')}[{name}]", written[name], detail)


def _requests_of(container: Object) -> Amounts:
    resources = container.get("resources") or {}
    return {**amounts(resources.get("limits")), **amounts(resources.get("requests"))}


def _claims(spec: Object, path: str) -> Iterator[Finding]:
    names = Names.of(spec.get("resourceClaims") or ())
    yield from unique((at(where, "name"), one.get("name")) for where, one in items(spec, "resourceClaims", path))
    for place, container in containers(spec, path):
        seen: dict[str, set[str]] = {}
        for where, claim in items(container.get("resources") or {}, "claims", at(place, "resources")):
            name, request = claim.get("name"), claim.get("request") or ""
            if names.lack(name):
                detail = "must be one of the names in pod.spec.resourceClaims"
                yield not_found(at(where, "name"), name, names.known, detail)
            earlier = seen.setdefault(name, set())
            if known(name) and (earlier & {request, ""} if request else earlier):
                yield duplicate(where, name)
            earlier.add(request)


RULES: Mapping[str, tuple[Check, ...]] = MappingProxyType({"Container": (_container,), "PodSpec": (_pod, _claims)})
