"""Findings have the path of their field, and unknown strings are not checked. The tables of Pods test each rule."""

from typing import Any

import pytest

from podspec.findings import ErrorType
from podspec.objects import Unknown
from podspec.validation import validate

CONTAINER = {"name": "main", "image": "i"}


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        pytest.param(
            "PodSpec",
            {"containers": [{**CONTAINER, "ports": [{"containerPort": 0}]}]},
            [("containers[0].ports[0].containerPort", ErrorType.INVALID)],
            id="nested lists",
        ),
        pytest.param(
            "PodSpec",
            {"containers": [CONTAINER, CONTAINER]},
            [("containers[1].name", ErrorType.DUPLICATE)],
            id="second of two equal names",
        ),
        pytest.param("Probe", {}, [("", ErrorType.REQUIRED)], id="union without a member"),
        pytest.param("Sysctl", {}, [("name", ErrorType.REQUIRED)], id="required fields"),
        pytest.param("Toleration", {"key": Unknown("a b")}, [], id="unknown string"),
        pytest.param("Toleration", {"operator": Unknown("x")}, [], id="unknown operator"),
        pytest.param(
            "Container",
            {**CONTAINER, "resources": {"limits": {"cpu": Unknown("x")}, "requests": {"cpu": "2"}}},
            [],
            id="unknown quantity",
        ),
        pytest.param(
            "PodSpec",
            {
                "containers": [{**CONTAINER, "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
                "volumes": [{"name": Unknown("x")}],
            },
            [],
            id="reference to a list with an unknown name",
        ),
    ],
)
def test_findings_have_the_path_of_their_field(kind: str, value: dict[str, Any], expected: list[tuple[str, ErrorType]]):
    """Paths are relative to the validated object."""
    assert [(finding.path, finding.reason) for finding in validate(kind, value, "")] == expected


def test_paths_begin_with_that_of_the_object():
    """A caller validates a part of an object."""
    assert [finding.path for finding in validate("Sysctl", {}, "spec.x[0]")] == ["spec.x[0].name"]
