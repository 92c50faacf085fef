"""Validation of a Pod's volumes: names, mounts of missing volumes, and paths outside of a volume."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from localkube.apiserver.errors import Cause, duplicate, invalid, required

Object = dict[str, Any]
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an "
    "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_NEEDED = {
    "hostPath": "path",
    "persistentVolumeClaim": "claimName",
    "configMap": "name",
    "secret": "secretName",
}
_FILE_SOURCES = ("configMap", "secret")


def validate(spec: Object) -> Iterator[Cause]:
    """Validate spec.volumes and the volumeMounts of each container."""
    names: set[str] = set()
    for i, volume in enumerate(spec.get("volumes") or ()):
        path, name = f"spec.volumes[{i}]", volume.get("name")
        if not name:
            yield required(f"{path}.name")
        elif not LABEL.fullmatch(name):
            yield invalid(f"{path}.name", name, LABEL_RULE)
        elif name in names:
            yield duplicate(f"{path}.name", name)
        names.add(name or "")
        yield from _validate_source(path, volume)
    for field in ("initContainers", "containers"):
        for i, container in enumerate(spec.get(field) or ()):
            yield from _validate_mount(f"spec.{field}[{i}]", container.get("volumeMounts") or (), names)


def leads_out(path: str) -> bool:
    """Return whether a path in a volume is absolute or points above the volume."""
    return path.startswith("/") or ".." in PurePosixPath(path).parts or "\0" in path


def _outside(path: str) -> str:
    return "must be a relative path" if path.startswith("/") else "must not contain '..'"


def _validate_source(path: str, volume: Object) -> Iterator[Cause]:
    kinds = volume.keys() - {"name"}
    if len(kinds) > 1:
        yield Cause("FieldValueForbidden", path, "Forbidden: may not specify more than 1 volume type")
    for kind in sorted(kinds & _NEEDED.keys()):
        needed = _NEEDED[kind]
        if not volume[kind].get(needed):
            yield required(f"{path}.{kind}.{needed}")
    host = (volume.get("hostPath") or {}).get("path", "")
    if "\0" in host or ".." in PurePosixPath(host).parts:
        yield invalid(f"{path}.hostPath.path", host, "must not contain '..'")
    for kind in _FILE_SOURCES:
        yield from _validate_item(f"{path}.{kind}", (volume.get(kind) or {}))


def _validate_item(path: str, source: Object) -> Iterator[Cause]:
    for i, item in enumerate(source.get("items") or ()):
        for needed in ("key", "path"):
            if not item.get(needed):
                yield required(f"{path}.items[{i}].{needed}")
        if leads_out(item.get("path", "")):
            yield invalid(f"{path}.items[{i}].path", item["path"], _outside(item["path"]))
        yield from _validate_mode(f"{path}.items[{i}].mode", item.get("mode", 0))
    yield from _validate_mode(f"{path}.defaultMode", source.get("defaultMode", 0))


def _validate_mode(path: str, mode: int) -> Iterator[Cause]:
    if not 0 <= mode <= 0o777:  # noqa: PLR2004 - all permission bits
        yield invalid(path, mode, "must be a number between 0 and 0777 (octal), both inclusive")


def _validate_mount(path: str, mounts: Iterable[Object], volumes: set[str]) -> Iterator[Cause]:
    places: set[str] = set()
    for i, mount in enumerate(mounts):
        here, name, place = f"{path}.volumeMounts[{i}]", mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            yield required(f"{here}.name")
        elif name not in volumes:
            yield Cause("FieldValueNotFound", f"{here}.name", f'Not found: "{name}"')
        if not place:
            yield required(f"{here}.mountPath")
        elif place in places:
            yield invalid(f"{here}.mountPath", place, "must be unique")
        places.add(place)
        for field in ("subPath", "subPathExpr"):
            if leads_out(mount.get(field, "")):
                yield invalid(f"{here}.{field}", mount[field], _outside(mount[field]))
        if mount.get("subPath") and mount.get("subPathExpr"):
            yield invalid(f"{here}.subPathExpr", mount["subPathExpr"], "subPathExpr and subPath are mutually exclusive")
