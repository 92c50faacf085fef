"""Server-side apply: each manager owns the fields that it applies. Fields that it no longer applies are removed; fields
of other managers conflict.

One simplification: only managers that apply own fields. Fields written by create, update and patch have no owner and
never conflict. See https://kubernetes.io/docs/reference/using-api/server-side-apply/.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from localkube import json_utils
from localkube.apiserver import strategic_merge
from localkube.apiserver.errors import Conflict
from localkube.apiserver.registry import Kind
from localkube.apiserver.schema import Schema

JSON = Any
Object = dict[str, Any]
Fields = dict[str, Any]
FieldPath = tuple[str, ...]
_NOT_OWNED = ("apiVersion", "kind")
_IDENTITY = frozenset(
    {"name", "namespace", "managedFields", "uid", "resourceVersion", "creationTimestamp", "generation"}
)


class ListKeys:
    """The merge keys of lists: from the schema for custom kinds, from the strategic merge table for Kubernetes' own."""

    def __init__(self, schema: Schema | None, *, custom: bool) -> None:
        self._schema = schema
        self._custom = custom

    def below(self, field: str) -> ListKeys:
        """Return the keys for the contents of a field."""
        if not self._custom or field == "metadata":
            return ListKeys(None, custom=self._custom and field != "metadata")
        node = self._schema
        return ListKeys((node.properties.get(field) or node.additional) if node else None, custom=True)

    def items(self) -> ListKeys:
        """Return the keys for the items of a list."""
        return ListKeys(self._schema.items if self._schema else None, custom=self._custom)

    def of(self, field: str, items: list[JSON]) -> tuple[str, ...]:
        """Return the keys that identify the items of a list; empty for a list that is replaced as a whole."""
        if not self._custom:
            key = strategic_merge.merge_key(field, items)
            return (key,) if key else ()
        return self._schema.list_keys if self._schema else ()


def _item_field(item: JSON, keys: tuple[str, ...]) -> str:
    return "k:" + json.dumps({key: json_utils.dig(item, key) for key in keys}, separators=(",", ":"))


def owned_fields(applied: JSON, keys: ListKeys, *, top: bool = True) -> Fields:
    """Return the fields of an applied configuration in managedFields' format (`f:name`, `k:{...}`)."""
    fields: Fields = {}
    for name, value in applied.items():
        if top and name in _NOT_OWNED:
            continue
        part = {k: v for k, v in value.items() if k not in _IDENTITY} if top and name == "metadata" else value
        fields[f"f:{name}"] = _fields_of(name, part, keys.below(name))
    return {name: part for name, part in fields.items() if not (name == "f:metadata" and not part)}


def _fields_of(name: str, value: JSON, keys: ListKeys) -> Fields:
    if isinstance(value, dict):
        return owned_fields(value, keys, top=False)
    if isinstance(value, list) and (by := keys.of(name, value)):
        return {_item_field(item, by): {".": {}} | owned_fields(item, keys.items(), top=False) for item in value}
    return {}


def lay_over(live: JSON, applied: Object, keys: ListKeys) -> Object:
    """Return the live object with the applied configuration merged in: maps and keyed lists are merged, other values
    replaced.
    """
    merged = dict(live) if isinstance(live, dict) else {}
    for name, value in applied.items():
        deeper = keys.below(name)
        if isinstance(value, dict):
            merged[name] = lay_over(merged.get(name), value, deeper)
        elif isinstance(value, list) and (by := deeper.of(name, value)):
            merged[name] = _lay_items(merged.get(name) or [], value, by, deeper.items())
        else:
            merged[name] = value
    return merged


def _lay_items(live: list[JSON], applied: list[JSON], by: tuple[str, ...], keys: ListKeys) -> list[JSON]:
    merged = {_item_field(item, by): item for item in live}
    for item in applied:
        place = _item_field(item, by)
        merged[place] = lay_over(merged.get(place), item, keys)
    return list(merged.values())


