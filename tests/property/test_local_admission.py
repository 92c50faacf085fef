"""The embedded API server answers every request, and no accepted object breaks a part of the cluster."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localkube.apiserver import requests
from localkube.apiserver.errors import ApiError
from localkube.apiserver.requests import accepted
from localkube.apiserver.rest import Answer, Call, Rest
from localkube.node.container_spec import resolve
from localkube.node.node import LABELS, NAME, capacity
from localkube.node.resource_accounting import Ledger
from localkube.node.scheduler import Scheduler
from localkube.node.volumes import ConfigError, Folders, prepare
from support.api_server import CRDS, STUDY_CRD, make_store

PODS = "/api/v1/namespaces/default/pods"
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.sampled_from(["", "x", "..", "../../x", "/", "1", "-1", "1e9999", "a\n", "Always", "\0", "a=b", "2020-01-01T00:00:00Z"]),
    st.text(max_size=5),
    st.lists(st.none() | st.text(max_size=2) | st.dictionaries(st.text(max_size=2), st.integers()), max_size=2),
    st.dictionaries(st.text(max_size=3), st.none() | st.text(max_size=3) | st.integers(), max_size=2),
)  # fmt: skip


def whole_pod() -> dict[str, Any]:
    """Return a Pod with a value in every field that the embedded cluster reads."""
    source = {"name": "c", "items": [{"key": "k", "path": "a/k", "mode": 0o400}], "optional": True}
    container = {
        "name": "main",
        "image": "i:1",
        "command": ["true", "$(A)"],
        "args": ["--x"],
        "workingDir": "/v",
        "restartPolicy": None,
        "env": [
            {"name": "A", "value": "b"},
            {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k", "optional": True}}},
            {"name": "D", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}},
        ],
        "envFrom": [{"prefix": "P", "secretRef": {"name": "s", "optional": True}}],
        "resources": {"limits": {"cpu": "1", "memory": "1Gi", "nvidia.com/gpu": 1}, "requests": {"cpu": 0.5}},
        "volumeMounts": [
            {"name": "v", "mountPath": "/v", "subPath": "a"},
            {"name": "c", "mountPath": "/c", "subPathExpr": "$(A)"},
        ],
        "ports": [{"containerPort": 80}],
        "livenessProbe": {"httpGet": {"port": "http"}, "periodSeconds": 1},
    }
    init = {"name": "init", "image": "i", "command": ["true"], "restartPolicy": "Always"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "p",
            "namespace": "default",
            "labels": {"a": "b"},
            "annotations": {"localkube/gpus": "0"},
            "finalizers": ["example.com/x"],
            "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}],
            "creationTimestamp": None,
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": 60,
            "terminationGracePeriodSeconds": 1,
            "nodeSelector": {"kubernetes.io/hostname": "local"},
            "overhead": {"cpu": "1m"},
            "schedulingGates": [],
            "tolerations": [{"key": "k", "effect": "NoExecute", "tolerationSeconds": 1}],
            "initContainers": [init],
            "containers": [container],
            "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}, {"name": "c", "configMap": source}],
        },
        "status": {"phase": "Pending", "conditions": [{"type": "Ready", "status": "False"}]},
    }


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value in a tree."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [place for key, part in inner for place in places(part, (*path, key))]


def with_value(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return a copy of a tree with another value at a path, where the path exists."""
    if not path:
        return value
    copied = dict(tree) if isinstance(tree, dict) else list(tree) if isinstance(tree, list) else tree
    try:
        copied[path[0]] = with_value(copied[path[0]], path[1:], value)
    except (KeyError, IndexError, TypeError):
        return tree
    return copied


