"""Shows the progress of a run: as a live table on a terminal, as lines in a log."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

from rich.console import Console
from rich.live import Live

from toprung.cli.display.format import duration
from toprung.cli.display.log_lines import experiment_lines, ignored_line, trial_line
from toprung.cli.display.table import live_view
from toprung.cli.display.watcher import ExperimentView
from toprung.objects.trial import TrialRecord

_INDENT = "\n" + " " * 9
"""Aligns further lines of a message with the first one, after the time."""


class ProgressDisplay(Protocol):
    """Shows Experiments and their Trials while they change."""

    def trial_changed(self, old: TrialRecord | None, new: TrialRecord) -> None:
        """Show the change of a trial."""

    def update(self, views: Sequence[ExperimentView]) -> None:
        """Show the current state of all Experiments."""

    def print_line(self, line: str) -> None:
        """Print a message once."""


@contextmanager
def progress_display(console: Console) -> Iterator[ProgressDisplay]:
    """Open a live table if the console is a terminal, otherwise print lines."""
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            yield _Table(live)
    else:
        yield _Lines(console)


class _Table:
    def __init__(self, live: Live) -> None:
        self._live = live
        self._warned: set[str] = set()

    def trial_changed(self, old: TrialRecord | None, new: TrialRecord) -> None:
        """Print a warning. The next update shows everything else."""
        if (line := _warning(self._warned, old, new)) is not None:
            self.print_line(line)

    def update(self, views: Sequence[ExperimentView]) -> None:
        """Draw the table."""
        self._live.update(live_view(views, datetime.now(UTC)), refresh=True)

    def print_line(self, line: str) -> None:
        """Print a message above the table."""
        self._live.console.print(line, markup=False, highlight=False, soft_wrap=True)


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = datetime.now(UTC)
        self._last: dict[str, ExperimentView] = {}
        self._warned: set[str] = set()

    def trial_changed(self, old: TrialRecord | None, new: TrialRecord) -> None:
        """Print a line for a new state, and for a warning."""
        if (warning := _warning(self._warned, old, new)) is not None:
            self.print_line(warning)
        if line := trial_line(old, new):
            self.print_line(line)

    def update(self, views: Sequence[ExperimentView]) -> None:
        """Print a line for each change of an Experiment."""
        for view in views:
            for line in experiment_lines(self._last.get(view.experiment.uid), view):
                self.print_line(line)
            self._last[view.experiment.uid] = view

    def print_line(self, line: str) -> None:
        """Print a message after the elapsed time."""
        elapsed = duration(datetime.now(UTC) - self._began)
        text = line.replace("\n", _INDENT)
        self._console.print(f"[{elapsed:>6}] {text}", markup=False, highlight=False, soft_wrap=True)


def _warning(warned: set[str], old: TrialRecord | None, new: TrialRecord) -> str | None:
    """Return a warning about ignored reports, once for each Experiment, because its trials run the same program."""
    line = ignored_line(old, new)
    if line is None or new.controller_uid in warned:
        return None
    warned.add(new.controller_uid)
    return line
