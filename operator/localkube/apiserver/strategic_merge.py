"""Strategic merge patch for Kubernetes' own kinds, by a table of merge keys.

See "Update API Objects in Place Using kubectl patch". Lists in the table are merged by a key, other lists are replaced.
The directives `$patch`, `$retainKeys`, `$deleteFromPrimitiveList/...` and `$setElementOrder/...` are supported.
"""

from __future__ import annotations

from typing import Any

JSON = Any
Object = dict[str, Any]

MERGE_KEYS: dict[str, str] = {
    "addresses": "type",
    "conditions": "type",
    "containers": "name",
    "env": "name",
    "ephemeralContainers": "name",
    "hostAliases": "ip",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "ownerReferences": "uid",
    "ports": "containerPort",
    "secrets": "name",
    "taints": "key",
    "topologySpreadConstraints": "topologyKey",
    "volumeDevices": "devicePath",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
_MERGED_SETS = frozenset({"finalizers"})
_ORDER, _DELETE = "$setElementOrder/", "$deleteFromPrimitiveList/"


def merge_key(field: str, items: list[JSON]) -> str | None:
    """Return the key by which a list of objects is merged, None where it is replaced. Ports of a Service use `port`."""
    key = MERGE_KEYS.get(field)
    if field == "ports" and any(isinstance(item, dict) and "containerPort" not in item for item in items):
        key = "port"
    return key


def apply(target: JSON, patch: Object) -> Object:
    """Return the object that a strategic merge patch makes of `target`. Neither argument is changed."""
    mode = patch.get("$patch")
    if mode in ("replace", "delete"):
        return {key: value for key, value in patch.items() if key != "$patch"} if mode == "replace" else {}
    merged: Object = dict(target) if isinstance(target, dict) else {}
    retained = patch.get("$retainKeys")
    if retained is not None:
        merged = {key: value for key, value in merged.items() if key in retained}
    for key, value in patch.items():
        if not key.startswith("$"):
            _lay(merged, key, value, patch.get(_ORDER + key))
        elif key.startswith(_DELETE):
            field = key.removeprefix(_DELETE)
            merged[field] = [item for item in merged.get(field) or () if item not in value]
        elif key.startswith(_ORDER) and key.removeprefix(_ORDER) not in patch:
            field = key.removeprefix(_ORDER)
            if field in merged:
                merged[field] = _ordered(field, merged[field], value)
    return merged


def _lay(merged: Object, key: str, value: JSON, order: list[JSON] | None) -> None:
    if value is None:
        merged.pop(key, None)
    elif isinstance(value, dict):
        merged[key] = apply(merged.get(key), value)
        if value.get("$patch") == "delete":
            merged.pop(key)
    elif isinstance(value, list):
        merged[key] = _lists(key, merged.get(key) or [], value)
        if order is not None:
            merged[key] = _ordered(key, merged[key], order)
    else:
        merged[key] = value


def _lists(field: str, have: list[JSON], patch: list[JSON]) -> list[JSON]:
    if field in _MERGED_SETS:
        return [*have, *(item for item in patch if item not in have)]
    key = merge_key(field, [*have, *patch])
    if key is None or not all(isinstance(item, dict) for item in patch):
        return patch
    if any(item.get("$patch") == "replace" for item in patch):
        return [item for item in patch if "$patch" not in item]
    merged = list(have)
    for item in patch:
        at = next((i for i, old in enumerate(merged) if old.get(key) == item.get(key)), None)
        if item.get("$patch") == "delete":
            merged = [old for old in merged if old.get(key) != item.get(key)]
        elif at is None:
            merged.append(apply({}, item))
        else:
            merged[at] = apply(merged[at], item)
    return merged


def _ordered(field: str, items: list[JSON], order: list[JSON]) -> list[JSON]:
    key = merge_key(field, items)

    def rank(item: JSON) -> int:
        places = [i for i, o in enumerate(order) if (item == o if key is None else o.get(key) == item.get(key))]
        return places[0] if places else len(order)

    return sorted(items, key=rank)
