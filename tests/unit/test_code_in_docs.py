"""The code of plug-ins that the documentation shows is that of the examples, without types and docstrings."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = {
    "plugins.md": ("local_searcher/local_searcher.py", "local_searcher/test_local_searcher.py"),
    "early-stopping.md": ("ceiling/test_ceiling.py",),
}


class Bare(ast.NodeTransformer):
    """Removes types and docstrings, which the pages omit."""

    def visit_arg(self, node):
        node.annotation = None
        return node

    def visit_FunctionDef(self, node):
        node.returns = None
        return self.generic_visit(node)

    def visit_Expr(self, node):
        return None if isinstance(node.value, ast.Constant) else node


def definitions(code):
    """Return the classes and functions of some code by name, without docstrings."""
    nodes = [each for each in ast.parse(code).body if isinstance(each, ast.ClassDef | ast.FunctionDef)]
    return {node.name: ast.dump(Bare().visit(node)) for node in nodes}


@pytest.mark.parametrize("page", PAGES)
def test_code_of_a_page_is_the_tested_code(page):
    """The classes and functions are those of the examples' plug-ins."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)
    shown = {name: code for block in blocks for name, code in definitions(block).items()}
    folder = ROOT / "examples" / "plugins"
    tested = {name: code for path in PAGES[page] for name, code in definitions((folder / path).read_text()).items()}
    assert shown == tested


def test_the_example_of_the_sdk_resumes_from_its_checkpoint(tmp_path):
    """A second attempt with a larger budget trains only the remaining epochs."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "trial-image/README.md").read_text(), re.DOTALL)
    trial = {"TOPRUNG_PARAMETERS": '{"lr": 0.5}', "TOPRUNG_CHECKPOINT_DIR": str(tmp_path)}
    printed = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": str(ROOT / "trial-image"), **trial, "TOPRUNG_RESOURCE": last},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for last in ("2", "3")
    ]
    reports = [[json.loads(line) for line in each.splitlines()] for each in printed]
    assert reports == [[{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}], [{"epoch": 3, "loss": 0.125}]]
