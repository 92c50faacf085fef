"""ResourceQuotas: the usage of each namespace, and the admission check of each write."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from localkube.apiserver.errors import Forbidden, about
from localkube.apiserver.registry import Kind
from localkube.apiserver.watch_history import ObjectChange
from podspec import quantities
from podspec.resources import effective

if TYPE_CHECKING:
    from localkube.apiserver.store import Store

Object = dict[str, Any]
_QUOTAS = "resourcequotas"
_COUNTED_BY_NAME = frozenset({"configmaps", "persistentvolumeclaims", "pods", "resourcequotas", "secrets", "services"})
_MUST_BE_STATED = ("requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
_FINAL_PHASES = frozenset({"Succeeded", "Failed"})


def _amounts(container: Mapping[str, Any]) -> dict[str, Decimal]:
    resources = container.get("resources") or {}
    stated = ((side, resources.get(side) or {}) for side in ("requests", "limits"))
    return {f"{side}.{name}": quantities.parse(amount) for side, amounts in stated for name, amount in amounts.items()}


def usage(resource: str, obj: Object | None) -> dict[str, Decimal]:
    """Return the amounts that an object uses, by quota name. A finished Pod uses only `count/pods`."""
    if obj is None:
        return {}
    counted = {f"count/{resource}": Decimal(1)}
    if resource == "pods":
        if obj.get("status", {}).get("phase") in _FINAL_PHASES:
            return counted
        try:
            compute = effective(obj["spec"], _amounts)
        except (KeyError, TypeError, ValueError, AttributeError):
            return counted | {"pods": Decimal(1)}  # stored by an earlier version, which admitted it
        plain = {
            name.removeprefix("requests."): compute[name]
            for name in ("requests.cpu", "requests.memory")
            if name in compute
        }
        return counted | compute | plain | {"pods": Decimal(1)}
    return counted | ({resource: Decimal(1)} if resource in _COUNTED_BY_NAME else {})


def _shown(amounts: dict[str, Decimal], hard: dict[str, Any]) -> str:
    return ",".join(f"{name}={quantities.show(amounts[name], hard[name])}" for name in sorted(amounts))


class Quotas:
    """The quota controller and its admission check, with running totals for each namespace that has a quota."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._totals: dict[str, dict[str, Decimal]] = {}

    def charge(self, kind: Kind, namespace: str, new: Object, old: Object | None) -> None:
        """Raise Forbidden where the change from `old` to `new` exceeds a quota of its namespace."""
        if not namespace or not (quotas := self._store.entries(_QUOTAS, namespace)):
            return
        before = usage(kind.resource, old)
        requested = {name: value - before.get(name, Decimal(0)) for name, value in usage(kind.resource, new).items()}
        for quota in quotas:
            self._check(kind, new, old, quota.object, {name: value for name, value in requested.items() if value > 0})

    def react(self, change: ObjectChange) -> None:
        """Update the totals after a change, and keep `status.used` of the namespace's quotas current."""
        if not change.namespace:
            if change.resource == "namespaces" and change.type == "DELETED":
                self._totals.pop(change.name, None)
            return
        if not self._store.entries(_QUOTAS, change.namespace):
            self._totals.pop(change.namespace, None)
            return
        if change.namespace in self._totals:
            self._add(change)
        self.refresh(change.namespace)

    def refresh(self, namespace: str) -> None:
        """Write `status.used` of the namespace's quotas where it is outdated."""
        totals = self._used(namespace)
        for stored in self._store.entries(_QUOTAS, namespace):
            hard = stored.object.get("spec", {}).get("hard") or {}
            used = {name: quantities.show(totals.get(name, Decimal(0)), limit) for name, limit in hard.items()}
            status = {"hard": hard, "used": used}
            if stored.object.get("status") != status:
                self._store.update(_QUOTAS, {**stored.object, "status": status}, subresource="status")

    def _check(self, kind: Kind, new: Object, old: Object | None, quota: Object, requested: dict[str, Decimal]) -> None:
        hard = quota.get("spec", {}).get("hard") or {}
        name = new["metadata"]["name"]
        prefix, details = f'{kind.qualified} "{name}" is forbidden: ', about(kind.resource, name)
        if kind.resource == "pods" and old is None and (unstated := _unstated(new, hard)):
            raise Forbidden(f"{prefix}failed quota: {quota['metadata']['name']}: {unstated}", details=details)
        used = self._used(new["metadata"]["namespace"])
        over = {
            item: value
            for item, value in requested.items()
            if item in hard and used.get(item, Decimal(0)) + value > quantities.parse(hard[item])
        }
        if over:
            have = {item: used.get(item, Decimal(0)) for item in over}
            limits = {item: quantities.parse(hard[item]) for item in over}
            raise Forbidden(
                f"{prefix}exceeded quota: {quota['metadata']['name']}, requested: {_shown(over, hard)}, "
                f"used: {_shown(have, hard)}, limited: {_shown(limits, hard)}",
                details=details,
            )

    def _used(self, namespace: str) -> dict[str, Decimal]:
        if namespace not in self._totals:
            totals: dict[str, Decimal] = {}
            for kind in list(self._store.registry.all_stored()):
                if kind.namespaced:
                    for stored in self._store.entries(kind.resource, namespace):
                        for name, value in usage(kind.resource, stored.object).items():
                            totals[name] = totals.get(name, Decimal(0)) + value
            self._totals[namespace] = totals
        return self._totals[namespace]

    def _add(self, change: ObjectChange) -> None:
        totals = self._totals[change.namespace]
        now = None if change.type == "DELETED" else change.object
        for sign, obj in ((1, now), (-1, change.previous)):
            for name, value in usage(change.resource, obj).items():
                totals[name] = totals.get(name, Decimal(0)) + sign * value


def _unstated(pod: Object, hard: dict[str, Any]) -> str:
    """Return the message for amounts that a quota requires and a container does not specify; empty where none is
    missing.
    """
    containers = pod["spec"].get("containers", ())
    missing: dict[str, list[str]] = {}
    for item in _MUST_BE_STATED:
        if item in hard or item.removeprefix("requests.") in hard:
            side, _, name = item.partition(".")
            silent = [c["name"] for c in containers if name not in ((c.get("resources") or {}).get(side) or {})]
            if silent:
                missing[item if item in hard else name] = silent
    return "; ".join(f"must specify {item} for: {','.join(names)}" for item, names in sorted(missing.items()))
