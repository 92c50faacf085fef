"""Builders for tests of the embedded cluster: objects, a store with its own clock, a server on a free port and its client."""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from localkube.apiserver.server import ApiServer
from localkube.apiserver.store import Store

MANIFESTS = Path(__file__).parents[1] / "integration" / "manifests"
STUDY_CRD = yaml.safe_load((MANIFESTS / "study-crd.yaml").read_text())
CRDS = "customresourcedefinitions.apiextensions.k8s.io"
STUDIES = "studies.example.dev"
TOKEN = "correct-horse"
PODS = "/api/v1/namespaces/default/pods"
CONFIGS = "/api/v1/namespaces/default/configmaps"
STUDIES_URL = "/apis/example.dev/v1/namespaces/default/studies"
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
MERGE = {"Content-Type": "application/merge-patch+json"}


class Clock:
    """A clock that only `advance` moves."""

    def __init__(self):
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self):
        return self.time

    def advance(self, seconds):
        self.time += timedelta(seconds=seconds)


def make_store(path=None, *, clock=None, history=4096, study=False):
    store = Store(path, now=clock or Clock(), history=history)
    if study and not store.exists(CRDS, None, STUDIES):
        store.create(CRDS, STUDY_CRD)
    return store


def pod(name="p", namespace="default", *, gpus=0, owner=None, labels=None, **spec):
    resources = {"limits": {"nvidia.com/gpu": gpus}} if gpus else {}
    metadata = {"name": name, "namespace": namespace, "labels": labels or {}}
    if owner is not None:
        metadata["ownerReferences"] = [owner_reference(owner)]
    container = {"name": "main", "image": "img:1", "resources": resources}
    return {"metadata": metadata, "spec": {"restartPolicy": "Never", "containers": [container], **spec}}


def config(name="c", namespace="default", *, owners=(), data=None, **metadata):
    references = [owner_reference(owner) for owner in owners]
    return {
        "metadata": {"name": name, "namespace": namespace, "ownerReferences": references, **metadata},
        "data": data or {},
    }


def owner_reference(owner, *, block=True):
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "blockOwnerDeletion": block,
    }


def study(name="s", namespace="default", **spec):
    whole = {"parameters": [{"name": "lr", "min": 0, "max": 1}], **spec}
    return {"metadata": {"name": name, "namespace": namespace}, "spec": whole}


def changed(obj, path, value):
    """Return a copy of an object with another value at a dotted path."""
    result = copy.deepcopy(obj)
    *parents, last = path.split(".")
    inner = result
    for part in parents:
        inner = inner.setdefault(part, {})
    inner[last] = value
    return result


@asynccontextmanager
async def serving(store=None, **options) -> AsyncIterator[ApiServer]:
    server = ApiServer(store or make_store(study=True), token=TOKEN, now=Clock(), **options)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


class Client:
    """Sends requests to a server and returns (status, JSON)."""

    def __init__(self, server, session):
        self.server, self.session = server, session

    async def __call__(self, method, path, body=None, **headers):
        data = None if body is None else json.dumps(body)
        headers.setdefault("Content-Type", "application/json")
        async with self.session.request(method, self.server.url + path, data=data, headers=headers) as answer:
            self.headers = answer.headers
            raw = await answer.read()
            return answer.status, json.loads(raw) if answer.content_type == "application/json" else raw.decode()

    async def watch(self, path, count):
        """Return the first events of a watch, as (type, object)."""
        found = []
        async with self.session.get(self.server.url + path) as answer:
            async for line in answer.content:
                event = json.loads(line)
                found.append((event["type"], event["object"]))
                if len(found) == count:
                    break
        return found
