"""The check of words in text: hack/prose.py."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("prose", ROOT / "hack" / "prose.py")
assert _spec is not None
assert _spec.loader is not None
prose = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(prose)

RULES = '# a comment\nanew    "again"\ngo on   "continue"\ndocstring:Gives?   "Return"\n'


@pytest.mark.parametrize(
    ("text", "suffix", "findings"),
    [
        pytest.param("It starts Anew.\n", ".md", [(1, '"Anew": write "again" instead.')], id="page"),
        pytest.param("Renewal of manewers.\n", ".md", [], id="part-of-a-word"),
        pytest.param("x: 1\n# They go on.\n", ".yaml", [(2, '"go on": write "continue" instead.')], id="yaml-comment"),
        pytest.param("x = 1  # anew\n", ".py", [(1, '"anew": write "again" instead.')], id="comment"),
        pytest.param('x = f"{anew} anew"\n', ".py", [(1, '"anew": write "again" instead.')], id="message"),
        pytest.param("anew = 1\n", ".py", [], id="name-in-code"),
        pytest.param('def f():\n    """Give it."""\n', ".py", [(2, '"Give": write "Return" instead.')], id="docstring"),
        pytest.param('"""A module.\n\nGive it.\n"""\n', ".py", [], id="later-in-a-docstring"),
        pytest.param("Give it.\n", ".md", [], id="first-word-of-a-page"),
        pytest.param("x = 1  # anew, prose: ignore\n", ".py", [], id="ignored"),
    ],
)
def test_words_with_a_replacement_are_reported(text, suffix, findings):
    """A finding has its line and what to write instead."""
    assert prose.check(text, suffix, RULES) == findings
