"""The epoch loop of the SDK: resuming, saving and SIGTERM."""

import signal
import threading
from pathlib import Path

import pytest

import toprung_trial as tr


class Model:
    """A model whose weights are the list of its epochs."""

    def __init__(self):
        self.epochs = []
        self.saved = []

    def load(self, path):
        self.epochs = [int(word) for word in Path(path).read_text().split()]

    def save(self, path):
        self.saved.append(self.epochs[-1])
        Path(path).write_text(" ".join(map(str, self.epochs)))

    def train(self, stop_at=None, **options):
        for epoch in tr.epochs(load=self.load, save=self.save, **options):
            self.epochs.append(epoch)
            if epoch == stop_at:
                signal.raise_signal(signal.SIGTERM)
        return self


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Set a trial's folder for checkpoints, which does not exist yet."""
    monkeypatch.delenv("TOPRUNG_RESOURCE", raising=False)
    monkeypatch.setenv("TOPRUNG_CHECKPOINT_DIR", str(tmp_path / "trial"))
    return tmp_path / "trial"


@pytest.fixture
def no_folder(monkeypatch):
    """Set the environment of an Experiment without checkpoints and without a budget."""
    for name in ("TOPRUNG_RESOURCE", "TOPRUNG_CHECKPOINT_DIR"):
        monkeypatch.delenv(name, raising=False)


def contents(folder):
    """Return the text of each file."""
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("resource", "default", "last"),
    [
        pytest.param("3", None, 3, id="the budget"),
        pytest.param("3", 9, 3, id="the budget before the default"),
        pytest.param(None, 2, 2, id="the default"),
    ],
)
def test_epochs_count_from_one_to_the_budget(no_folder, monkeypatch, resource, default, last):
    """The Experiment's budget precedes the program's default."""
    if resource:
        monkeypatch.setenv("TOPRUNG_RESOURCE", resource)
    assert list(tr.epochs(default=default)) == list(range(1, last + 1))


def test_without_any_budget_the_loop_is_an_error(no_folder):
    """Otherwise the trial would have no end."""
    with pytest.raises(tr.TrialError, match=r"epochs\(default=9\)"):
        tr.epochs()


@pytest.mark.parametrize("given", [{"load": print}, {"save": print}], ids=["load", "save"])
def test_load_and_save_must_both_be_set(given):
    """The error is raised before the first epoch."""
    with pytest.raises(TypeError, match="both load and save"):
        tr.epochs(default=1, **given)


def test_a_checkpoint_interval_is_positive():
    """With zero, no checkpoint would be saved."""
    with pytest.raises(ValueError, match="every=0"):
        tr.epochs(default=1, every=0)


def test_without_a_folder_nothing_is_saved(no_folder):
    """A program with checkpoints also runs without a folder for them."""
    assert Model().train(default=2).saved == []


@pytest.mark.parametrize(
    ("every", "saved"),
    [(1, [1, 2, 3, 4, 5]), (2, [2, 4, 5]), (5, [5]), (9, [5])],
)
def test_checkpoints_are_saved_at_the_interval_and_at_the_end(folder, every, saved):
    """A promotion resumes from the last epoch, so it is saved for any interval."""
    assert Model().train(default=5, every=every).saved == saved
    assert contents(folder) == {"epoch-5": "1 2 3 4 5"}


def test_a_later_attempt_resumes_after_the_checkpoint(folder):
    """Two consecutive budgets are one training."""
    Model().train(default=3)
    assert Model().train(default=9).epochs == list(range(1, 10))


def test_a_finished_trial_loads_and_does_not_train(folder):
    """A retry after the last epoch has its model."""
    Model().train(default=3)
    again = Model().train(default=3)
    assert (again.epochs, again.saved) == ([1, 2, 3], [])


@pytest.mark.parametrize("every", [1, 4])
def test_sigterm_saves_the_current_epoch_and_ends_as_unfinished(folder, every):
    """The epoch is finished and saved, and the exit code is that of an interrupted program."""
    with pytest.raises(SystemExit) as end:
        Model().train(default=9, every=every, stop_at=3)
    assert end.value.code == 143
    assert contents(folder) == {"epoch-3": "1 2 3"}
    assert Model().train(default=9).epochs == list(range(1, 10))


def test_sigterm_in_the_last_epoch_lets_the_trial_finish(folder):
    """A trial that reached its budget has succeeded."""
    assert Model().train(default=3, stop_at=3).epochs == [1, 2, 3]


def test_sigterm_without_checkpoints_exits_immediately(no_folder):
    """The current epoch is not finished."""
    model = Model()
    with pytest.raises(SystemExit) as end:
        model.train(default=9, stop_at=3)
    assert (end.value.code, model.epochs) == (143, [1, 2, 3])


@pytest.mark.parametrize("leave", ["exhausted", "closed"])
def test_the_handler_of_sigterm_is_restored(folder, leave):
    """Before and after the loop the program handles the signal."""

    def own(*_):
        raise AssertionError

    before = signal.signal(signal.SIGTERM, own)
    try:
        loop = tr.epochs(default=2)
        next(loop)
        assert signal.getsignal(signal.SIGTERM) is not own
        list(loop) if leave == "exhausted" else loop.close()
        assert signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_thread_can_train(folder):
    """Signal handlers belong to the main thread. In other threads the loop sets none."""
    model = Model()
    thread = threading.Thread(target=model.train, kwargs={"default": 2})
    thread.start()
    thread.join()
    assert model.epochs == [1, 2]
