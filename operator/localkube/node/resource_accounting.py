"""The resources of the node and the Pods that hold them: cpu, memory, Pods, and GPUs by index. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from localkube.node.gpus import GPU
from podspec import quantities
from podspec.resources import Amounts, effective

PODS = "pods"


def requests(pod: Mapping[str, Any]) -> dict[str, Decimal]:
    """Return the amounts that a Pod requests, as kube-scheduler counts them. A limit stands in for a missing request."""
    spec = pod["spec"]
    total = effective(spec, _of_container)
    for name, amount in (spec.get("overhead") or {}).items():
        total[name] = total.get(name, Decimal(0)) + quantities.parse(amount)
    return {name: amount for name, amount in total.items() if amount} | {PODS: Decimal(1)}


def _of_container(container: Mapping[str, Any]) -> dict[str, Decimal]:
    resources = container.get("resources") or {}
    found = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return {name: quantities.parse(amount) for name, amount in found.items()}


@dataclass(frozen=True, slots=True)
class Holding:
    """The resources of one Pod, from its binding until its last process is gone."""

    amounts: Amounts
    gpus: tuple[int, ...]


@dataclass(slots=True)
class Ledger:
    """The node's capacity and the resources held by Pods, by uid."""

    capacity: Amounts
    _held: dict[str, Holding] = field(default_factory=dict)
    _used: dict[str, Decimal] = field(default_factory=dict)

    def __contains__(self, uid: str) -> bool:
        return uid in self._held

    def insufficient(self, amounts: Amounts) -> list[str]:
        """Return the resources with too little free capacity, sorted by name."""
        return sorted(name for name, amount in amounts.items() if amount > self._free(name))

    def exceeds_capacity(self, amounts: Amounts) -> bool:
        """Return whether the request exceeds the whole node, so that waiting cannot help."""
        return any(amount > self.capacity.get(name, Decimal(0)) for name, amount in amounts.items())

    def allocate(self, uid: str, amounts: Amounts) -> tuple[int, ...]:
        """Allocate resources, which must be free, to a Pod; return its GPU indices, lowest first."""
        wanted = int(amounts.get(GPU, 0))
        taken = {index for holding in self._held.values() for index in holding.gpus}
        free = [index for index in range(int(self.capacity.get(GPU, 0))) if index not in taken]
        if self.insufficient(amounts) or len(free) < wanted:
            raise ValueError(f"the node has too little {', '.join(self.insufficient(amounts)) or GPU} for Pod {uid}")
        return self._hold(uid, Holding(amounts, tuple(free[:wanted])))

    def restore(self, uid: str, amounts: Amounts, gpus: Sequence[int]) -> None:
        """Record the resources that a Pod held before a restart, even if the capacity is smaller now."""
        self._hold(uid, Holding(amounts, tuple(gpus)))

    def release(self, uid: str) -> None:
        """Release the resources of a Pod; a Pod that holds none is ignored."""
        if holding := self._held.pop(uid, None):
            for name, amount in holding.amounts.items():
                self._used[name] -= amount

    def gpus(self, uid: str) -> tuple[int, ...]:
        """Return the GPU indices that a Pod holds."""
        holding = self._held.get(uid)
        return holding.gpus if holding else ()

    def used(self, name: str) -> Decimal:
        """Return the amount of a resource that Pods hold."""
        return self._used.get(name, Decimal(0))

    def _free(self, name: str) -> Decimal:
        return self.capacity.get(name, Decimal(0)) - self.used(name)

    def _hold(self, uid: str, holding: Holding) -> tuple[int, ...]:
        self._held[uid] = holding
        for name, amount in holding.amounts.items():
            self._used[name] = self.used(name) + amount
        return holding.gpus
