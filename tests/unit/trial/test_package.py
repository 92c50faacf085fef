"""The SDK runs in any image."""

import ast
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import toprung_trial
from toprung.api.v1alpha1.experiment import ExperimentSpec

PACKAGE = Path(toprung_trial.__file__).parent
ROOT = PACKAGE.parent.parent
MODULES = [pytest.param(path, id=path.stem) for path in sorted(PACKAGE.glob("*.py"))]


@pytest.mark.parametrize("path", MODULES)
def test_the_sdk_imports_only_the_standard_library(path):
    """It imports no module of the operator."""
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.partition(".")[0])
    assert imported <= set(sys.stdlib_module_names) | {"toprung_trial"}


@pytest.mark.parametrize("path", MODULES)
def test_the_sdk_has_the_syntax_of_python_3_8(path):
    """That is the oldest supported Python."""
    ast.parse(path.read_text(), feature_version=(3, 8))


def test_both_distributions_have_one_version():
    """The operator's wheel and the SDK's wheel have the same SDK."""
    versions = {
        tomllib.loads(path.read_text())["project"]["version"]
        for path in (ROOT / "pyproject.toml", ROOT / "trial-image" / "pyproject.toml")
    }
    assert len(versions) == 1


def test_the_example_is_a_valid_experiment():
    """The numbers of trials in examples/mnist.yaml are those of the README."""
    spec = ExperimentSpec.model_validate(yaml.safe_load((ROOT / "examples" / "mnist.yaml").read_text())["spec"])
    assert (spec.max_trial_count, spec.parallel_trial_count) == (24, 2)
    assert spec.early_stopping.asha.max_resource == 9
