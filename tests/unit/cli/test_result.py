"""The output at the end of a run."""

import io
import json

import pytest
import yaml
from rich.console import Console

from support.views import condition, experiment, trial
from toprung.cli.display.result import print_results, result, summary
from toprung.cli.display.watcher import view_of


@pytest.mark.parametrize(
    ("messages", "lines"),
    [
        pytest.param([], [], id="none"),
        pytest.param(["typo"], ["mnist-0 failed: typo"], id="one"),
        pytest.param(["typo"] * 9, ["mnist-0 and 8 more failed: typo"], id="one-cause"),
        pytest.param(["a", "b", "a"], ["mnist-0 and 1 more failed: a", "mnist-1 failed: b"], id="two-causes"),
        pytest.param(
            ["a", "b", "c", "d", "e", "d"],
            ["mnist-0 failed: a", "mnist-1 failed: b", "mnist-2 failed: c", "3 more failed"],
            id="many-causes",
        ),
    ],
)
def test_each_cause_of_failure_is_printed_once(messages, lines):
    """The line has the number of failed trials."""
    trials = [trial(index, "Failed", message=message) for index, message in enumerate(messages)]
    lines_of_summary = [str(text) for text in summary(view_of(experiment(), trials))]
    assert lines_of_summary[1:] == lines


AIMS = [{"metric": "acc", "type": "maximize"}, {"metric": "latency", "type": "minimize"}]


@pytest.mark.parametrize(
    ("size", "title"),
    [
        pytest.param(2, "Pareto front, 2 trials:", id="all"),
        pytest.param(90, "Pareto front, 90 trials, 2 listed:", id="some"),
    ],
)
def test_the_pareto_front_has_a_line_for_each_member(size, title):
    """The line has the values and the configuration. The JSON output has the front of the status."""
    body = experiment(objective=None, objectives=AIMS)
    front = [
        {"trial": "mnist-1", "values": {"acc": 0.9, "latency": 10}, "parameters": {"lr": 0.1}},
        {"trial": "mnist-0", "values": {"acc": 0.8, "latency": 5}, "parameters": {"lr": 0.2}},
    ]
    body["status"] |= {"paretoFront": front, "paretoFrontSize": size}
    view = view_of(body, ())
    assert [str(text) for text in summary(view)][1:] == [
        title,
        "  mnist-1: acc 0.9, latency 10, {lr: 0.1}",
        "  mnist-0: acc 0.8, latency 5, {lr: 0.2}",
    ]
    assert result(view)["paretoFront"] == front
    assert "paretoFront" not in result(view_of(experiment(), ()))


@pytest.mark.parametrize(("output", "parse"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_output_for_programs_is_a_list_of_results(output, parse, capsys):
    """Stdout has only the results, in the order of the Experiments."""
    views = [view_of(named(name), ()) for name in ("one", "two")]
    print_results(views, output, None, Console(file=io.StringIO()))
    assert parse(capsys.readouterr().out) == [result(view) for view in views]


def test_text_output_has_the_best_trial_and_a_plot_for_each_experiment(tmp_path):
    """The file of a plot has the name of its Experiment if there are several."""
    best = {"trial": "mnist-0", "value": 0.91234567, "step": 3, "parameters": {"lr": 0.01}}
    views = [view_of(named(name, state="Succeeded", best=best), (trial(0, curve=[(1, 0.5)]),)) for name in "ab"]
    console = Console(file=io.StringIO(), width=300)
    print_results(views, "text", tmp_path / "plot.png", console)
    lines = console.file.getvalue().splitlines()
    assert lines[:3] == ["a Succeeded: ", "best trial: mnist-0, acc 0.91235 at step 3", "parameters: {lr: 0.01}"]
    assert lines[-2:] == [f"plot: {tmp_path}/plot-a.png", f"plot: {tmp_path}/plot-b.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plot-a.png", "plot-b.png"]


def test_a_failed_experiment_has_a_correction():
    """The first line has the message of the condition."""
    failed = condition("Failed", "MaxFailedTrialsReached", "1 trial failed")
    lines = [str(text) for text in summary(view_of(experiment(state="Failed", conditions=[failed]), ()))]
    assert lines == ["mnist Failed: 1 trial failed", "Fix the cause, then run the same command with --fresh."]


def named(name, **fields):
    """Return an Experiment with a name."""
    body = experiment(**fields)
    body["metadata"] |= {"name": name, "uid": name}
    return body
