"""An API server accepts the Pods of the templates that `toprung validate` accepts."""

import copy
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from localkube.apiserver import decoding, pods
from localkube.apiserver.store import Store
from support.manifests import MINIMAL, edited
from toprung.api.crd.schema import without_nulls
from toprung.api.loader import load_experiment
from toprung.errors import InvalidExperiment

POD = next(kind for kind in Store(None, now=lambda: datetime.now(UTC)).registry if kind.kind == "Pod")
CONTAINER = {
    "name": "main",
    "image": "i:1",
    "command": ["true"],
    "args": ["--x", "4"],
    "workingDir": "/v",
    "env": [
        {"name": "A", "value": "b"},
        {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k", "optional": True}}},
    ],
    "envFrom": [{"prefix": "P", "secretRef": {"name": "s"}}],
    "resources": {"limits": {"cpu": "1", "nvidia.com/gpu": 1}, "requests": {"cpu": 0.5}},
    "volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "a"}],
    "ports": [{"containerPort": 80}],
    "livenessProbe": {"httpGet": {"port": "http"}, "periodSeconds": 1},
}
SPEC = {
    "activeDeadlineSeconds": 60,
    "terminationGracePeriodSeconds": 1,
    "nodeSelector": {"gpu": "a100"},
    "tolerations": [{"key": "k", "effect": "NoExecute", "tolerationSeconds": 1}],
    "initContainers": [{"name": "init", "image": "i"}],
    "containers": [CONTAINER],
    "volumes": [
        {"name": "v", "emptyDir": {"sizeLimit": "1Gi"}},
        {"name": "c", "configMap": {"name": "c", "items": [{"key": "k", "path": "a/k", "mode": 0o400}]}},
    ],
}
ODD = st.one_of(
    st.none() | st.booleans() | st.integers(-1, 3) | st.just(2**70) | st.floats(0, 2),
    st.sampled_from(["", "x", "..", "1", "-1", "1e9", "a b", "Always", "a=b", "true", "500m", "2k", "4 GB", "/a"]),
    st.sampled_from([[], {}, ["a"], [None], [1], [{}], {"a": "b"}, {"a": None}, {"a": 1}, [{"name": "x"}], [["a"]]]),
)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path] * bool(path) + [place for key, part in inner for place in places(part, (*path, key))]


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    spec = copy.deepcopy(SPEC)
    node: Any = spec
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = copy.deepcopy(value)
    return spec


def accepted(spec: dict[str, Any]) -> bool:
    try:
        load_experiment(edited(MINIMAL, {"spec.trialTemplate.template": {"spec": spec}}))
    except InvalidExperiment:
        return False
    return True


def test_the_template_is_valid_before_it_is_changed():
    """The property below changes a valid template."""
    assert accepted(SPEC)


@settings(max_examples=60, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.sampled_from(places(SPEC)), ODD)
def test_an_accepted_template_is_a_pod_that_a_server_accepts(path: tuple[Any, ...], value: Any):
    """A template with an unusual value in any place is invalid, or its Pod is valid."""
    spec = changed(path, value)
    assume(accepted(spec))
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {**without_nulls(spec), "restartPolicy": "Never"},
    }
    decoded = decoding.decode(POD, pod)
    pods.set_defaults(decoded.object)
    assert (decoded.unknown, list(pods.validate(decoded.object, None))) == ((), [])
