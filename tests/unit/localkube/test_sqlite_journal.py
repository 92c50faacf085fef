"""Every acknowledged write is on disk."""

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from support.api_server import config, make_store


def test_versions_are_never_reused(tmp_path):
    """A version is not reused even when the last change before a restart was a deletion."""
    path = tmp_path / "db"
    seen = []
    for _ in range(3):
        store = make_store(path)
        seen += [int(store.create("configmaps", config())["metadata"]["resourceVersion"])]
        store.delete("configmaps", "default", "c")
        seen.append(store.version)
        store.close()
    assert all(a < b for a, b in itertools.pairwise(seen))


WRITER = """
import sys
from pathlib import Path
sys.path[:0] = [{tests!r}, {operator!r}]
from support.api_server import config, make_store
store = make_store(Path(sys.argv[1]))
for i in range(10**6):
    name = f"c{{i % 50}}"
    if store.exists("configmaps", "default", name):
        store.patch("configmaps", "default", name, {{"data": {{"i": str(i)}}}})
    else:
        store.create("configmaps", config(name, data={{"i": str(i)}}))
    print(i, store.version, flush=True)
"""


@pytest.mark.parametrize("answers", [1, 7, 300])
def test_acknowledged_writes_survive_a_kill(tmp_path, answers):
    """After a SIGKILL during writes, every acknowledged write is stored."""
    root = Path(__file__).parents[3]
    code = WRITER.format(tests=str(root / "tests"), operator=str(root / "operator"))
    with subprocess.Popen([sys.executable, "-c", code, tmp_path / "db"], stdout=subprocess.PIPE, text=True) as writer:
        said = "".join(writer.stdout.readline() for _ in range(answers))
        writer.kill()
        said += writer.stdout.read()
    *_, answered = said[: said.rindex("\n")].splitlines()  # the kill may have cut the last line
    last, version = map(int, answered.split())
    store = make_store(tmp_path / "db")
    kept = {int(o["data"]["i"]) for o in store.list("configmaps")[0]}  # at most one write more than was answered
    assert kept >= set(range(max(0, last - 48), last + 1))
    assert store.version >= version
    store.close()
