"""The epoch loop: resumes, checkpoints, and ends at the budget or when told to stop."""

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
    """The epochs that are left to train, counted from 1: after the checkpoint's, up to the budget.

    After the loop's body, ``save(path)`` writes a file or folder at path, each ``every`` epochs and after the last; a
    checkpoint is complete or absent, whenever the program is killed. A later attempt starts with ``load(path)``. Where
    the Experiment keeps no checkpoints, neither is called.

    SIGTERM (the trial is stopped, suspended or evicted) ends the program with exit code 143, as an attempt that did not
    come to its end: with checkpoints after the current epoch, which is saved first; without them at once. The
    signal's handler is the loop's as long as it runs, and only in the main thread.

    Args:
        load: reads a checkpoint into the program's own objects.
        save: writes them.
        every: epochs from checkpoint to checkpoint.
        default: the last epoch where the Experiment sets no budget or the program is run by hand.

    Raises:
        TrialError: there is no budget and no default; or save wrote nothing.
        TypeError: only one of load and save is given.
    """
    last = resource() or default
    if last is None:
        raise TrialError("TOPRUNG_RESOURCE is not set; say how long to train without it: epochs(default=9)")
    if every < 1:
        raise ValueError(f"epochs(every={every}): must be at least 1")
    if load is None and save is None:
        return _train(last)
    if load is None or save is None:
        raise TypeError("epochs() needs load and save together: a checkpoint that is never loaded is useless")
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
    told_to_stop: list[int] = []
    with _on_sigterm(lambda number, _: told_to_stop.append(number)):
        for epoch in range(start + 1, last + 1):
            yield epoch
            if epoch % every == 0 or epoch == last or told_to_stop:
                checkpoints.save(epoch, save)
            if told_to_stop and epoch < last:
                _exit()


def _exit(*_: object) -> None:
    raise SystemExit(_TERMINATED)


@contextlib.contextmanager
def _on_sigterm(handler: Callable[[int, Any], object]) -> Iterator[None]:
    """Handle SIGTERM: without a handler, the first process of a container does not even die of it."""
    if not _in_main_thread():  # Python allows handlers there alone
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
