"""The generated CustomResourceDefinitions."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from toprung.api.crd.generate import experiment_crd, files, main, trial_crd

ROOT = Path(__file__).parents[3]
CRDS = {"experiment": experiment_crd(), "trial": trial_crd()}


def schema_of(definition: dict[str, Any]) -> dict[str, Any]:
    return definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def walk(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from walk(child, f"{path}.{name}")
    for word in ("items", "additionalProperties"):
        if word in schema:
            yield from walk(schema[word], f"{path}[]")


def test_the_files_are_up_to_date():
    """The files are the output of `make crds`."""
    assert {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "crds").glob("*.yaml")} == files()


def test_the_module_writes_the_files(tmp_path: Path):
    """`make crds` runs `python -m toprung.api.crd.generate FOLDER`."""
    environment = {"PYTHONPATH": str(ROOT / "operator"), "PYTHONHASHSEED": "1"}
    subprocess.run([sys.executable, "-m", "toprung.api.crd.generate", str(tmp_path)], check=True, env=environment)
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == files()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("trials.toprung.dev.yaml", "old", id="changed"),
        pytest.param("others.toprung.dev.yaml", "", id="left over"),
    ],
)
def test_a_check_reports_the_files_that_differ(tmp_path: Path, name: str, content: str):
    """`--check` writes nothing, and prints the names of the files."""
    main(tmp_path, check=False)
    assert main(tmp_path, check=True) is None
    (tmp_path / name).write_text(content)
    assert name in (main(tmp_path, check=True) or "")
    assert (tmp_path / name).read_text() == content


def test_the_yaml_of_the_files_has_the_definitions():
    """Parsing the written YAML returns the generated definitions."""
    assert [yaml.safe_load(content) for content in files().values()] == list(CRDS.values())


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        pytest.param("experiment", ["Status", "Done", "Running", "Best", "Pareto Front", "Age"], id="experiment"),
        pytest.param("trial", ["Status", "Step", "Value", "Best", "Rung", "Parameters", "Age"], id="trial"),
    ],
)
def test_each_column_shows_a_field_that_exists(kind: str, columns: list[str]):
    """The schema has the JSONPath of each column."""
    version = CRDS[kind]["spec"]["versions"][0]
    known = {path for path, _ in walk(schema_of(CRDS[kind]))} | {".metadata.creationTimestamp"}
    assert [column["name"] for column in version["additionalPrinterColumns"]] == columns
    assert {column["jsonPath"] for column in version["additionalPrinterColumns"]} <= known


def test_the_scale_subresource_points_to_fields_that_exist():
    """`kubectl scale` sets parallelTrialCount."""
    scale = CRDS["experiment"]["spec"]["versions"][0]["subresources"]["scale"]
    assert set(scale.values()) <= {path for path, _ in walk(schema_of(CRDS["experiment"]))}


@pytest.mark.parametrize("kind", CRDS)
def test_each_field_is_described(kind: str):
    """`kubectl explain` describes all fields of the spec, except those of Kubernetes' Pod."""
    spec = schema_of(CRDS[kind])["properties"]["spec"]
    undescribed = [
        path
        for path, schema in walk(spec)
        if "description" not in schema and not path.endswith("[]") and ".template.spec." not in path
    ]
    assert [path for path in undescribed if ".template.metadata" not in path] == []


@pytest.mark.parametrize(
    ("kind", "defaults"),
    [pytest.param("experiment", [], id="experiment"), pytest.param("trial", [{"state": "Pending"}], id="trial")],
)
def test_a_status_has_no_defaults(kind: str, defaults: list[Any]):
    """The API server must not add fields that the operator did not write.

    Only a new Trial has a state, which saves a write.
    """
    parts = walk(schema_of(CRDS[kind])["properties"]["status"])
    assert [schema["default"] for _, schema in parts if "default" in schema] == defaults


@pytest.mark.parametrize("kind", CRDS)
def test_every_part_of_a_spec_is_bounded(kind: str):
    """Sizes limit the objects of a tenant, and the estimates of CEL's cost."""
    bounds = {"array": "maxItems", "string": "maxLength", "integer": "maximum"}
    unbounded = [
        path
        for path, schema in walk(schema_of(CRDS[kind])["properties"]["spec"])
        if (schema.get("type") in bounds and bounds[schema["type"]] not in schema and "enum" not in schema)
        or ("additionalProperties" in schema and "maxProperties" not in schema)
    ]
    assert unbounded == []
