"""The code of plug-ins that the documentation shows is that of the examples, without types and docstrings."""

import ast
import re
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
