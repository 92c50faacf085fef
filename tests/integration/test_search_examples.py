"""The examples of search, on one embedded cluster, as a user runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are ended by their groups")

ROOT = Path(__file__).parents[2]
EXAMPLES = ("random", "grid", "qmc", "tpe", "conditional", "gp", "cmaes", "nsga2", "plugin")
PATIENCE = 180  # seconds; it only ends a test that hangs


def spec_of(name):
    return yaml.safe_load((ROOT / "examples" / f"{name}.yaml").read_text())["spec"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With what pip leaves of the plug-in, beside which the operator runs."""
    folder = tmp_path_factory.mktemp("examples")
    about = folder / "site" / "toprung_local_searcher-1.0.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toprung-local-searcher\nVersion: 1.0.0\n")
    (about / "entry_points.txt").write_text("[toprung.samplers]\nlocal-searcher = local_searcher:make\n")
    source = ROOT / "examples" / "plugins" / "local_searcher" / "local_searcher.py"
    (folder / "site" / "local_searcher.py").write_text(source.read_text())
    return folder


def toprung_run(folder, *examples):
    """Name of each example -> what `toprung run` says of it at the end."""
    together = yaml.safe_dump_all(yaml.safe_load((ROOT / "examples" / f"{name}.yaml").read_text()) for name in examples)
    (folder / "all.yaml").write_text(together)
    run = subprocess.run(
        [sys.executable, "-m", "toprung.cli", "run", "all.yaml", "--dir", "state", "--output", "json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "operator"), str(folder / "site")))},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    return {result["name"]: result for result in (found if isinstance(found, list) else [found])}


@pytest.fixture(scope="module")
def results(folder):
    return toprung_run(folder, *EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_ends_well(results, name):
    """All of its trials run, none fails, and the best is near the optimum; a grid ends when it is gone through."""
    trials = results[name]["trials"]
    assert results[name]["state"] == "Succeeded"
    assert trials["succeeded"] == trials["total"] == (9 if name == "grid" else spec_of(name)["maxTrialCount"])
    assert results[name]["best"]["value"] < 0.2


def test_several_objectives_end_in_a_front(results):
    """Each of its trials is better by the second objective than the one before, which is better by the first."""
    front = results["nsga2"]["front"]
    losses, latencies = zip(*((one["values"]["loss"], one["values"]["latency"]) for one in front), strict=True)
    assert len(front) > 1
    assert list(losses) == sorted(losses)
    assert list(latencies) == sorted(latencies, reverse=True)
    assert front[0]["trial"] == results["nsga2"]["best"]["trial"]
    assert all("front" not in result for name, result in results.items() if name != "nsga2")


def test_a_warm_start_begins_where_the_other_ended(results, folder):
    """With what tpe.yaml found no worse trial is the best, though it has but half as many."""
    warm = toprung_run(folder, "warm-start")["warm-start"]
    assert warm["trials"]["succeeded"] == spec_of("warm-start")["maxTrialCount"]
    assert warm["best"]["value"] < results["tpe"]["best"]["value"] + 0.05
