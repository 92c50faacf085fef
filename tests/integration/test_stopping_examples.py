"""The examples of early stopping, all on one embedded cluster, as a user runs them."""

import re
import sys

import pytest

from scenarios.examples import install_plugin, spec_of, stored_trials, toprung_run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are ended by their groups")

SAYS = {
    "asha-promotion": (r"at rung \d, .* it waits, and the experiment ended meanwhile",),
    "asha-stopping": (r"at rung \d, the best (\d )?continues?$",),
    "hyperband": (r"at rung \d, the best (\d )?continues?$",),
    "bohb": (r"at rung \d, .* it waits",),
    "successive-halving": (r"at rung \d, the best (\d )?continues?$",),
    "median": ("worse than the median of",),
    "threshold-patience": ("worse than the threshold 0.4", "no better by more than 0.001 than 3 steps before"),
    "stopper-plugin": ("is below -0.4",),
}
"""Example -> what some of its stopped trials say, in whatever order they came."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")
    install_plugin(folder / "site", "ceiling")
    return folder


@pytest.fixture(scope="module")
def results(folder):
    """Name of each example -> what `toprung run` says of it at the end."""
    return toprung_run(folder, *SAYS, "pbt")


def printed(folder, experiment, pattern):
    """(trial, attempt) -> what it printed of that."""
    found = {}
    for path in (folder / "state" / "logs").rglob("*"):
        if path.is_file() and (named := re.search(rf"_({experiment}-\d+)-(\d+)_", str(path))):
            found.setdefault((named[1], int(named[2])), []).extend(re.findall(pattern, path.read_text()))
    return found


def epochs(folder, experiment):
    """(trial, attempt) -> the epochs that it printed."""
    return {key: [int(epoch) for epoch in seen] for key, seen in printed(folder, experiment, r"epoch=(\d+)").items()}


@pytest.mark.parametrize("name", SAYS)
def test_an_example_ends_well_and_stops_losers(results, folder, name):
    """All of its trials run, none fails, some are stopped early and say by which rule, and the best is known."""
    trials = results[name]["trials"]
    assert results[name]["state"] == "Succeeded"
    assert trials["total"] == spec_of(name)["maxTrialCount"]
    assert (trials["failed"], trials["pending"], trials["running"], trials["paused"]) == (0, 0, 0, 0)
    assert results[name]["best"]["value"] < 0.5
    stopped = [each["status"] for each in stored_trials(folder)[name] if each["status"]["state"] == "Stopped"]
    assert len(stopped) == trials["stopped"]
    for words in SAYS[name]:
        assert any(re.search(words, each["message"]) for each in stopped), words


@pytest.mark.parametrize("name", ["hyperband", "bohb"])
def test_trials_are_spread_over_brackets(results, folder, name):
    """Those of a later one are first compared at a later rung."""
    first = {each["spec"]["bracket"]: each["status"]["rungs"][0]["resource"] for each in stored_trials(folder)[name]}
    assert first == {0: 1, 1: 3, 2: 9}


def test_halving_leaves_one_of_each_batch(results):
    """Of 18 trials in two batches exactly two reach the last rung."""
    trials = results["successive-halving"]["trials"]
    assert (trials["succeeded"], trials["stopped"]) == (2, 16)


def test_a_population_takes_over_from_its_best(results, folder):
    """All trials end by themselves; one that took over goes on with the other's checkpoint and other parameters."""
    trials = results["pbt"]["trials"]
    assert (trials["succeeded"], trials["total"]) == (4, 4)
    taken = {key: seen for key, seen in epochs(folder, "pbt").items() if key[1] > 1 and seen}
    assert taken
    assert min(seen[0] for seen in taken.values()) > 1
    rates = printed(folder, "pbt", r"rate=(\S+)")
    lineage = {each["metadata"]["name"]: each["status"].get("lineage", []) for each in stored_trials(folder)["pbt"]}
    for trial, attempt in taken:
        (entry,) = [entry for entry in lineage[trial] if entry["attempt"] == attempt]
        assert {float(rate) for rate in rates[trial, attempt]} == {entry["parameters"]["rate"]}


@pytest.mark.parametrize("name", ["asha-promotion", "successive-halving"])
def test_a_promoted_trial_goes_on_from_its_checkpoint(results, folder, name):
    """Its second attempt prints no first epoch again."""
    resumed = {key: seen for key, seen in epochs(folder, name).items() if key[1] > 1 and seen}
    assert resumed
    assert min(seen[0] for seen in resumed.values()) > 1
