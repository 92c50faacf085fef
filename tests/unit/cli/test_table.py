"""The live table, on a console that records it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from support.views import START, busy, condition, experiment, trial
from toprung.cli.display.table import bar_cells, live_view, sparkline
from toprung.cli.display.watcher import ExperimentView, view_of


def text(*views: ExperimentView, width: int = 110) -> str:
    console = Console(record=True, width=width, file=open("/dev/null", "w"), force_terminal=True)  # noqa: SIM115, PTH123
    with console.file:
        console.print(live_view(views, START + timedelta(seconds=75)))
    return console.export_text()


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("mnist Running · 1m15s · random + asha", id="title"),
        pytest.param("3/8 trials", id="bar"),
        pytest.param("2 running · 1 pending · 1 succeeded · 1 stopped · 1 failed · 2 not created", id="counts"),
        pytest.param("epoch 1: 3   epoch 3: 2   epoch 9: 1", id="rungs-without-the-failed"),
        pytest.param("acc 0.89093  mnist-0  epoch 9", id="best"),
        pytest.param("4/9", id="steps-of-a-running-trial"),
        pytest.param("lr=0.04", id="its-parameters"),
        pytest.param("mnist-4 (attempt 2)", id="attempt"),
        pytest.param("Blocked Unschedulable: ", id="blocked"),
        pytest.param("1 Insufficient GPU", id="message-of-the-scheduler"),
    ],
)
def test_the_table_has_all_parts(words):
    """They are progress, counts, rungs, the best trial and the running trials."""
    assert words in text(busy())


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_is_wider_than_the_screen(width):
    """A narrow terminal cuts parameters."""
    assert max(map(len, text(busy(), width=width).splitlines())) <= width


def test_a_pod_that_never_fits_the_machine_has_a_correction():
    """The table names the flag that simulates GPUs."""
    message = "Insufficient nvidia.com/gpu. preemption: 1 Preemption is not helpful for scheduling."
    blocked = experiment(conditions=[condition("Blocked", "Unschedulable", message)])
    assert "--gpus N" in text(view_of(blocked, ()))


def test_an_invalid_experiment_shows_its_errors():
    """They replace the table."""
    assert "maxTrialCount" in text(view_of(experiment(state="Invalid", maxTrialCount=0), ()))


def test_without_early_stopping_there_are_no_rungs():
    """Without a last step, only the step is shown."""
    shown = text(view_of(experiment(earlyStopping=None), (trial(0, curve=[(7, 0.5)]),)))
    assert "rungs" not in shown
    assert "STEP" in shown


def test_many_running_trials_are_counted():
    """Sixteen trials are listed, and the others are counted."""
    trials = tuple(trial(i) for i in range(20))
    assert "and 4 more" in text(view_of(experiment(maxTrialCount=20, parallelTrialCount=20), trials))


def test_only_conditions_that_hold_are_shown():
    """A condition that is False is not shown."""
    over = condition("Blocked", "Unblocked", "nothing keeps trials from starting", status="False")
    assert "Blocked" not in text(view_of(experiment(conditions=[over]), ()))


@given(st.lists(st.integers(0, 500), min_size=1, max_size=6), st.integers(0, 500), st.integers(1, 200))
def test_a_bar_has_room_for_all_cells(counts, rest, width):
    """The cells are never negative, fit the width, fill it when all trials have ended, and are off by less than
    one each.
    """
    total = sum(counts) + rest
    cells = bar_cells(counts, total, width)
    exact = [count / (total or 1) * width for count in counts]
    assert min(cells) >= 0
    assert sum(cells) == round(sum(exact)) <= width
    assert max(abs(cell - size) for cell, size in zip(cells, exact, strict=True)) <= 1


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        pytest.param([], "", id="none"),
        pytest.param([0.5], "▁", id="one"),
        pytest.param([1, 1], "▁▁", id="flat"),
        pytest.param([0, 7, 3.5], "▁█▅", id="from-least-to-most"),
        pytest.param(range(10), "▁▂▄▅▇█", id="the-newest"),
    ],
)
def test_a_sparkline_scales_the_last_values(values, drawn):
    """The scale is their range."""
    assert sparkline(list(values), 6) == drawn
