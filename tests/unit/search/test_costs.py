"""The messages for requests that exceed a limit, and the requests that are slow."""

from dataclasses import replace

import pytest

from support.search import FLAT, evaluation, problem
from toprung.search.costs import heavy, learns, startup, too_large, too_slow
from toprung.search.types import EvaluationState


@pytest.mark.parametrize(
    ("algorithm", "settings", "remedy"),
    [
        pytest.param("tpe", {"eiCandidates": 500}, "Reduce spec.algorithm.tpe.eiCandidates (500)", id="tpe"),
        pytest.param(
            "gp",
            {"maxObservations": 300},
            "Reduce spec.algorithm.gp.maxObservations (300) or the categorical values",
            id="gp",
        ),
        pytest.param("plugin", {"name": "mine"}, "Correct the plug-in or its settings", id="plug-in"),
        pytest.param("cmaes", {}, "Reduce the number of parameters or of values", id="another"),
    ],
)
def test_an_exceeded_limit_has_a_correction_for_its_sampler(algorithm, settings, remedy):
    """The message has the limit and the size of the request."""
    experiment = problem(FLAT, algorithm, **settings)
    end = f", with 6 parameters and 40 trials. {remedy}; or use spec.algorithm.random: {{}}."
    name = experiment.algorithm.sampler
    assert too_slow(experiment, 40, 60.0) == f"{name} took longer than 60 s for one trial{end}"
    assert too_large(experiment, 40, 192) == f"{name} needs more than 192 MiB for one trial{end}"


@pytest.mark.parametrize(
    ("algorithm", "settings", "needed"),
    [
        pytest.param("tpe", {"startupTrials": 3}, 3, id="tpe"),
        pytest.param("tpe", {"startupTrials": 0}, 1, id="tpe-without-startup-trials"),
        pytest.param("gp", {"startupTrials": 4}, 4, id="gp"),
        pytest.param("nsga2", {"populationSize": 5}, 5, id="nsga2"),
    ],
)
def test_startup_trials_end_with_enough_results(algorithm, settings, needed):
    """Trials that run without a record do not count. Trials of a warm start do."""
    experiment = problem(FLAT, algorithm, **settings)
    done = {index: evaluation(index, {}, 0.5) for index in range(needed - 1)}
    running = {99: evaluation(99, {}, state=EvaluationState.RUNNING)}
    one_more = {50: evaluation(50, {}, 0.5)}
    assert startup(experiment, done | running)
    assert not startup(experiment, done | one_more)
    assert not startup(replace(experiment, prior=(evaluation(-1, {}, 0.5),)), done)


@pytest.mark.parametrize("algorithm", ["random", "grid", "qmc"])
def test_samplers_that_draw_do_not_learn(algorithm):
    """They have no startup trials, and no request is slow."""
    experiment = problem(FLAT, algorithm)
    assert not learns(experiment.algorithm)
    assert not heavy(experiment, 10**9)


def test_the_cost_of_tpe_grows_with_candidates_parameters_and_trials():
    """A request is slow above a product of all three."""
    experiment = problem(FLAT, "tpe", eiCandidates=1024)
    assert learns(experiment.algorithm)
    assert not heavy(experiment, 2**24 // (1024 * 6))
    assert heavy(experiment, 2**24 // (1024 * 6) + 1)
