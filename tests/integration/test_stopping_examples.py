"""The examples of early stopping, on one embedded cluster."""

import re
import sys

import pytest

from scenarios.examples import install_plugin, spec_of, stored_trials, toprung_run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are ended by their groups")

MESSAGES = {
    "asha-promotion": (r"at rung \d, .* paused; stopped because the experiment ended",),
    "asha-stopping": (r"at rung \d, the best (\d )?continues?$",),
    "hyperband": (r"at rung \d, the best (\d )?continues?$",),
    "bohb": (r"at rung \d, .* paused",),
    "successive-halving": (r"at rung \d, the best (\d )?continues?$",),
    "median": ("worse than the median of",),
    "threshold-patience": ("worse than the threshold 0.4", "no improvement of more than 0.001 in the 3 steps before"),
    "stopper-plugin": ("is below -0.4",),
}
"""Patterns that messages of each example's stopped trials match."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")
    install_plugin(folder / "site", "ceiling")
    return folder


@pytest.fixture(scope="module")
def results(folder):
    """Run the examples and return their results by name."""
    return toprung_run(folder, *MESSAGES, "pbt")


def printed(folder, experiment, pattern):
    """Return the groups of a pattern in the output of each (trial, attempt)."""
    found = {}
    for path in (folder / "state" / "logs").rglob("*"):
        if path.is_file() and (named := re.search(rf"_({experiment}-\d+)-(\d+)_", str(path))):
            found.setdefault((named[1], int(named[2])), []).extend(re.findall(pattern, path.read_text()))
    return found


def epochs(folder, experiment):
    """Return the epochs that each (trial, attempt) printed."""
    return {key: [int(epoch) for epoch in seen] for key, seen in printed(folder, experiment, r"epoch=(\d+)").items()}


@pytest.mark.parametrize("name", MESSAGES)
def test_an_example_succeeds_and_stops_trials_early(results, folder, name):
    """No trial fails. Some stop early, with messages of their rule, and there is a best trial."""
    trials = results[name]["trials"]
    assert results[name]["state"] == "Succeeded"
    assert trials["total"] == spec_of(name)["maxTrialCount"]
    assert (trials["failed"], trials["pending"], trials["running"], trials["paused"]) == (0, 0, 0, 0)
    assert results[name]["best"]["value"] < 0.5
    stopped = [each["status"] for each in stored_trials(folder)[name] if each["status"]["state"] == "Stopped"]
    assert len(stopped) == trials["stopped"]
    unmatched = [each for each in MESSAGES[name] if not any(re.search(each, one["message"]) for one in stopped)]
    assert unmatched == []


@pytest.mark.parametrize("name", ["hyperband", "bohb"])
def test_trials_are_spread_over_brackets(results, folder, name):
    """Trials of a later bracket have a higher first rung."""
    first = {each["spec"]["bracket"]: each["status"]["rungs"][0]["resource"] for each in stored_trials(folder)[name]}
    assert first == {0: 1, 1: 3, 2: 9}


def test_one_trial_of_each_batch_reaches_the_last_rung(results):
    """Of 18 trials in two batches exactly two reach the last rung."""
    trials = results["successive-halving"]["trials"]
    assert (trials["succeeded"], trials["stopped"]) == (2, 16)


def test_a_trial_exploits_a_better_one(results, folder):
    """All trials succeed. A trial that exploits resumes from the source's checkpoint with other parameters."""
    trials = results["pbt"]["trials"]
    assert (trials["succeeded"], trials["total"]) == (4, 4)
    exploits = {key: seen for key, seen in epochs(folder, "pbt").items() if key[1] > 1 and seen}
    assert exploits
    assert min(seen[0] for seen in exploits.values()) > 1
    rates = printed(folder, "pbt", r"rate=(\S+)")
    lineage = {each["metadata"]["name"]: each["status"].get("lineage", []) for each in stored_trials(folder)["pbt"]}
    expected = {
        (trial, attempt): [each["parameters"]["rate"] for each in lineage[trial] if each["attempt"] <= attempt][-1:]
        for trial, attempt in exploits
    }
    assert {key: sorted({float(rate) for rate in rates[key]}) for key in exploits} == expected


@pytest.mark.parametrize("name", ["asha-promotion", "successive-halving"])
def test_a_promoted_trial_resumes_from_its_checkpoint(results, folder, name):
    """Its second attempt does not print the first epoch again."""
    resumed = {key: seen for key, seen in epochs(folder, name).items() if key[1] > 1 and seen}
    assert resumed
    assert min(seen[0] for seen in resumed.values()) > 1
