"""The output of `toprung local status`."""

import pytest
from rich.console import Console

from toprung.cli.display.cluster_status import ClusterStatus, ExperimentLine, render_status

UP = ClusterStatus(
    folder="/s",
    pid=7,
    address="http://127.0.0.1:5",
    kubeconfig="/s/kubeconfig",
    pods_running=2,
    gpus=4,
    gpus_free=1,
    experiments=(ExperimentLine("team", "mnist", "Running", "3/8", 2, 0.91),),
)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        pytest.param(ClusterStatus("/s"), "down", id="down"),
        pytest.param(UP, "http://127.0.0.1:5", id="address"),
        pytest.param(UP, "process 7", id="process"),
        pytest.param(UP, "2 Pods running, 1 of 4 GPUs free", id="use"),
        pytest.param(UP, "team       mnist       Running  3/8   2        0.91", id="experiments"),
    ],
)
def test_the_status_has_state_address_and_experiments(status, words):
    """The output of `toprung local status` also has the process."""
    console = Console(width=100)
    with console.capture() as captured:
        console.print(render_status(status))
    assert words in captured.get()