def changed(whole: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Draw an object with unusual values in one to three places."""

    def apply(changes: list[tuple[tuple[Any, ...], Any]]) -> Any:
        result: Any = whole
        for path, value in changes:
            result = with_value(result, path, value)
        return result

    one = st.tuples(st.sampled_from(places(whole)), ODD)
    return st.lists(one, min_size=1, max_size=3).map(apply)


class Server:
    """The verbs of the API server on its own store, without HTTP."""

    def __init__(self) -> None:
        self.store = make_store(study=True)
        self.rest = Rest(self.store, logs=None, now=lambda: datetime.now(UTC))

    def __call__(self, method: str, path: str, body: Any, media: str = "application/json") -> int:
        """Send a request and return its HTTP status. Errors other than ApiError are raised."""
        try:
            read = requests.body(media, json.dumps(body).encode())
            info = requests.parse(method, path, {}, "")
            kind = self.store.registry.served(info.group, info.version, info.resource)
            answer = self.rest.handle(Call(info=info, kind=kind, wants=accepted(""), content_type=media, body=read))
        except ApiError as error:
            json.dumps(error.status()).encode()
            return error.code
        assert isinstance(answer, Answer)
        return answer.status


def process(server: Server, folder: Path) -> None:
    """Execute the first steps of the scheduler and a worker on all Pods."""
    scheduler = Scheduler(server.store, Ledger(capacity(2)), node=NAME, labels=LABELS, now=lambda: datetime.now(UTC))
    scheduler._replace(server.store.list("pods")[0])
    scheduler._schedule_pending()
    for pod in server.store.list("pods")[0]:
        for container in (*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]):
            try:
                volumes = prepare(pod, server.store, Folders(folder / "pods", folder / "claims"))
                resolve(pod, container, server.store, volumes, inherited={}, devices={})
            except (ConfigError, OSError):
                continue


RELAXED = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@given(body=changed(whole_pod()))
@RELAXED
def test_any_pod_is_accepted_or_rejected(body: Any, tmp_path: Path) -> None:
    """An accepted Pod passes the scheduler and the worker; nothing is written outside of the state folder."""
    server, folder = Server(), tmp_path / "state"
    folder.mkdir(exist_ok=True)
    status = server("POST", PODS, body)
    assert status in {201, 400, 409, 422}
    process(server, folder)
    assert [entry.name for entry in tmp_path.iterdir()] == ["state"]
    assert {entry.name for entry in folder.iterdir()} <= {"pods", "claims"}


@given(
    body=changed(whole_pod()),
    media=st.sampled_from(["merge-patch", "strategic-merge-patch", "apply-patch"]),
    part=st.sampled_from(["", "/status", "/binding", "/eviction"]),
    verb=st.sampled_from(["PATCH", "PUT", "POST", "DELETE"]),
)
@RELAXED
def test_any_change_is_accepted_or_rejected(body: Any, media: str, part: str, verb: str, tmp_path: Path) -> None:
    """Patches, updates, bindings, evictions and deletions with unusual bodies are answered, and the Pod still works."""
    server = Server()
    assert server("POST", PODS, whole_pod()) == 201
    end = "+yaml" if media == "apply-patch" else "+json"
    status = server(
        verb, f"{PODS}/p{part}", body, f"application/{media}{end}" if verb == "PATCH" else "application/json"
    )
    assert 200 <= status < 500
    process(server, tmp_path)


@given(
    patch=st.lists(
        st.fixed_dictionaries({"op": ODD | st.just("add"), "path": ODD | st.just("/spec")}, optional={"value": ODD}),
        max_size=2,
    )
    | ODD
)
@RELAXED
def test_any_json_patch_is_accepted_or_rejected(patch: Any) -> None:
    """Any JSON patch is answered."""
    server = Server()
    server("POST", PODS, whole_pod())
    assert 200 <= server("PATCH", f"{PODS}/p", patch, "application/json-patch+json") < 500


@pytest.mark.parametrize(
    ("path", "whole"),
    [
        pytest.param(f"/apis/apiextensions.k8s.io/v1/{CRDS.partition('.')[0]}", STUDY_CRD, id="definition"),
        pytest.param(
            "/api/v1/namespaces/default/resourcequotas",
            {"metadata": {"name": "q"}, "spec": {"hard": {"pods": 1, "requests.cpu": "1"}, "scopes": ["a"]}},
            id="quota",
        ),
        pytest.param(
            "/api/v1/namespaces/default/secrets",
            {"metadata": {"name": "s"}, "data": {"a": "YQ=="}, "stringData": {"b": "c"}},
            id="secret",
        ),
        pytest.param(
            "/apis/events.k8s.io/v1/namespaces/default/events",
            {"metadata": {"name": "e"}, "regarding": {"kind": "Pod"}, "note": "n", "eventTime": None},
            id="event",
        ),
        pytest.param(
            "/apis/example.dev/v1/namespaces/default/studies",
            {
                "metadata": {"name": "s", "labels": {"a": "b"}},
                "spec": {"parameters": [{"name": "l", "min": 0, "max": 1}]},
            },
            id="custom",
        ),
    ],
)
@given(data=st.data())
@RELAXED
def test_any_object_is_accepted_or_rejected(path: str, whole: dict[str, Any], data: st.DataObject) -> None:
    """Objects of other kinds are answered too, and the server continues to serve."""
    server = Server()
    body = data.draw(changed({**whole, "metadata": dict(whole["metadata"])}))
    assert server("POST", path, body) in {201, 400, 403, 409, 422}
    assert server("POST", PODS, whole_pod()) in {201, 403}
