"""Reads manifest files and applies their objects to a cluster."""

from collections.abc import Mapping, Sequence
from typing import Any

from toprung.api.loader import KIND
from toprung.api.v1alpha1.immutability import ADVICE
from toprung.cli.files.validation import check, read_file
from toprung.cli.files.yaml_documents import read_documents
from toprung.errors import NotFound, Rejected, TopRungError
from toprung.kube.client import KubeClient, KubernetesObject
from toprung.kube.resources import EXPERIMENTS, NAMESPACES

DEFAULT_NAMESPACE = "default"
Key = tuple[str, str]
"""Namespace and name of an Experiment."""
SERVER_OWNED = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
"""Fields of metadata that the API server writes."""


def read_manifests(file: str) -> tuple[KubernetesObject, ...]:
    """Read a file whose Experiments are valid; - is the standard input. Objects without a namespace get `default`.

    Raises:
        TopRungError: the file is invalid; the message has every error with its line.
    """
    content = read_file(file)
    findings = tuple(check(file, content, []))
    if findings:
        raise TopRungError("\n".join(("the file is invalid, so nothing was started:", *map(str, findings))))
    documents = (item for document in read_documents(content.decode()) for item in document.items())
    return tuple(_applicable(document.value) for document in documents)


def _applicable(value: Mapping[str, Any]) -> KubernetesObject:
    """Return an object without the fields that the API server owns, which the output of `kubectl get` has."""
    kept = {field: child for field, child in value["metadata"].items() if field not in SERVER_OWNED}
    return {**{field: child for field, child in value.items() if field != "status"}, "metadata": kept}


def experiments_of(objects: Sequence[Mapping[str, Any]]) -> tuple[Key, ...]:
    """Return the Experiments."""
    return tuple((_namespace(each), _name(each)) for each in objects if each["kind"] == KIND)


async def apply_all(client: KubeClient, objects: Sequence[KubernetesObject]) -> None:
    """Apply the objects, the Experiments last; missing namespaces are created.

    Raises:
        Rejected: the server rejects one; for an immutable field, the message has the fix.
    """
    for each in sorted(objects, key=lambda each: each["kind"] == KIND):
        await _apply(client, each)


async def delete_experiment(client: KubeClient, key: Key) -> bool:
    """Request the deletion of an Experiment; return False if there is none."""
    try:
        await client.delete(EXPERIMENTS, namespace=key[0], name=key[1])
    except NotFound:
        return False
    return True


async def _apply(client: KubeClient, manifest: KubernetesObject) -> None:
    resource, namespaced = await client.resource_of(manifest["apiVersion"], manifest["kind"])
    namespace = _namespace(manifest) if namespaced else None
    if namespace is not None:
        await _ensure_namespace(client, namespace)
    try:
        await client.apply(resource, namespace=namespace, name=_name(manifest), body=manifest)
    except Rejected as error:
        if ADVICE not in str(error):
            raise
        raise Rejected(f"{error}; or give --fresh, which deletes the old one and its trials first") from error


async def _ensure_namespace(client: KubeClient, name: str) -> None:
    try:
        await client.get(NAMESPACES, namespace=None, name=name)
    except NotFound:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        await client.apply(NAMESPACES, namespace=None, name=name, body=body)


def _name(manifest: Mapping[str, Any]) -> str:
    name: str = (manifest.get("metadata") or {}).get("name", "")
    return name


def _namespace(manifest: Mapping[str, Any]) -> str:
    namespace: str = manifest["metadata"].get("namespace") or DEFAULT_NAMESPACE
    return namespace
