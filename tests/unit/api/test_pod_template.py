"""The table of the types of a Pod template."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from podspec.types import fields_of

ROOT = Path(__file__).parents[3]


def test_the_table_matches_the_schemas_of_kubernetes():
    """The table is the output of hack/pod_schema.py for this version of kubernetes-validate."""
    spec = importlib.util.spec_from_file_location("pod_schema", ROOT / "hack/pod_schema.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.TARGET.read_text(encoding="utf-8") == module.render()


@pytest.mark.parametrize(
    ("model", "name"),
    [
        pytest.param(client.V1PodSpec, "PodSpec", id="Pod"),
        pytest.param(client.V1Container, "Container", id="container"),
        pytest.param(client.V1EnvVar, "EnvVar", id="variable"),
    ],
)
def test_the_fields_are_those_of_the_client_library(model: Any, name: str):
    """Both have the same version of Kubernetes."""
    assert sorted(fields_of(name)) == sorted(model.attribute_map.values())
