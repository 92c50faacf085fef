"""The served kinds: those of Kubernetes that a single machine needs, and those of CustomResourceDefinitions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from localkube.apiserver.errors import NotFound
from localkube.apiserver.schema import Schema

Object = dict[str, Any]
Conversion = Callable[[Object], Object]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`. `path` is a JSONPath; priority 0 is always shown, 1 with `-o wide`."""

    name: str
    type: str
    path: str
    priority: int = 0
    description: str = ""
    format: str = ""


@dataclass(frozen=True, slots=True)
class Scale:
    """The dotted paths that the scale subresource reads and writes."""

    spec_replicas: str
    status_replicas: str
    label_selector: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One kind in one version.

    `resource` is its name in the Store, `plural[.group]`. A kind that is another view of a stored one (events.k8s.io of
    core events, a second version of a custom kind) has the `resource` of that one, and the conversions to and from it.
    """

    group: str
    version: str
    kind: str
    plural: str
    resource: str
    namespaced: bool = True
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    schema: Schema | None = None
    columns: tuple[Column, ...] = ()
    scale: Scale | None = None
    to_view: Conversion | None = None
    from_view: Conversion | None = None
    custom: bool = False

    @property
    def api_version(self) -> str:
        """Return `group/version`; the version alone for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """Return `plural[.group]` in its own group, as messages show it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


def _built_in(
    api_version: str,
    kind: str,
    plural: str,
    *,
    short: str = "",
    categories: tuple[str, ...] = (),
    subresources: str = "",
    fields: str = "",
    namespaced: bool = True,
) -> Kind:
    group, _, version = api_version.rpartition("/")
    return Kind(
        group=group,
        version=version,
        kind=kind,
        plural=plural,
        resource=f"{plural}.{group}" if group else plural,
        namespaced=namespaced,
        singular=kind.lower(),
        short_names=tuple(short.split()),
        categories=categories,
        subresources=frozenset(subresources.split()),
        fields=frozenset(fields.split()),
    )


_POD_FIELDS = (
    "spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName status.phase status.podIP "
    "status.nominatedNodeName"
)
_EVENT_FIELDS = (
    "involvedObject.kind involvedObject.namespace involvedObject.name involvedObject.uid involvedObject.apiVersion "
    "involvedObject.resourceVersion involvedObject.fieldPath reason reportingComponent source type"
)
_ALL = ("all",)
_RBAC = "rbac.authorization.k8s.io/v1"

BUILT_IN: tuple[Kind, ...] = (
    _built_in("v1", "ConfigMap", "configmaps", short="cm"),
    _built_in("v1", "Event", "events", short="ev", fields=_EVENT_FIELDS),
    _built_in(
        "v1",
        "Namespace",
        "namespaces",
        short="ns",
        subresources="status finalize",
        fields="status.phase",
        namespaced=False,
    ),
    _built_in("v1", "Node", "nodes", short="no", subresources="status", fields="spec.unschedulable", namespaced=False),
    _built_in("v1", "PersistentVolumeClaim", "persistentvolumeclaims", short="pvc", subresources="status"),
    _built_in(
        "v1", "Pod", "pods", short="po", categories=_ALL, subresources="status log binding eviction", fields=_POD_FIELDS
    ),
    _built_in("v1", "ResourceQuota", "resourcequotas", short="quota", subresources="status"),
    _built_in("v1", "Secret", "secrets", fields="type"),
    _built_in("v1", "Service", "services", short="svc", categories=_ALL, subresources="status"),
    _built_in("v1", "ServiceAccount", "serviceaccounts", short="sa"),
    _built_in("coordination.k8s.io/v1", "Lease", "leases"),
    _built_in(_RBAC, "ClusterRole", "clusterroles", namespaced=False),
    _built_in(_RBAC, "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
    _built_in(_RBAC, "Role", "roles"),
    _built_in(_RBAC, "RoleBinding", "rolebindings"),
    _built_in(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        short="crd crds",
        categories=("api-extensions",),
        subresources="status",
        namespaced=False,
    ),
)


_NEW_NAME_OF = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_CORE_NAME_OF = {new: core for core, new in _NEW_NAME_OF.items()}


def _event_to_view(event: Object) -> Object:
    return {_NEW_NAME_OF.get(key, key): value for key, value in event.items()} | {"apiVersion": "events.k8s.io/v1"}


def _event_from_view(event: Object) -> Object:
    return {_CORE_NAME_OF.get(key, key): value for key, value in event.items()} | {"apiVersion": "v1"}


VIEWS: tuple[Kind, ...] = (
    Kind(
        group="events.k8s.io",
        version="v1",
        kind="Event",
        plural="events",
        resource="events",
        singular="event",
        short_names=("ev",),
        fields=frozenset(
            {"reason", "type", "regarding.kind", "regarding.name", "regarding.namespace", "regarding.uid"}
        ),
        to_view=_event_to_view,
        from_view=_event_from_view,
    ),
)
"""Kinds that are another view of a stored one."""


@dataclass(slots=True)
class Registry:
    """The kinds that are served now. It changes with the CustomResourceDefinitions."""

    _served: dict[tuple[str, str, str], Kind] = field(default_factory=dict)
    _stored: dict[str, Kind] = field(default_factory=dict)
    generation: int = 0

    def add(self, kind: Kind, *, stored: bool = True) -> None:
        """Serve a kind; `stored` marks the version in which its objects are stored."""
        self._served[kind.group, kind.version, kind.plural] = kind
        self.generation += 1
        if stored:
            self._stored[kind.resource] = kind

    def remove(self, resource: str) -> None:
        """Stop serving every version of a resource."""
        self._stored.pop(resource, None)
        self._served = {key: kind for key, kind in self._served.items() if kind.resource != resource}

    def stored(self, resource: str) -> Kind:
        """Return the kind stored under a resource name such as `pods` or `leases.coordination.k8s.io`. Raises NotFound."""
        try:
            return self._stored[resource]
        except KeyError:
            raise NotFound(f"the server could not find the requested resource: {resource}") from None

    def served(self, group: str, version: str, plural: str) -> Kind:
        """Return the kind behind a URL. Raises NotFound."""
        try:
            return self._served[group, version, plural]
        except KeyError:
            raise NotFound("the server could not find the requested resource") from None

    def find(self, api_version: str, kind: str) -> Kind | None:
        """Return the kind that an object's apiVersion and kind name, None where it is not served."""
        return next((k for k in self._served.values() if k.kind == kind and k.api_version == api_version), None)

    def all_stored(self) -> Iterator[Kind]:
        """Yield every kind in the version in which it is stored."""
        return iter(self._stored.values())

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._served.values())
