"""Volumes without mounts: each volume is a folder of this machine, and paths of the container are rewritten to it.

Processes of one machine share one file system, so a volume cannot appear at its `mountPath`. Instead every occurrence
of a mountPath in the values of `env`, in `command`, `args` and `workingDir` is replaced by the folder of the volume.
Consequences:

- A program must take its paths from there (`CHECKPOINT_DIR=/checkpoints/x` works). A program with `/checkpoints` in its
  source does not find the volume.
- A path is replaced only where it stands alone: `/data`, `--dir=/data/x` and `a:/data` are replaced; `/mnt/data`,
  `/data2`, `s3://bucket/data` and `file:///data` are not.
- `readOnly` and file modes are not enforced.

An emptyDir lives as long as its Pod. A claim is a folder that lives as long as the state folder. A hostPath is that
path. configMap and secret are written when the Pod starts and are not refreshed.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localkube.apiserver.errors import NotFound
from localkube.apiserver.store import Store
from podspec.formats import RELATIVE_PATH

Object = Mapping[str, Any]
_PATH_CHARACTER = r"[\w./-]"


class ConfigError(Exception):
    """The Pod requires an object that does not exist or a feature that is not supported; the message names the
    correction.
    """


class MountError(ConfigError):
    """A volume that cannot be set up yet, such as that of a missing ConfigMap."""


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of volumes: `pods` for those that end with a Pod (one folder for each uid), `claims` for persistent
    ones.
    """

    pods: Path
    claims: Path

    def of_pod(self, uid: str) -> Path:
        """Return the folder of one Pod's own volumes."""
        return self.pods / uid


class Mounts:
    """The folders behind one container's mountPaths."""

    def __init__(self, folders: Mapping[str, str]) -> None:
        self._folders = {path.rstrip("/"): folder for path, folder in folders.items() if path.rstrip("/")}
        longest_first = sorted(self._folders, key=len, reverse=True)
        paths = "|".join(map(re.escape, longest_first))
        self._pattern = re.compile(rf"(?<!{_PATH_CHARACTER})({paths})(?=/|$|[^\w.-])") if paths else None

    def rewrite(self, text: str) -> str:
        """Return the text with every mountPath replaced. Replacements are not rewritten again."""
        return self._pattern.sub(lambda match: self._folders[match[1]], text) if self._pattern else text


def prepare(pod: Object, store: Store, folders: Folders) -> dict[str, Path]:
    """Create the folder of every volume; return them by name. Raises MountError, or ConfigError for an unsupported
    kind.
    """
    made = {}
    for volume in pod["spec"].get("volumes") or ():
        try:
            made[volume["name"]] = _folder(volume, pod, store, folders)
        except MountError as error:
            raise MountError(f'MountVolume.SetUp failed for volume "{volume["name"]}" : {error}') from error
    return made


def mounts(container: Object, volumes: Mapping[str, Path], expand: Callable[[str], str]) -> Mounts:
    """Return the mounts of a container; `expand` resolves $(VAR) in subPathExpr. Raises ConfigError."""
    folders = {}
    for mount in container.get("volumeMounts") or ():
        if mount["name"] not in volumes:
            raise ConfigError(f'volumeMounts name the volume "{mount["name"]}": add it to spec.volumes')
        inside = expand(mount["subPathExpr"]) if "subPathExpr" in mount else mount.get("subPath", "")
        folder = inner(volumes[mount["name"]], inside, f'volume "{mount["name"]}"')
        if not folder.exists():
            folder.mkdir(parents=True, exist_ok=True)
        folders[mount["mountPath"]] = str(folder)
    return Mounts(folders)


def inner(folder: Path, path: str, shown: str) -> Path:
    """Return a path below a folder, with symbolic links followed. Raises ConfigError for a path outside of the folder."""
    if not RELATIVE_PATH.matches(path) or not (folder / path).resolve().is_relative_to(folder.resolve()):
        raise ConfigError(f'the path "{path}" leads out of {shown}')
    return folder / path


def _folder(volume: Object, pod: Object, store: Store, folders: Folders) -> Path:
    own = inner(folders.of_pod(pod["metadata"]["uid"]), volume["name"], "the Pod's folder of volumes")
    namespace = pod["metadata"]["namespace"]
    if "hostPath" in volume:
        return _host_path(volume["hostPath"])
    if "persistentVolumeClaim" in volume:
        return _claim(volume["persistentVolumeClaim"]["claimName"], namespace, store, folders)
    if not volume.keys() & {"emptyDir", "configMap", "secret"} and volume.keys() != {"name"}:
        kind = ", ".join(volume.keys() - {"name"})
        raise ConfigError(
            f'volume "{volume["name"]}": {kind} is not served by the embedded cluster; write emptyDir, hostPath, '
            "persistentVolumeClaim, configMap or secret"
        )
    own.mkdir(parents=True, exist_ok=True)
    if "configMap" in volume:
        _write(own, volume["configMap"], config_map(store, namespace, volume["configMap"]["name"]), "configmap")
    if "secret" in volume:
        _write(own, volume["secret"], secret(store, namespace, volume["secret"]["secretName"]), "secret")
    return own


def _host_path(source: Object) -> Path:
    path, kind = Path(source["path"]), source.get("type", "")
    if path.exists():
        return path
    if kind not in ("DirectoryOrCreate", ""):
        raise MountError(f"hostPath type check failed: {path} is not a {kind.lower()}")
    path.mkdir(parents=True)
    return path


def _claim(name: str, namespace: str, store: Store, folders: Folders) -> Path:
    path = inner(folders.claims, f"{namespace}/{name}", "the folder of claims")
    path.mkdir(parents=True, exist_ok=True)
    if store.exists("persistentvolumeclaims", namespace, name):
        claim = store.get("persistentvolumeclaims", namespace, name)
        if (claim.get("status") or {}).get("phase") != "Bound":
            spec = claim.get("spec") or {}
            capacity = (spec.get("resources") or {}).get("requests") or {}
            status = {"phase": "Bound", "accessModes": spec.get("accessModes") or [], "capacity": capacity}
            store.update("persistentvolumeclaims", {**claim, "status": status}, subresource="status")
    return path


def config_map(store: Store, namespace: str, name: str) -> dict[str, bytes] | None:
    """Return a ConfigMap's contents, None where it does not exist."""
    try:
        found = store.get("configmaps", namespace, name)
    except NotFound:
        return None
    text = {key: value.encode() for key, value in (found.get("data") or {}).items()}
    return text | {key: base64.b64decode(value) for key, value in (found.get("binaryData") or {}).items()}


def secret(store: Store, namespace: str, name: str) -> dict[str, bytes] | None:
    """Return a Secret's contents, None where it does not exist."""
    try:
        found = store.get("secrets", namespace, name)
    except NotFound:
        return None
    plain = {key: value.encode() for key, value in (found.get("stringData") or {}).items()}
    return {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()} | plain


def _write(folder: Path, source: Object, contents: Mapping[str, bytes] | None, kind: str) -> None:
    name = source.get("name") or source.get("secretName")
    if contents is None:
        if source.get("optional"):
            return
        raise MountError(f'{kind} "{name}" not found')
    files = source.get("items") or [{"key": key, "path": key} for key in contents]
    for file in files:
        if file["key"] not in contents:
            if source.get("optional"):
                continue
            raise MountError(f'{kind} "{name}" references non-existent config key: {file["key"]}')
        target = inner(folder, file["path"], f'the volume of {kind} "{name}"')
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(contents[file["key"]])
        target.chmod(int(file.get("mode", source.get("defaultMode", 0o644))))
