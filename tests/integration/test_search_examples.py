"""The examples of search, on one embedded cluster."""

import re
import sys

import pytest

from scenarios.examples import install_plugin, manifest_of, spec_of, stored_objects, stored_trials, toprung_run
from toprung.api.loader import load_experiment
from toprung.search.study import Study
from toprung.search.types import Problem

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are ended by their groups")

EXAMPLES = ("random", "grid", "qmc", "tpe", "conditional", "gp", "cmaes", "nsga2", "plugin")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")
    install_plugin(folder / "site", "local_searcher")
    return folder


@pytest.fixture(scope="module")
def results(folder):
    return toprung_run(folder, *EXAMPLES)


@pytest.fixture(scope="module")
def tried(results, folder):
    """Return the configurations of each experiment, ordered by index."""
    return {name: [each["spec"]["parameters"] for each in trials] for name, trials in stored_trials(folder).items()}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_succeeds(results, name):
    """All trials succeed, and the best is near the optimum. A grid ends once it is exhausted."""
    trials = results[name]["trials"]
    assert results[name]["state"] == "Succeeded"
    assert trials["succeeded"] == trials["total"] == (9 if name == "grid" else spec_of(name)["maxTrialCount"])
    assert results[name]["best"]["value"] < 0.2


@pytest.mark.parametrize(("name", "startup"), [("qmc", 0), ("cmaes", 0), ("tpe", 6), ("gp", 6), ("plugin", 6)])
def test_an_example_shows_its_algorithm(tried, name, startup):
    """With the space and seed of random.yaml, the startup trials are those of random.yaml, and the later ones
    are not all.
    Some later ones are, because they are requested before the startup trials end or the plug-in draws them at
    random.
    """
    same = [one == other for one, other in zip(tried[name], tried["random"], strict=False)]
    assert same[:startup] == [True] * startup
    assert False in same[startup:]


def test_several_objectives_have_a_pareto_front(results):
    """Each trial of the front is better by the second objective than the trial before it, which is better by
    the first.
    """
    front = results["nsga2"]["paretoFront"]
    losses, latencies = zip(*((one["values"]["loss"], one["values"]["latency"]) for one in front), strict=True)
    assert len(front) > 1
    assert list(losses) == sorted(losses)
    assert list(latencies) == sorted(latencies, reverse=True)
    assert front[0]["trial"] == results["nsga2"]["best"]["trial"]
    assert [name for name, result in results.items() if "paretoFront" in result] == ["nsga2"]


def test_a_warm_start_needs_no_startup_trials(results, folder):
    """With the trials of tpe.yaml, no configuration is the one that would be drawn without them."""
    warm = toprung_run(folder, "warm-start")["warm-start"]
    spec = load_experiment(manifest_of("warm-start")).spec
    assert warm["trials"]["succeeded"] == spec.max_trial_count
    cold = Study(Problem("cold", spec.parameters, (), spec.algorithm, spec.algorithm.seed))
    startup = cold.suggest(range(spec.algorithm.tpe.startup_trials)).suggestions
    found = stored_trials(folder)["warm-start"]
    assert [one.index for one in startup if one.parameters == found[one.index]["spec"]["parameters"]] == []
    assert found[0]["status"]["best"]["value"] < 0.2
    (event,) = [each for each in stored_objects(folder, "events") if each["reason"] == "WarmStart"]
    assert re.fullmatch(r"spec.warmStart: [1-9]\d* of 16 trials of tpe lie in this space", event["message"])
