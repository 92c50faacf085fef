"""The examples of early stopping, all on one embedded cluster, as a user runs them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are ended by their groups")

ROOT = Path(__file__).parents[2]
EXAMPLES = ("asha-promotion", "hyperband", "bohb", "successive-halving", "median", "threshold-patience")
PATIENCE = 120  # seconds; it only ends a test that hangs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("examples")


@pytest.fixture(scope="module")
def results(folder):
    """Name of each example -> what `toprung run` says of it at the end."""
    examples = (ROOT / "examples" / f"{name}.yaml" for name in (*EXAMPLES, "pbt"))
    together = yaml.safe_dump_all(yaml.safe_load(example.read_text()) for example in examples)
    (folder / "all.yaml").write_text(together)
    run = subprocess.run(
        [sys.executable, "-m", "toprung.cli", "run", "all.yaml", "--dir", "state", "--output", "json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "operator")},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return {result["name"]: result for result in json.loads(run.stdout)}


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


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_ends_well_and_stops_losers(results, name):
    """All of its trials run, none fails, some are stopped early, and the best is known."""
    trials = results[name]["trials"]
    assert results[name]["state"] == "Succeeded"
    assert trials["total"] == yaml.safe_load((ROOT / "examples" / f"{name}.yaml").read_text())["spec"]["maxTrialCount"]
    assert (trials["failed"], trials["pending"], trials["running"], trials["paused"]) == (0, 0, 0, 0)
    assert trials["stopped"] > 0
    assert results[name]["best"]["value"] < 0.5


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
    assert all(set(rates[trial, attempt]).isdisjoint(rates[trial, attempt - 1]) for trial, attempt in taken)


@pytest.mark.parametrize("name", ["asha-promotion", "successive-halving"])
def test_a_promoted_trial_goes_on_from_its_checkpoint(results, folder, name):
    """Its second attempt prints no first epoch again."""
    resumed = {key: seen for key, seen in epochs(folder, name).items() if key[1] > 1 and seen}
    assert resumed
    assert min(seen[0] for seen in resumed.values()) > 1
