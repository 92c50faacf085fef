"""Runs the epochs of a trial: resumes from a checkpoint, saves checkpoints, and ends at the budget or at SIGTERM."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

from toprung_trial.checkpoints import Checkpoints
from toprung_trial.environment import TrialError, checkpoint_dir, resource

_TERMINATED = 128 + signal.SIGTERM


def epochs(
    load: Callable[[str], object] | None = None,
    save: Callable[[str], object] | None = None,
    *,
    every: int = 1,
    default: int | None = None,
) -> Iterator[int]:
    """Yield the remaining epochs, counted from 1: from the epoch after the checkpoint up to the budget.

    After the body of the loop, ``save(path)`` writes a file or folder at `path`, every ``every`` epochs and after the
    last one. A checkpoint is complete or absent, even if the program is killed. A later attempt starts with
    ``load(path)``. If the Experiment has no checkpoints, neither function is called.

    SIGTERM (the trial is stopped, suspended or evicted) ends the program with exit code 143. With checkpoints, the
    current epoch ends and is saved first. The loop handles the signal while it runs, and only in the main thread.

    Args:
        load: reads a checkpoint into the objects of the program.
        save: writes a checkpoint.
        every: number of epochs between two checkpoints.
        default: the last epoch if the Experiment sets no budget, or outside of a trial.

    Raises:
        TrialError: there is no budget and no default, or `save` wrote nothing.
        TypeError: only one of `load` and `save` is set.
    """
    last = resource() or default
    if last is None:
        raise TrialError("TOPRUNG_RESOURCE is not set. Set the last epoch: epochs(default=9).")
    if every < 1:
        raise ValueError(f"epochs(every={every}): must be at least 1")
    if load is None and save is None:
        return _train(last)
    if load is None or save is None:
        raise TypeError("epochs() requires both load and save, or neither")
    directory = checkpoint_dir()
    return _train(last) if directory is None else _train_resumably(last, every, Checkpoints(directory), load, save)


def _train(last: int) -> Iterator[int]:
    with _on_sigterm(_exit):
        yield from range(1, last + 1)


def _train_resumably(
    last: int,
    every: int,
    checkpoints: Checkpoints,
    load: Callable[[str], object],
    save: Callable[[str], object],
) -> Iterator[int]:
    start = checkpoints.load(load)
    terminated: list[int] = []
    with _on_sigterm(lambda number, _: terminated.append(number)):
        for epoch in range(start + 1, last + 1):
            yield epoch
            if epoch % every == 0 or epoch == last or terminated:
                checkpoints.save(epoch, save)
            if terminated and epoch < last:
                _exit()


def _exit(*_: object) -> None:
    raise SystemExit(_TERMINATED)


@contextlib.contextmanager
def _on_sigterm(handler: Callable[[int, Any], object]) -> Iterator[None]:
    """Handle SIGTERM. Without a handler, the first process of a container ignores it."""
    if not _in_main_thread():  # Python allows handlers only there
        yield
        return
    previous = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        if _in_main_thread():
            signal.signal(signal.SIGTERM, signal.SIG_DFL if previous is None else previous)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