def _remove(live: JSON, fields: Fields, kept: list[Fields], name: str, keys: ListKeys) -> None:
    """Remove from `live` the fields that are in `fields` and in none of `kept`."""
    for field, below in fields.items():
        others = [other[field] for other in kept if field in other]
        if field.startswith("f:") and isinstance(live, dict) and field[2:] in live:
            key = field[2:]
            if below:
                _remove(live[key], below, others, key, keys.below(key))
            if (not others and not live[key]) or (not others and not below):
                del live[key]
        elif field.startswith("k:") and isinstance(live, list) and (by := keys.of(name, live)):
            at = next((i for i, item in enumerate(live) if _item_field(item, by) == field), None)
            if at is not None and others:
                _remove(live[at], below, others, "", keys.items())
            elif at is not None:
                del live[at]


def _leaves(fields: Fields, path: FieldPath = ()) -> Iterator[FieldPath]:
    for field, below in fields.items():
        if field != ".":
            if below:
                yield from _leaves(below, (*path, field))
            else:
                yield (*path, field)


def _value(obj: JSON, path: FieldPath) -> JSON:
    for field in path:
        if field.startswith("f:"):
            obj = obj.get(field[2:]) if isinstance(obj, dict) else None
        else:
            wanted = json.loads(field[2:])
            matches = (i for i in obj or () if all(json_utils.dig(i, key) == value for key, value in wanted.items()))
            obj = next(matches, None)
    return obj


def _shown(path: FieldPath) -> str:
    return "".join(f".{f[2:]}" if f.startswith("f:") else f"[{f[2:].strip('{}').replace(':', '=')}]" for f in path)


def _conflicts(live: Object, merged: Object, applied: Fields, entries: list[Object]) -> list[tuple[str, FieldPath]]:
    mine = set(_leaves(applied))
    return sorted(
        (entry["manager"], path)
        for entry in entries
        for path in mine & set(_leaves(entry["fieldsV1"]))
        if _value(live, path) != _value(merged, path)
    )


def _without(fields: Fields, lost: set[FieldPath]) -> Fields:
    """Return the fields except those lost to another manager; a field that held only lost fields is dropped too."""
    left: Fields = {}
    for field, below in fields.items():
        if (field,) in lost:
            continue
        inner = _without(below, {path[1:] for path in lost if path[0] == field and len(path) > 1})
        if inner or not below:
            left[field] = inner
    return left


def server_side(kind: Kind, live: Object | None, applied: Object, *, manager: str, force: bool, now: str) -> Object:
    """Return the object that an apply makes of `live` (None: it is created), including managedFields.

    Raises Conflict, which names each field and its owner, where a field of another manager would change and `force` is
    not set.
    """
    applied = {key: value for key, value in applied.items() if value is not None}
    keys = ListKeys(kind.schema, custom=kind.custom)
    fields = owned_fields(applied, keys)
    entries = [e for e in (live or {}).get("metadata", {}).get("managedFields") or () if e.get("operation") == "Apply"]
    before: Fields = next((e["fieldsV1"] for e in entries if e["manager"] == manager), {})
    others = [e for e in entries if e["manager"] != manager]
    start = json_utils.clone(live) if live else {}
    _remove(start, before, [fields, *(e["fieldsV1"] for e in others)], "", keys)
    merged = lay_over(start, applied, keys)
    conflicts = _conflicts(live or {}, merged, fields, others)
    if conflicts and not force:
        raise _conflict(conflicts)
    lost = {path for _, path in conflicts}
    others = [{**e, "fieldsV1": _without(e["fieldsV1"], lost)} for e in others] if lost else others
    mine = {
        "manager": manager,
        "operation": "Apply",
        "apiVersion": kind.api_version,
        "time": now,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    unchanged = [e for e in entries if e["manager"] == manager and e["fieldsV1"] == fields]
    merged["metadata"] = {**merged["metadata"], "managedFields": [*others, *(unchanged or [mine])]}
    return merged


def _conflict(conflicts: list[tuple[str, FieldPath]]) -> Conflict:
    plural = "s" if len(conflicts) > 1 else ""
    text = "\n".join(f'conflict with "{manager}": {_shown(path)}' for manager, path in conflicts)
    causes = [
        {"reason": "FieldManagerConflict", "message": f'conflict with "{manager}"', "field": _shown(path)}
        for manager, path in conflicts
    ]
    return Conflict(f"Apply failed with {len(conflicts)} conflict{plural}: {text}", details={"causes": causes})
