"""The values and their schema."""

import json
from collections.abc import Iterator
from typing import Any

import helm_python as helm
import jsonschema
import pytest
import yaml

from support.chart import CHART

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
TEXT = (CHART / "values.yaml").read_text()
VALUES = yaml.safe_load(TEXT)


def keys(values: dict[str, Any], schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, set[str], set[str]]]:
    """Yield (path, names in values.yaml, names in the schema) of each object with names in the schema."""
    properties = schema.get("properties")
    if properties is not None:
        yield path, set(values), set(properties)
        for name, value in values.items():
            if isinstance(value, dict) and name in properties:
                yield from keys(value, properties[name], f"{path}.{name}")


def test_the_schema_is_valid():
    """It is draft 7, which Helm reads."""
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_values_and_schema_have_the_same_names():
    """The schema rejects unknown values, and values.yaml documents every value of the schema."""
    tables = list(keys(VALUES, SCHEMA))
    assert {path for path, *_ in tables} == {"", ".crds", ".rbac", ".image", ".search", ".resources"}
    assert [(path, shown) for path, shown, _ in tables] == [
        (path, known - ({"global"} if path == "" else set())) for path, _, known in tables
    ]


def test_each_value_is_explained():
    """A comment stands above each line, or above the first of its paragraph."""
    paragraphs = TEXT.split("\n\n")
    assert len(paragraphs) > 10
    assert [each for each in paragraphs if not each.startswith("#") and ":\n  #" not in each] == []


@pytest.mark.parametrize(
    ("values", "fragment"),
    [
        pytest.param({"replicas": 2}, "replicas", id="unknown"),
        pytest.param({"image": {"repo": "x"}}, "repo", id="unknown, inside"),
        pytest.param({"image": {"repository": ""}}, "repository", id="no image"),
        pytest.param({"image": {"tag": 1.0}}, "tag", id="a tag that YAML reads as a number"),
        pytest.param({"image": {"digest": "0123"}}, "digest", id="half a digest"),
        pytest.param({"image": {"pullPolicy": "Sometimes"}}, "pullPolicy", id="pull policy"),
        pytest.param({"image": {"pullSecrets": ["pull"]}}, "pullSecrets", id="a secret by its bare name"),
        pytest.param({"watchNamespace": "Team A"}, "watchNamespace", id="no namespace's name"),
        pytest.param({"watchNamespace": ["a", "b"]}, "watchNamespace", id="two namespaces"),
        pytest.param({"crds": {"install": "false"}}, "install", id="a string for a boolean"),
        pytest.param({"rbac": {"aggregate": "no"}}, "aggregate", id="another string for a boolean"),
        pytest.param({"metricsPort": 70000}, "metricsPort", id="no port"),
        pytest.param({"metricsPort": 8081}, "metricsPort", id="the probes' port"),
        pytest.param({"resources": {"limit": {"memory": "1Gi"}}}, "limit", id="resources misspelt"),
        pytest.param({"resources": {"limits": {"memory": ["1Gi"]}}}, "memory", id="no quantity"),
        pytest.param({"search": {"processes": 0}}, "processes", id="no search process"),
        pytest.param({"search": {"memory": "192Mi"}}, "memory", id="a quantity for MiB"),
        pytest.param({"podAnnotations": {"note": True}}, "note", id="an annotation that YAML reads as a boolean"),
        pytest.param({"tolerations": {"key": "a"}}, "tolerations", id="no list"),
        pytest.param({"accelerators": ["gpu"]}, "accelerators", id="a resource without a domain"),
        pytest.param({"accelerators": []}, "accelerators", id="no accelerator"),
    ],
)
def test_an_invalid_value_is_rejected(values: dict, fragment: str):
    """The message has the value's name."""
    with helm.Chart.load(CHART) as chart, pytest.raises(helm.HelmError, match=fragment):
        chart.render(values, name="toprung", namespace="default")
