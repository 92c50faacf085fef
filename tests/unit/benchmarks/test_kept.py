"""What was run is not run again, unless what it depends on has changed."""

import ast
from pathlib import Path

import pytest
from run_cache import CORE, HERE, OPERATOR, OURS, Kept, everything, fingerprint


def note(task):
    """Something that is seen to be done."""
    path, number = task
    with Path(path).open("a") as file:
        file.write("x")
    return number / 2


def test_a_result_is_kept(tmp_path):
    """Over the end of the program: another object of the same folder finds it."""
    task, done = (str(tmp_path / "done"), 3), tmp_path / "done"
    first = Kept(note, tmp_path / "kept")
    assert not first.has(task)
    assert first(task) == 1.5
    again = Kept(note, tmp_path / "kept")
    assert again.has(task)
    assert again(task) == 1.5
    assert done.read_text() == "x"
    assert not again.has((task[0], 4))


@pytest.mark.parametrize("change", ["contents", "name", "words"])
def test_a_change_is_seen(tmp_path, change):
    """Of a file's name or contents, or of a package's version."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("a")
    other.write_text("b" if change == "contents" else "a")
    before = fingerprint([one], ["numpy==1"])
    assert before == fingerprint([one], ["numpy==1"])
    if change == "contents":
        one.write_text("b")
    after = fingerprint([other if change == "name" else one], ["numpy==2" if change == "words" else "numpy==1"])
    assert after != before


def imported(name):
    """The benchmark's own modules that one of them imports."""
    nodes = ast.walk(ast.parse((HERE / name).read_text()))
    named = {f"{node.module}.py" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {each for each in named if (HERE / each).exists()}


def test_a_run_depends_on_all_that_it_imports():
    """But comparison.py, of which it takes the name of a type."""
    needed = {"runs.py", "simple_hpo_bench.py"}
    while not (more := {each for name in needed for each in imported(name)}) <= needed:
        needed |= more
    assert needed == {*OURS, "comparison.py"}
    assert all(any((OPERATOR / package).rglob("*.py")) for package in CORE)
    assert len(everything()) == 16
