"""`toprung validate`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from toprung.cli.validate import validate_command

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


def test_a_good_file_is_called_valid():
    """Nothing to mend, exit code 0."""
    result = validate(GOOD)
    assert (result.exit_code, result.output) == (0, "-:1: Experiment good is valid\n")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param("min: 1e-5", "min: 0.5", "-:7: spec.parameters[0].min: 0.5 is above max 0.1; swap them", id="field"),
        pytest.param("  maxTrialCount: 3\n", "", "-:4: spec.maxTrialCount: is missing; write it", id="missing field: its parent"),
        pytest.param("type: minimize", "type: min", "-:5: spec.objective.type: 'min' is unknown", id="within braces"),
        pytest.param("${parameters.lr}", "${parameters.l}", "-:15: spec.trialTemplate.template.spec.containers[0].command[1]: ", id="deep in the template"),
        pytest.param("  maxTrialCount: 3", "  maxTrialCount: 3\n  maxTrialCount: 4", "-:9: 'maxTrialCount' is there already, in line 8", id="key twice"),
        pytest.param("metadata: {name", "metadata: {name: [", "-:", id="open bracket"),
        pytest.param("  parameters:", "\tparameters:", "-:6: is not YAML", id="tab"),
        pytest.param("kind: Experiment", "kind: Experimnet", "-:2: kind: 'Experimnet' is not an Experiment of ours; write Experiment", id="kind"),
        pytest.param("toprung.dev/v1alpha1", "kubeflow.org/v1beta1", "-:1: apiVersion: 'kubeflow.org/v1beta1' is not", id="another group"),
    ],
)  # fmt: skip
def test_a_fault_is_told_like_a_compiler_does(old: str, new: str, says: str):
    """File, line, field, what is wrong and what to write."""
    result = validate(GOOD.replace(old, new))
    assert result.exit_code == 1
    assert says in result.output


def test_every_fault_of_every_document_is_told_in_the_order_of_lines():
    """One run shows all there is to mend."""
    bad = GOOD.replace("type: minimize", "type: min").replace("maxTrialCount: 3", "maxTrialCount: 0")
    result = validate(f"{bad}---\napiVersion: v1\nkind: ConfigMap\n---\n{GOOD}---\n{bad}")
    lines = [line.split(": ")[0] for line in result.output.splitlines()]
    assert lines == ["-:5", "-:8", "-:40", "-:43", "-:20"]


@pytest.mark.parametrize(
    "text",
    [pytest.param("", id="empty"), pytest.param("a: 1", id="something else"), pytest.param("- 1", id="a list")],
)
def test_a_file_without_an_experiment_is_a_fault(text: str):
    """A wrong file name must not look like success."""
    result = validate(text)
    assert (result.exit_code, "holds no Experiment" in result.output) == (1, True)


def test_bytes_that_are_no_text_are_a_fault(tmp_path: Path):
    """The line is told even then."""
    file = tmp_path / "latin.yaml"
    file.write_bytes(b"a: 1\nb: \xe9\n")
    result = CliRunner().invoke(validate_command, [str(file)])
    assert (result.exit_code, result.output) == (1, f"{file}:2: is not UTF-8; save it in that encoding\n")


def test_a_circle_of_aliases_is_a_fault():
    """YAML can say what JSON can't."""
    result = validate(GOOD.replace("        containers:", "        self: &a [*a]\n        containers:"))
    assert (result.exit_code, "is not JSON" in result.output) == (1, True)


def test_programs_read_json():
    """The same findings, field by field."""
    result = validate(GOOD.replace("min: 1e-5", "min: 0.5"), "--output", "json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "valid": False,
        "faults": [
            {"file": "-", "line": 7, "path": "spec.parameters[0].min", "message": "0.5 is above max 0.1; swap them"}
        ],
    }


@pytest.mark.parametrize("example", [pytest.param(path, id=path.name) for path in (ROOT / "examples").glob("*.yaml")])
def test_the_examples_are_valid(example: Path):
    """What people copy works."""
    result = CliRunner().invoke(validate_command, [str(example)])
    assert result.exit_code == 0, result.output
