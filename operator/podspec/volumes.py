"""Rules of volumes, mounts and block devices."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from podspec.findings import Finding, forbidden, invalid, not_found
from podspec.objects import Check, Names, Object, at, containers, dig, items, known, unique


def _pod(spec: Object, path: str) -> Iterator[Finding]:
    yield from unique((at(where, "name"), one.get("name")) for where, one in items(spec, "volumes", path))
    found = spec.get("volumes") or ()
    names, volumes = Names.of(found), {one.get("name"): one for one in found}
    for where, container in containers(spec, path):
        for place, mount in items(container, "volumeMounts", where):
            yield from _volume_name(mount, names, place)
        for place, device in items(container, "volumeDevices", where):
            yield from _volume_name(device, names, place)
            volume = volumes.get(device.get("name"))
            if volume is not None and not volume.keys() & {"persistentVolumeClaim", "ephemeral"}:
                detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
                yield invalid(at(place, "name"), device["name"], detail)


def _volume_name(mount: Object, names: Names, path: str) -> Iterator[Finding]:
    if names.lack(mount.get("name")):
        yield not_found(at(path, "name"), mount["name"], names.known, "no volume has this name")


def _container(container: Object, path: str) -> Iterator[Finding]:
    mounts, devices = list(items(container, "volumeMounts", path)), list(items(container, "volumeDevices", path))
    paths = [
        *((at(where, "mountPath"), mount.get("mountPath")) for where, mount in mounts),
        *((at(where, "devicePath"), device.get("devicePath")) for where, device in devices),
    ]
    yield from unique(paths)
    yield from unique((at(where, "name"), device.get("name")) for where, device in devices)
    mounted = {mount.get("name") for _, mount in mounts}
    for where, device in devices:
        if known(device.get("name")) and device["name"] in mounted:
            yield invalid(at(where, "name"), device["name"], "must not already exist in volumeMounts")
    privileged = dig(container, "securityContext", "privileged") is True
    for where, mount in mounts:
        if mount.get("mountPropagation") == "Bidirectional" and not privileged:
            detail = "Bidirectional mount propagation is available only to privileged containers"
            yield forbidden(at(where, "mountPropagation"), detail)


def _mount(mount: Object, path: str) -> Iterator[Finding]:
    if mount.get("subPath") and mount.get("subPathExpr"):
        yield forbidden(at(path, "subPathExpr"), "subPathExpr and subPath are mutually exclusive")
    if mount.get("recursiveReadOnly") not in ("Enabled", "IfPossible"):
        return
    where = at(path, "recursiveReadOnly")
    if mount.get("readOnly") is not True:
        yield forbidden(where, "may only be specified when readOnly is true")
    if mount.get("mountPropagation") in ("HostToContainer", "Bidirectional"):
        yield forbidden(where, "may only be specified when mountPropagation is None or not specified")


def _projected(volume: Object, path: str) -> Iterator[Finding]:
    paths = []
    for place, source in items(volume, "sources", path):
        for kind in ("secret", "configMap", "downwardAPI"):
            found = items(source.get(kind) or {}, "items", at(place, kind))
            paths += [(at(where, "path"), item.get("path")) for where, item in found]
    yield from unique(paths)


RULES: Mapping[str, tuple[Check, ...]] = MappingProxyType(
    {
        "Container": (_container,),
        "PodSpec": (_pod,),
        "ProjectedVolumeSource": (_projected,),
        "VolumeMount": (_mount,),
    }
)
