"""Rules of labels, annotations, finalizers and owners."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from podspec.findings import Finding, invalid, not_found, required, too_long
from podspec.formats import LABEL_VALUE, QUALIFIED_NAME, RELATIVE_PATH
from podspec.objects import Check, Names, Object, Unknown, at, containers, dig, items, known

MAX_ANNOTATIONS = 2**18
"""Bytes of the keys and values of all annotations of an object."""
_FINALIZERS = ("foregroundDeletion", "kubernetes", "orphan")
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_MIRROR = "kubernetes.io/config.mirror"
_SECCOMP = ("seccomp.security.alpha.kubernetes.io/pod", "container.seccomp.security.alpha.kubernetes.io/")
_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"


def _metadata(metadata: Object, path: str) -> Iterator[Finding]:
    where, annotations = at(path, "annotations"), metadata.get("annotations") or {}
    texts = [*annotations, *annotations.values()]
    if sum(len(text.encode(errors="replace")) for text in texts) > MAX_ANNOTATIONS:
        yield too_long(where, MAX_ANNOTATIONS, "bytes")
    for key in annotations:
        if not QUALIFIED_NAME.matches(key.lower()):
            yield invalid(where, key, QUALIFIED_NAME.detail)
    yield from labels(metadata.get("labels"), at(path, "labels"))
    controllers = 0
    for place, owner in items(metadata, "ownerReferences", path):
        controllers += owner.get("controller") is True
        if owner.get("kind") == "Event" and owner.get("apiVersion") in ("v1", "events.k8s.io/v1"):
            yield invalid(place, "Event", "is disallowed from being an owner")
    if controllers > 1:
        yield invalid(at(path, "ownerReferences"), controllers, "Only one reference can have Controller set to true")


def labels(found: Mapping[str, Any] | None, path: str) -> Iterator[Finding]:
    """Validate the keys and values of labels."""
    for key, value in (found or {}).items():
        if not QUALIFIED_NAME.matches(key):
            yield invalid(path, key, QUALIFIED_NAME.detail)
        if known(value) and not LABEL_VALUE.matches(value):
            yield invalid(f"{path}[{key}]", value, LABEL_VALUE.detail)


def _selector(selector: Object, path: str) -> Iterator[Finding]:
    return labels(selector.get("matchLabels"), at(path, "matchLabels"))


def _node_selector(spec: Object, path: str) -> Iterator[Finding]:
    return labels(spec.get("nodeSelector"), at(path, "nodeSelector"))


def _pod(pod: Object, _path: str) -> Iterator[Finding]:
    """Check the annotations and finalizers that have a meaning in Pods."""
    spec, annotations = pod.get("spec") or {}, dig(pod, "metadata", "annotations") or {}
    names = Names.of(container for _, container in containers(spec, ""))
    for key, value in annotations.items():
        if not isinstance(value, Unknown):
            yield from _annotation(key, value, spec, names)
    for where, name in items(pod.get("metadata") or {}, "finalizers", "metadata"):
        if known(name) and "/" not in name and name not in _FINALIZERS:
            yield invalid(where, name, "name is neither a standard finalizer name nor is it fully qualified")


def _annotation(key: str, value: str, spec: Object, names: Names) -> Iterator[Finding]:
    where = f"metadata.annotations[{key}]"
    if key == _DELETION_COST and not re.fullmatch(r"0|-?[1-9][0-9]{0,9}", value):
        yield invalid(where, value, "must be a 32bit integer")
    elif key == _MIRROR and not spec.get("nodeName"):
        yield required("spec.nodeName", f"must be set if the annotation {_MIRROR} is set")
    elif key.startswith(_SECCOMP) and not _is_seccomp(value):
        yield invalid(where, value, "must be a valid seccomp profile")
    elif key.startswith(_APPARMOR):
        name = key.removeprefix(_APPARMOR)
        if names.lack(name):
            yield not_found(where, name, names.known, "container not found")
        if value not in ("", "runtime/default", "unconfined") and not value.startswith("localhost/"):
            yield invalid(where, value, "invalid AppArmor profile name")


def _is_seccomp(value: str) -> bool:
    local = value.removeprefix("localhost/")
    return value in ("runtime/default", "docker/default", "unconfined") or (
        local != value and RELATIVE_PATH.matches(local)
    )


RULES: Mapping[str, tuple[Check, ...]] = MappingProxyType(
    {
        "LabelSelector": (_selector,),
        "ObjectMeta": (_metadata,),
        "PodSpec": (_node_selector,),
        "PodTemplateSpec": (_pod,),
    }
)
