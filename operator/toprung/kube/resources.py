"""Defines the kinds of object that the operator reads and writes, and their API paths."""

from dataclasses import dataclass

from toprung.api.v1alpha1.base import GROUP, VERSION


@dataclass(frozen=True, slots=True)
class Resource:
    """One collection of the API; `group` is "" for the core group."""

    group: str
    version: str
    plural: str

    def path(self, namespace: str | None = None, name: str = "", subresource: str = "") -> str:
        """Return the URL path of the collection, of one object, or of its subresource; by default in all namespaces."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{namespace}" if namespace else ""
        return root + scope + "".join(f"/{part}" for part in (self.plural, name, subresource) if part)


EXPERIMENTS = Resource(GROUP, VERSION, "experiments")
TRIALS = Resource(GROUP, VERSION, "trials")
PODS = Resource("", "v1", "pods")
EVENTS = Resource("", "v1", "events")
NAMESPACES = Resource("", "v1", "namespaces")
NODES = Resource("", "v1", "nodes")
