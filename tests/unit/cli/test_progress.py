"""The progress of a run: lines in a log, and messages above a live table."""

import io
import re

import pytest
from rich.console import Console

from support.views import experiment, rising, trial
from toprung.cli.display.progress import progress_display
from toprung.cli.display.watcher import full_trial, view_of


def ignoring(index, uid="u-1"):
    """Return a trial of an Experiment, whose first report was ignored."""
    body = trial(index, curve=rising(1, 0.5))
    body["metadata"]["ownerReferences"][0]["uid"] = uid
    body["status"]["reports"] = {"ignored": [{"reason": "NoStep", "count": 1, "example": "acc=0.5"}]}
    return full_trial(body)


def shown(changes, *, terminal=False):
    """Return the output of a display that receives changes, with `[time]` in place of times."""
    output = io.StringIO()
    console = Console(file=output, force_terminal=terminal, width=200, no_color=True)
    with progress_display(console) as display:
        for change in changes:
            change(display)
    return re.sub(r"\[ *\d+s\]", "[time]", output.getvalue())


def test_a_change_of_state_is_a_line():
    """Further lines of a message are aligned with the first one."""
    failed = full_trial(trial(0, "Failed", message="exit code 1; its last lines:\nout of memory"))
    lines = shown([lambda display: display.trial_changed(full_trial(trial(0)), failed)]).splitlines()
    assert lines == ["[time] mnist-0 failed: exit code 1; its last lines:", " " * 9 + "out of memory"]


def test_an_unchanged_experiment_adds_no_line():
    """The second view of an Experiment is compared with the first one."""
    view = view_of(experiment(), ())
    once, twice = shown([lambda display: display.update([view])]), shown([lambda display: display.update([view])] * 2)
    assert once == twice != ""


@pytest.mark.parametrize("terminal", [False, True], ids=["log", "terminal"])
def test_ignored_reports_are_a_warning_once_for_each_experiment(terminal):
    """All trials of an Experiment run the same program, and those of another one may not."""
    trials = [ignoring(0), ignoring(1), ignoring(2, uid="u-2")]
    text = shown([lambda display, one=one: display.trial_changed(None, one) for one in trials], terminal=terminal)
    assert re.findall(r"warning: (mnist-\d)", text) == ["mnist-0", "mnist-2"]


def test_a_terminal_has_a_table_and_messages_above_it():
    """The table shows the state of trials, so that a change of state is no line."""
    started = full_trial(trial(0))
    changes = [
        lambda display: display.trial_changed(None, started),
        lambda display: display.print_line("plot: [a]"),
        lambda display: display.update([view_of(experiment(), (trial(0),))]),
    ]
    text = shown(changes, terminal=True)
    assert "plot: [a]" in text
    assert "mnist-0 started" not in text
    assert "mnist" in text.partition("plot: [a]")[2]
