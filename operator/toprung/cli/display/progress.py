"""Two ways to show a run: a table that is drawn anew where people look, and lines where they are read later."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

from rich.console import Console
from rich.live import Live

from toprung.cli.display.format import duration
from toprung.cli.display.log_lines import ignored_line, scene_lines, trial_line
from toprung.cli.display.table import live_view
from toprung.cli.display.watcher import ExperimentView
from toprung.objects.trial import TrialRecord

_INDENT = "\n" + " " * 9
"""A program's last words stand below what is said of it, not below the time."""


class ProgressDisplay(Protocol):
    """Is told what there is to see."""

    def trial(self, old: TrialRecord | None, new: TrialRecord) -> None:
        """A trial has changed."""

    def scenes(self, scenes: Sequence[ExperimentView]) -> None:
        """This is how it stands."""

    def note(self, line: str) -> None:
        """There is something to be told once."""


@contextmanager
def shown(console: Console) -> Iterator[ProgressDisplay]:
    """Give the way that suits the console."""
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            yield _Table(live)
    else:
        yield _Lines(console)


class _Table:
    def __init__(self, live: Live) -> None:
        self._live = live
        self._warned: set[str] = set()

    def trial(self, old: TrialRecord | None, new: TrialRecord) -> None:
        """Print a warning; the next drawing shows all else."""
        if (line := _warning(self._warned, old, new)) is not None:
            self.note(line)

    def scenes(self, scenes: Sequence[ExperimentView]) -> None:
        """Draw."""
        self._live.update(live_view(scenes, datetime.now(UTC)), refresh=True)

    def note(self, line: str) -> None:
        """Print it above the table."""
        self._live.console.print(line, markup=False, highlight=False, soft_wrap=True)


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = datetime.now(UTC)
        self._last: dict[str, ExperimentView] = {}
        self._warned: set[str] = set()

    def trial(self, old: TrialRecord | None, new: TrialRecord) -> None:
        """Print a line where it is worth one."""
        if (warning := _warning(self._warned, old, new)) is not None:
            self._print(warning)
        if line := trial_line(old, new):
            self._print(line)

    def scenes(self, scenes: Sequence[ExperimentView]) -> None:
        """Print what has changed."""
        for scene in scenes:
            for line in scene_lines(self._last.get(scene.experiment.uid), scene):
                self._print(line)
            self._last[scene.experiment.uid] = scene

    def note(self, line: str) -> None:
        """Print it."""
        self._print(line)

    def _print(self, line: str) -> None:
        elapsed = duration(datetime.now(UTC) - self._began)
        text = line.replace("\n", _INDENT)
        self._console.print(f"[{elapsed:>6}] {text}", markup=False, highlight=False, soft_wrap=True)


def _warning(warned: set[str], old: TrialRecord | None, new: TrialRecord) -> str | None:
    """Return a warning about reports that did not count, once for each Experiment: its trials run one program."""
    line = ignored_line(old, new)
    if line is None or new.controller_uid in warned:
        return None
    warned.add(new.controller_uid)
    return line
