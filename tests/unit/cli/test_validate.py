"""`toprung validate`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from toprung.cli.commands.validate import validate_command

ROOT = Path(__file__).parents[3]

GOOD = """\
apiVersion: toprung.dev/v1alpha1
kind: Experiment
metadata: {name: good}
spec:
  objective: {metric: loss, type: minimize}
  parameters:
  - {name: lr, type: double, min: 1e-5, max: 0.1, scale: log}
  maxTrialCount: 3
  trialTemplate:
    template:
      spec:
        containers:
        - name: train
          image: busybox
          command: [train, "${parameters.lr}"]
"""


def validate(text: str, *arguments: str) -> Result:
    return CliRunner().invoke(validate_command, ["-", *arguments], input=text.encode())


def test_a_valid_file_has_exit_code_0():
    """The output has the word "valid"."""
    result = validate(GOOD)
    assert (result.exit_code, result.output) == (0, "-:1: Experiment good is valid\n")


@pytest.mark.parametrize(
    ("old", "new", "fragment"),
    [
        pytest.param("min: 1e-5", "min: 0.5", "-:7: spec.parameters[0].min: Invalid value: 0.5: must not be above max. Swap min and max.", id="field"),
        pytest.param("  maxTrialCount: 3\n", "", "-:4: spec.maxTrialCount: Required value: add maxTrialCount: 50.", id="missing field: its parent"),
        pytest.param("type: minimize", "type: min", '-:5: spec.objective.type: Unsupported value: "min". Use "minimize" or "maximize".', id="within braces"),
        pytest.param("${parameters.lr}", "${parameters.l}", "-:15: spec.trialTemplate.template.spec.containers[0].command[1]: ", id="deep in the template"),
        pytest.param("  maxTrialCount: 3", "  maxTrialCount: 3\n  maxTrialCount: 4", '-:9: "maxTrialCount" is there already, in line 8', id="key twice"),
        pytest.param("metadata: {name", "metadata: {name: [", "-:", id="open bracket"),
        pytest.param("  parameters:", "\tparameters:", "-:6: is not YAML", id="tab"),
        pytest.param("kind: Experiment", "kind: Experimnet", '-:2: kind: Unsupported value: "Experimnet". Use Experiment.', id="kind"),
        pytest.param("toprung.dev/v1alpha1", "kubeflow.org/v1beta1", '-:1: apiVersion: Unsupported value: "kubeflow.org/v1beta1"', id="another group"),
    ],
)  # fmt: skip
def test_an_error_has_file_line_and_field(old: str, new: str, fragment: str):
    """It also has the cause and the correction."""
    result = validate(GOOD.replace(old, new))
    assert result.exit_code == 1
    assert fragment in result.output


def test_all_errors_of_all_documents_are_listed_by_line():
    """One run lists all errors."""
    bad = GOOD.replace("type: minimize", "type: min").replace("maxTrialCount: 3", "maxTrialCount: 0")
    second, third = GOOD.replace("good", "second"), bad.replace("good", "third")
    result = validate(
        f"{bad}---\n{{apiVersion: v1, kind: ConfigMap,\n metadata: {{name: c}}}}\n---\n{second}---\n{third}"
    )
    lines = [line.split(": ")[0] for line in result.output.splitlines()]
    assert lines == ["-:5", "-:8", "-:40", "-:43", "-:20"]


@pytest.mark.parametrize(
    ("second", "errors"),
    [
        pytest.param(GOOD, ["-:19: metadata.name: Duplicate value"], id="twice"),
        pytest.param(GOOD.replace("name: good", "name: good, namespace: default"), ["-:19: metadata.name: Duplicate value"], id="default namespace"),
        pytest.param(GOOD.replace("name: good", "name: good, namespace: other"), [], id="another namespace"),
        pytest.param(GOOD.replace("good", "better"), [], id="another name"),
    ],
)  # fmt: skip
def test_two_experiments_with_one_name_are_an_error(second: str, errors: list[str]):
    """The second would overwrite the first."""
    result = validate(f"{GOOD}---\n{second}")
    assert result.exit_code == bool(errors)
    assert [line[: len(errors[0])] for line in result.output.splitlines() if "is valid" not in line] == errors
    assert result.output.count("is valid") == 2 - len(errors)


def test_two_experiments_with_one_name_in_one_line_are_an_error():
    """A List in JSON has one line."""
    item = {"apiVersion": "toprung.dev/v1alpha1", "kind": "Experiment", "metadata": {"name": "e"}}
    output = validate(json.dumps({"kind": "List", "items": [item, item]})).output
    assert output.count("Duplicate value") == 1


@pytest.mark.parametrize(
    "text",
    [pytest.param("", id="empty"), pytest.param("a: 1", id="something else"), pytest.param("- 1", id="a list")],
)
def test_a_file_without_an_experiment_is_an_error(text: str):
    """A wrong file name must not look like success."""
    result = validate(text)
    assert (result.exit_code, "has no Experiment" in result.output) == (1, True)


@pytest.mark.parametrize(
    "document", ["hello", "5", "[1]", "kind: ConfigMap", "{apiVersion: v1, kind: ConfigMap, metadata: {name: 5}}"]
)
def test_a_document_that_no_server_accepts_is_an_error(document: str):
    """`toprung run` and `kubectl apply` refuse the file too."""
    result = validate(f"{GOOD}---\n{document}\n")
    assert (result.exit_code, "-:17: is not an object. Write apiVersion" in result.output) == (1, True), result.output


def test_bytes_that_are_not_utf_8_are_an_error(tmp_path: Path):
    """The error has a line."""
    file = tmp_path / "latin.yaml"
    file.write_bytes(b"a: 1\nb: \xe9\n")
    result = CliRunner().invoke(validate_command, [str(file)])
    assert (result.exit_code, result.output) == (1, f"{file}:2: is not UTF-8. Save it in that encoding.\n")


def test_a_cycle_of_aliases_is_an_error():
    """YAML allows cycles, and JSON does not."""
    result = validate(GOOD.replace("        containers:", "        self: &a [*a]\n        containers:"))
    assert (result.exit_code, "the alias *a stands inside its own anchor" in result.output) == (1, True)


def test_json_output_has_the_same_errors():
    """Each error has its parts as fields."""
    result = validate(GOOD.replace("min: 1e-5", "min: 0.5"), "--output", "json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "valid": False,
        "errors": [
            {
                "file": "-",
                "line": 7,
                "path": "spec.parameters[0].min",
                "message": "Invalid value: 0.5: must not be above max. Swap min and max.",
            }
        ],
    }


@pytest.mark.parametrize("example", [pytest.param(path, id=path.name) for path in (ROOT / "examples").glob("*.yaml")])
def test_the_examples_are_valid(example: Path):
    """The examples in the repository are valid."""
    result = CliRunner().invoke(validate_command, [str(example)])
    assert result.exit_code == 0, result.output


LIST = """\
apiVersion: v1
kind: List
metadata: {resourceVersion: ""}
items:
"""


def as_item(manifest: str) -> str:
    lines = manifest.splitlines(keepends=True)
    return "- " + "  ".join(lines)


def test_the_output_of_kubectl_get_is_valid():
    """It is a List, with the fields that the API server adds."""
    owned = "{name: good, namespace: team, uid: u, resourceVersion: '7', generation: 2, managedFields: [{manager: kubectl}]}"
    stored = GOOD.replace("{name: good}", owned) + "status: {state: Running}\n"
    result = validate(LIST + as_item(stored) + as_item(GOOD))
    assert result.output.count("Experiment good is valid") == 2, result.output


def test_an_error_in_a_list_has_its_line():
    """The line identifies the item."""
    result = validate(LIST + as_item(GOOD) + as_item(GOOD.replace("type: minimize", "type: min")))
    assert (result.exit_code, "-:24: spec.objective.type" in result.output) == (1, True), result.output


@pytest.mark.parametrize(
    ("old", "new", "fragment"),
    [
        pytest.param("\nspec:\n", "\nspce: {}\nspec:\n", '-:4: spce: unknown field "spce". Did you mean spec?', id="top-level field"),
        pytest.param("{name: good}", "{name: good, lables: {a: b}}", '-:3: metadata.lables: unknown field "lables". Did you mean labels?', id="field of metadata"),
        pytest.param("{name: good}", "{name: good, labels: {a: b c}}", '-:3: metadata.labels[a]: Invalid value: "b c": a valid label must be', id="label"),
        pytest.param("{name: good}", "{name: good, labels: {a: 1}}", '-:3: metadata.labels[a]: Invalid value: must be a string, not the number 1. Use quotes: "1".', id="label that is a number"),
        pytest.param("{name: good}", "{name: good, namespace: Team_A}", '-:3: metadata.namespace: Invalid value: "Team_A": a lowercase RFC 1123 label must', id="namespace"),
        pytest.param("{name: good}", "{name: y}", '-:3: metadata.name: Invalid value: must be a string, not true. Use quotes, such as "y" or "true": YAML reads y, yes and on as true.', id="name that is a boolean"),
        pytest.param("{name: good}", "{}", "-:3: metadata.name: Required value", id="no name"),
        pytest.param("apiVersion: toprung.dev/v1alpha1\n", "", "-:1: apiVersion: Required value: use toprung.dev/v1alpha1", id="no version"),
    ],
)  # fmt: skip
def test_metadata_is_validated_as_by_the_server(old: str, new: str, fragment: str):
    """`kubectl apply` rejects these unknown fields, labels and names."""
    result = validate(GOOD.replace(old, new))
    assert (result.exit_code, fragment in result.output) == (1, True), result.output


def test_many_errors_are_counted():
    """A message stays readable, and fits into a condition."""
    references = " ".join(f"${{parameters.p{i}}}" for i in range(4000))
    result = validate(GOOD.replace("${parameters.lr}", references))
    assert len(result.output.splitlines()) == 21
    assert result.output.endswith("... and 3,980 more\n")
