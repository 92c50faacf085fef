"""The log lines for changes of Trials and Experiments."""

import pytest

from support.views import busy, condition, experiment, trial
from toprung.cli.display.log_lines import experiment_lines, trial_line
from toprung.cli.display.watcher import full_trial, view_of

PENDING = trial(0, "Pending")


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        pytest.param(None, PENDING, None, id="created"),
        pytest.param(PENDING, trial(0), "mnist-0 started: lr=0.01", id="started"),
        pytest.param(None, trial(0), "mnist-0 started: lr=0.01", id="started-between-looks"),
        pytest.param(trial(0), trial(0, curve=[(1, 0.5)]), None, id="reported"),
        pytest.param(
            trial(0),
            trial(0, "Stopped", curve=[(3, 0.25)], message="last"),
            "mnist-0 stopped at step 3 with 0.25: last",
            id="stopped",
        ),
        pytest.param(
            PENDING,
            trial(0, "Succeeded", curve=[(1, 0.5), (2, 0.25)]),
            "mnist-0 succeeded at step 2 with 0.25 (best 0.5)",
            id="succeeded-between-looks",
        ),
        pytest.param(trial(0), trial(0, "Failed", message="exit code 2"), "mnist-0 failed: exit code 2", id="failed"),
        pytest.param(
            trial(0),
            trial(0, "Pending", attempt=2, message="node lost"),
            "mnist-0 is retried (attempt 2): node lost",
            id="retried",
        ),
        pytest.param(
            trial(0),
            trial(0, "Paused", curve=[(1, 0.5)], message="waits"),
            "mnist-0 paused at step 1 with 0.5: waits",
            id="paused",
        ),
    ],
)
def test_a_change_of_state_is_one_line(old, new, line):
    """An observation adds no line."""
    assert trial_line(full_trial(old) if old else None, full_trial(new)) == line


BLOCKED = condition("Blocked", "Unschedulable", "Pod a: no GPU")
FOREVER = "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
NO_GPU = condition("Blocked", "Unschedulable", f"Insufficient nvidia.com/gpu. {FOREVER}")
NO_MEMORY = condition("Blocked", "Unschedulable", f"1 Insufficient cpu, 1 Insufficient memory. {FOREVER}")
BUSY_GPU = condition("Blocked", "Unschedulable", "Insufficient nvidia.com/gpu. preemption: No preemption victims found")
BLOCKED_LATER = condition("Blocked", "Unschedulable", "Pod b: no GPU")


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        pytest.param(None, experiment(), ["mnist is Running"], id="first-look"),
        pytest.param(experiment(), experiment(), [], id="nothing"),
        pytest.param(experiment(), experiment(state="Succeeded"), ["mnist is Succeeded"], id="state"),
        pytest.param(
            experiment(), experiment(conditions=[BLOCKED]), ["Blocked (Unschedulable): Pod a: no GPU"], id="blocked"
        ),
        pytest.param(
            experiment(conditions=[BLOCKED]), experiment(conditions=[BLOCKED_LATER]), [], id="blocked-for-another-pod"
        ),
    ],
)
def test_changes_of_an_experiment_yield_lines(old, new, lines):
    """Each change of an Experiment yields one line."""
    assert list(experiment_lines(view_of(old, ()) if old else None, view_of(new, ()))) == lines


def test_a_new_best_trial_is_logged_with_its_configuration():
    """A condition that did not change yields no line."""
    view = busy()
    before = view_of(experiment(), ())
    assert "new best: acc 0.89093 by mnist-0, lr=0.01" in list(experiment_lines(before, view))
    assert not any("best" in line for line in experiment_lines(view, view))


@pytest.mark.parametrize(
    ("blocked", "advice"),
    [
        pytest.param(
            NO_GPU,
            ["Simulate GPUs by --gpus N where the cluster is started, or remove nvidia.com/gpu from the template."],
            id="no-gpu",
        ),
        pytest.param(
            NO_MEMORY,
            ["Request less cpu in the template.", "Request less memory in the template."],
            id="small-machine",
        ),
        pytest.param(BUSY_GPU, [], id="busy-gpu"),
    ],
)
def test_a_pod_that_never_fits_the_machine_has_a_correction(blocked, advice):
    """A Pod that waits for other Pods starts by itself."""
    [line] = experiment_lines(view_of(experiment(), ()), view_of(experiment(conditions=[blocked]), ()))
    assert line.splitlines()[1:] == advice
