"""The output at the end of a run."""

import pytest

from support.views import experiment, trial
from toprung.cli.display.result import result, summary
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
def test_failures(messages, lines):
    """Each cause of failure is printed once, with the number of failed trials."""
    trials = [trial(index, "Failed", message=message) for index, message in enumerate(messages)]
    told = [str(text) for text in summary(view_of(experiment(), trials))]
    assert told[1:] == lines


AIMS = [{"metric": "acc", "type": "maximize"}, {"metric": "latency", "type": "minimize"}]


@pytest.mark.parametrize(
    ("size", "title"),
    [
        pytest.param(2, "Pareto front, 2 trials:", id="all"),
        pytest.param(90, "Pareto front, 90 trials, 2 listed:", id="some"),
    ],
)
def test_the_front_of_several_objectives(size, title):
    """Each member has a line with its values and its configuration; the JSON output has the front of the status."""
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
