"""The state folder is private to its user, and a broken database is reported with the correction."""

import os
import sqlite3
import stat

import pytest

from localkube import state_dir
from localkube.apiserver.sqlite_journal import StoreBroken
from localkube.apiserver.store import Store
from localkube.cluster import LocalCluster, set_aside
from localkube.state_dir import UnsafeFolder
from support.api_server import make_store
from support.node import FakeRuntime, now


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


async def test_only_the_user_can_read_the_state(tmp_path):
    """The folder has mode 0700 and each file 0600, also where an earlier version set other modes."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)
    for _ in range(2):
        cluster = LocalCluster(folder, runtime=FakeRuntime(), gpus=0)
        await cluster.start()
        files = [path for path in folder.iterdir() if path.is_file()]
        assert {path.name for path in files} >= {"cluster.sqlite", "token", "kubeconfig", "operator.kubeconfig", "lock"}
        assert (mode(folder), {mode(path) for path in files}) == (0o700, {0o600})
        await cluster.stop()
        (folder / "cluster.sqlite").chmod(0o644)
        (folder / "token").chmod(0o644)


def test_a_folder_with_other_files_keeps_its_mode(tmp_path):
    """A project folder stays readable; the state in it is private."""
    (tmp_path / "train.py").touch()
    tmp_path.chmod(0o755)
    state_dir.make(tmp_path)
    assert [mode(path) for path in (tmp_path, tmp_path / "logs", tmp_path / "claims")] == [0o755, 0o700, 0o700]


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        pytest.param(lambda folder, _: folder.chmod(0o770), "other users may write to it", id="group"),
        pytest.param(lambda folder, _: folder.chmod(0o707), "other users may write to it", id="others"),
        pytest.param(lambda folder, _: (folder / "token").symlink_to("/etc/passwd"), "symbolic link", id="link"),
        pytest.param(lambda _, other: other("state"), "belongs to another user", id="owner"),
        pytest.param(lambda _, other: other("token"), "belongs to another user", id="owner-of-a-file"),
        pytest.param(lambda _, other: other("link"), "belongs to another user", id="owner-of-a-link"),
    ],
)
def test_a_folder_that_others_can_write_is_rejected(tmp_path, monkeypatch, prepare, message):
    """A user who can write there could run programs as the owner."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    real = type(folder).lstat
    foreign = set()

    def lstat(path):
        entry = real(path)
        return os.stat_result([*entry[:4], os.geteuid() + 1, *entry[5:]]) if path.name in foreign else entry

    monkeypatch.setattr(type(folder), "lstat", lstat)

    def other(name):
        foreign.add(name)
        if name == "token":
            (folder / name).touch()

    prepare(folder, other)
    if "link" in foreign:
        (tmp_path / "link").symlink_to(folder)
        folder = tmp_path / "link"
    with pytest.raises(UnsafeFolder, match=message):
        state_dir.make(folder)


def test_a_private_file_is_replaced_atomically(tmp_path):
    """A leftover of an interrupted write does not matter."""
    (tmp_path / "token.new").write_text("rest")
    state_dir.write_private(tmp_path / "token", "secret")
    assert ((tmp_path / "token").read_text(), mode(tmp_path / "token")) == ("secret", 0o600)
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


def text(path):
    path.write_text("not a database, but long enough to be looked at as one " * 100)


def other_tables(path):
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE objects (x)")
    db.close()


def broken_row(path):
    with sqlite3.connect(path) as db:
        db.execute("UPDATE objects SET data = '{'")
    db.close()


def emptied(path):
    path.write_bytes(b"")


def removed(path):
    path.unlink()


@pytest.mark.parametrize("damage", [text, other_tables, broken_row, emptied, removed])
async def test_a_broken_database_is_reported_and_set_aside(tmp_path, damage):
    """The message is one line with the correction; setting the file aside keeps it and allows a start."""
    cluster = LocalCluster(tmp_path, runtime=FakeRuntime(), gpus=0)
    await cluster.start()
    await cluster.stop()
    damage(tmp_path / "cluster.sqlite")
    with pytest.raises(StoreBroken, match=r"cluster\.sqlite: Invalid value: .*start with an empty cluster") as refused:
        await LocalCluster(tmp_path, runtime=FakeRuntime(), gpus=0).start()
    assert "\n" not in str(refused.value)
    set_aside(tmp_path)
    assert list(tmp_path.glob("cluster.sqlite.broken-*"))
    await cluster.start()
    await cluster.stop()


def test_a_new_store_is_not_broken(tmp_path):
    """An empty file is valid where no cluster existed."""
    make_store(tmp_path / "cluster.sqlite").close()
    Store(tmp_path / "cluster.sqlite", now=now, expected=True).close()
