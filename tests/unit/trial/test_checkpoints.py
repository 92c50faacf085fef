"""Checkpoints of the SDK are complete or absent."""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from toprung_trial import TrialError
from toprung_trial.checkpoints import Checkpoints


def write(text):
    """Return a save function that writes a file."""
    return lambda path: Path(path).write_text(text)


def read(checkpoints):
    """Return the epoch and the text of the newest checkpoint."""
    texts = []
    epoch = checkpoints.load(lambda path: texts.append(Path(path).read_text()))
    return epoch, *texts


def test_the_newest_checkpoint_is_kept_and_loaded(tmp_path):
    """Epochs are compared as numbers, and older checkpoints are removed."""
    checkpoints = Checkpoints(str(tmp_path))
    for epoch in (9, 10):
        checkpoints.save(epoch, write(f"weights of {epoch}"))
    assert read(checkpoints) == (10, "weights of 10")
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-10"]


def test_without_a_checkpoint_the_epoch_is_zero(tmp_path):
    """Load is not called. Other files in the folder are ignored."""
    (tmp_path / "notes.txt").write_text("mine")
    assert read(Checkpoints(str(tmp_path))) == (0,)
    assert (tmp_path / "notes.txt").exists()


def test_a_checkpoint_can_be_a_folder(tmp_path):
    """Some frameworks write several files."""

    def save(path):
        (Path(path) / "deep").mkdir(parents=True)
        (Path(path) / "deep" / "weights").write_text("w")

    checkpoints = Checkpoints(str(tmp_path))
    checkpoints.save(1, save)
    checkpoints.save(2, save)
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("weights")] == ["epoch-2/deep/weights"]


def test_a_failed_save_keeps_the_previous_checkpoint(tmp_path):
    """A full disk costs an epoch, not the trial."""

    def fail(path):
        Path(path).write_text("half")
        raise OSError("No space left on device")

    checkpoints = Checkpoints(str(tmp_path))
    checkpoints.save(1, write("good"))
    with pytest.raises(OSError, match="No space"):
        checkpoints.save(2, fail)
    assert read(checkpoints) == (1, "good")
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-1"]


def test_the_previous_checkpoint_is_renamed_before_its_removal(tmp_path, monkeypatch):
    """A copy of the folder during the write, by a trial that exploits, never has an incomplete checkpoint."""
    remove, seen = shutil.rmtree, []

    def look(path, **options):
        seen.append((sorted(each.name for each in tmp_path.glob("epoch-*")), (path / "epoch-1" / "weights").exists()))
        remove(path, **options)

    def save(path):
        Path(path).mkdir()
        Path(path, "weights").write_text("w")

    checkpoints = Checkpoints(str(tmp_path))
    checkpoints.save(1, save)
    monkeypatch.setattr(shutil, "rmtree", look)
    checkpoints.save(2, save)
    assert seen == [(["epoch-2"], True)]


def test_a_save_to_another_path_is_an_error(tmp_path):
    """For example, numpy.savez adds a suffix. The message has it."""
    with pytest.raises(TrialError, match=r"numpy\.savez adds \.npz"):
        Checkpoints(str(tmp_path)).save(1, lambda path: Path(path + ".npz").write_text("w"))


def test_a_kill_during_a_save_keeps_the_previous_checkpoint(tmp_path):
    """The next attempt loads it and removes the incomplete one."""
    program = textwrap.dedent("""
        import os, signal, sys
        from pathlib import Path
        from toprung_trial.checkpoints import Checkpoints

        def die(path):
            Path(path).write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)

        checkpoints = Checkpoints(sys.argv[1])
        checkpoints.save(1, lambda path: Path(path).write_text("good"))
        checkpoints.save(2, die)
    """)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path)], env=environment, check=False)
    assert ended.returncode == -9
    assert len(list(tmp_path.iterdir())) == 2
    assert read(Checkpoints(str(tmp_path))) == (1, "good")
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-1"]
