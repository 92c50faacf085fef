"""Properties of Pods that the API server and the node both need. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from localkube.apiserver.formats import stamp

Object = dict[str, Any]
Amounts = Mapping[str, Decimal]


def terminal(pod: Object) -> bool:
    """Return whether a Pod has ended and holds no resources."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def disrupted(status: Object, reason: str, message: str, now: datetime) -> Object:
    """Return a Pod's status with the condition that something other than its own program ends it."""
    kept = [c for c in status.get("conditions") or () if c["type"] != "DisruptionTarget"]
    condition = {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": message}
    return {**status, "conditions": [*kept, condition | {"lastProbeTime": None, "lastTransitionTime": stamp(now)}]}


def effective(spec: Mapping[str, Any], of: Callable[[Mapping[str, Any]], Amounts]) -> dict[str, Decimal]:
    """Return the amounts of a whole Pod from those `of` its containers.

    That is the sum of the containers and sidecars, or one init container with the sidecars before it where that is more.
    """
    sidecars: Amounts = {}
    peak: Amounts = {}
    for container in spec.get("initContainers") or ():
        together = _merged(sidecars, of(container), Decimal.__add__)
        if container.get("restartPolicy") == "Always":
            sidecars = together
        peak = _merged(peak, together, max)
    total = sidecars
    for container in spec["containers"]:
        total = _merged(total, of(container), Decimal.__add__)
    return _merged(total, peak, max)


def _merged(one: Amounts, other: Amounts, how: Callable[[Decimal, Decimal], Decimal]) -> dict[str, Decimal]:
    zero = Decimal(0)
    return {name: how(one.get(name, zero), other.get(name, zero)) for name in one.keys() | other.keys()}
