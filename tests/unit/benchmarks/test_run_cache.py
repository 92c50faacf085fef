"""A completed run is not repeated, unless something that it depends on has changed."""

import ast
from pathlib import Path

import pytest
from run_cache import CORE, HERE, MODULES, OPERATOR, CachedFunction, code_fingerprint, fingerprint


def count_call(task):
    """Append to a file, so that calls can be counted."""
    path, number = task
    with Path(path).open("a") as file:
        file.write("x")
    return number / 2


def test_result_is_kept_for_later_processes(tmp_path):
    """Another object with the same folder finds the result."""
    task, calls = (str(tmp_path / "calls"), 3), tmp_path / "calls"
    first = CachedFunction(count_call, tmp_path / "kept")
    assert not first.has(task)
    assert first(task) == 1.5
    second = CachedFunction(count_call, tmp_path / "kept")
    assert second.has(task)
    assert second(task) == 1.5
    assert calls.read_text() == "x"
    assert not second.has((task[0], 4))


@pytest.mark.parametrize(
    ("name", "contents", "version"),
    [
        pytest.param("one", "b", "numpy==1", id="contents"),
        pytest.param("other", "a", "numpy==1", id="name"),
        pytest.param("one", "a", "numpy==2", id="version"),
    ],
)
def test_fingerprint_depends_on_contents_names_and_versions(tmp_path, name, contents, version):
    """The same files and versions have the same fingerprint; any change gives another one."""
    (tmp_path / "one").write_text("a")
    before = fingerprint([tmp_path / "one"], ["numpy==1"])
    assert before == fingerprint([tmp_path / "one"], ["numpy==1"])
    (tmp_path / name).write_text(contents)
    assert fingerprint([tmp_path / name], [version]) != before


def imported(name):
    """Return the modules of the benchmark that one of them imports."""
    nodes = ast.walk(ast.parse((HERE / name).read_text()))
    named = {f"{node.module}.py" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {each for each in named if (HERE / each).exists()}


def test_fingerprint_covers_all_imported_modules():
    """Only comparison.py is left out: a run uses one of its type aliases."""
    needed = {"runs.py", "simple_hpo_bench.py"}
    while not (more := {each for name in needed for each in imported(name)}) <= needed:
        needed |= more
    assert needed == {*MODULES, "comparison.py"}


@pytest.mark.parametrize("package", CORE)
def test_fingerprinted_package_exists(package):
    """A renamed package is not silently left out."""
    assert any((OPERATOR / package).rglob("*.py"))


def test_fingerprint_of_the_code_has_16_digits():
    """The fingerprint names the folder of the kept results."""
    assert len(code_fingerprint()) == 16
