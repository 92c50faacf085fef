"""Discovery of the served kinds: the older lists, and the aggregated form in one document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from localkube.apiserver.errors import NotFound
from localkube.apiserver.registry import Kind

Object = dict[str, Any]
_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_SUBRESOURCE_VERBS = {"log": ("get",), "binding": ("create",), "eviction": ("create",), "finalize": ("update",)}
_SCALE = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
REVIEWS = ("authorization.k8s.io", "v1", "selfsubjectaccessreviews")


def _versions(kinds: Iterable[Kind]) -> dict[str, dict[str, list[Kind]]]:
    groups: dict[str, dict[str, list[Kind]]] = {}
    for kind in kinds:
        groups.setdefault(kind.group, {}).setdefault(kind.version, []).append(kind)
    groups.setdefault(REVIEWS[0], {}).setdefault(REVIEWS[1], [])
    return groups


def core_versions() -> Object:
    """Return the response to `/api`."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def _group(name: str, versions: Iterable[str]) -> Object:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def groups(kinds: Iterable[Kind]) -> Object:
    """Return the response to `/apis`."""
    found = [_group(name, versions) for name, versions in sorted(_versions(kinds).items()) if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": found}


def group(kinds: Iterable[Kind], name: str) -> Object:
    """Return the response to `/apis/GROUP`. Raises NotFound."""
    versions = _versions(kinds).get(name)
    if not versions or not name:
        raise NotFound("the server could not find the requested resource")
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)}


def resources(kinds: Iterable[Kind], group_name: str, version: str) -> Object:
    """Return the response to `/api/v1` or `/apis/GROUP/VERSION`. Raises NotFound."""
    found = _versions(kinds).get(group_name, {}).get(version)
    if found is None:
        raise NotFound("the server could not find the requested resource")
    listed = [entry for kind in sorted(found, key=lambda kind: kind.plural) for entry in _entries(kind)]
    if (group_name, version) == REVIEWS[:2]:
        listed.append(_review())
    name = f"{group_name}/{version}" if group_name else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": listed}


def _review() -> Object:
    return {
        "name": REVIEWS[2],
        "singularName": "",
        "namespaced": False,
        "kind": "SelfSubjectAccessReview",
        "verbs": ["create"],
    }


def _entries(kind: Kind) -> list[Object]:
    main: Object = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(_VERBS),
    }
    if kind.short_names:
        main["shortNames"] = list(kind.short_names)
    if kind.categories:
        main["categories"] = list(kind.categories)
    parts = []
    for name in sorted(kind.subresources):
        verbs = list(_SUBRESOURCE_VERBS.get(name, ("get", "patch", "update")))
        entry = {"name": f"{kind.plural}/{name}", "singularName": "", "namespaced": kind.namespaced, "kind": kind.kind}
        parts.append(entry | {"verbs": verbs} | (_SCALE if name == "scale" else {}))
    return [main, *parts]


def _aggregated_resource(kind: Kind) -> Object:
    described: Object = {
        "resource": kind.plural,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(_VERBS),
    }
    if kind.short_names:
        described["shortNames"] = list(kind.short_names)
    if kind.categories:
        described["categories"] = list(kind.categories)
    if kind.subresources:
        described["subresources"] = [
            {
                "subresource": name,
                "responseKind": _SCALE
                if name == "scale"
                else {"group": kind.group, "version": kind.version, "kind": kind.kind},
                "verbs": list(_SUBRESOURCE_VERBS.get(name, ("get", "patch", "update"))),
            }
            for name in sorted(kind.subresources)
        ]
    return described


def aggregated(kinds: Iterable[Kind], *, core: bool) -> Object:
    """Return the response to `/api` or `/apis` for clients that accept apidiscovery.k8s.io/v2."""
    items = []
    for name, versions in sorted(_versions(kinds).items()):
        if bool(name) != core:
            items.append(
                {
                    "metadata": {"name": name} if name else {},
                    "versions": [_version(name, v, found) for v, found in versions.items()],
                }
            )
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _version(group_name: str, version: str, kinds: list[Kind]) -> Object:
    described = [_aggregated_resource(kind) for kind in sorted(kinds, key=lambda kind: kind.plural)]
    if (group_name, version) == REVIEWS[:2]:
        review = {"group": group_name, "version": version, "kind": "SelfSubjectAccessReview"}
        described.append(
            {
                "resource": REVIEWS[2],
                "responseKind": review,
                "scope": "Cluster",
                "singularResource": "",
                "verbs": ["create"],
            }
        )
    return {"version": version, "freshness": "Current", "resources": described}
