"""Initial trials, exhaustion of the space, and the use of models."""

from dataclasses import replace
from math import log10

import pytest

from support.search import (
    ALGORITHMS,
    BATCH,
    CONDITIONAL,
    FINITE,
    FLAT,
    LR,
    evaluation,
    negative_sum,
    parameters,
    problem,
    run,
)
from toprung.errors import SearchFailed
from toprung.search.space import Space
from toprung.search.study import Study
from toprung.search.types import EvaluationState
from toprung.seeds import permuted, trial_seed

every_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)


@every_algorithm
def test_a_complete_initial_trial_is_used_unchanged(algorithm):
    """It has the exact types of the space, also after JSON. A duplicate runs twice."""
    initial = {"opt": "adam", "lr": 0.1}
    study = Study(problem(CONDITIONAL, algorithm, initial=[initial, initial]))
    answer = study.suggest([0, 1])
    assert [one.parameters for one in answer.suggestions] == [initial, initial]


@every_algorithm
def test_a_partial_initial_trial_is_completed(algorithm):
    """Its values stay. The others are suggested, including those that its values activate."""
    study = Study(problem(CONDITIONAL, algorithm, initial=[{"opt": "sgd", "lr": 0.02}] * 30))
    done = run(None, 30, negative_sum, study)
    space = Space.of(CONDITIONAL)
    assert [one.parameters["opt"] for one in done] == ["sgd"] * 30
    assert [one.parameters["lr"] for one in done] == [0.02] * 30
    assert [one.index for one in done if not {"momentum", "nesterov"} <= one.parameters.keys()] == []
    for one in done:
        space.positions(one.parameters)  # raises an error for a configuration outside of the space


@every_algorithm
def test_an_initial_trial_runs_in_an_exhausted_space(algorithm):
    """The user requested it explicitly."""
    space = parameters({"name": "layers", "type": "int", "min": 1, "max": 2})
    study = Study(problem(space, algorithm, initial=[{"layers": 1}] * 3))
    study.update([evaluation(10, {"layers": 1}), evaluation(11, {"layers": 2})])
    assert [one.parameters for one in study.suggest([2, 3]).suggestions] == [{"layers": 1}]


@every_algorithm
def test_exhaustion_is_reported_after_the_last_initial_trial(algorithm):
    """If other experiments have tried the whole space, all initial trials still run.

    Empty ones repeat a configuration.
    """
    space = parameters({"name": "layers", "type": "int", "min": 1, "max": 2})
    one, two = {"layers": 1}, {"layers": 2}
    experiment = replace(
        problem(space, algorithm, initial=[one, two, {}, one, two, {}]),
        prior=(evaluation(-1, one, 1.0), evaluation(-2, two, 2.0)),
    )
    study = Study(experiment)
    answers = [study.suggest(indices) for indices in ([0, 1], [2, 3], [4], [5])]
    assert [len(answer.suggestions) for answer in answers] == [2, 2, 1, 0]
    assert [answer.exhausted for answer in answers] == [False, False, True, True]


def test_an_initial_trial_outside_of_the_space_is_an_error():
    """The message has its index and the reason."""
    with pytest.raises(SearchFailed, match=r"spec.initialTrials\[1\]: lr: 5.0 is not within"):
        Study(problem(FLAT, initial=[{}, {"lr": 5.0}])).suggest([1])


@every_algorithm
def test_a_known_trial_keeps_its_configuration(algorithm):
    """The parameters of a Trial never change."""
    study = Study(problem(FLAT, algorithm))
    done = run(None, 5, negative_sum, study)
    assert study.suggest([3]).suggestions[0].parameters == done[3].parameters


@every_algorithm
def test_the_exhaustion_of_a_finite_space_is_reported(algorithm):
    """A larger batch receives the remaining configurations."""
    study = Study(problem(FINITE, algorithm))
    size = Space.of(FINITE).size
    answer = study.suggest(range(size + 3))
    assert len(answer.suggestions) == size
    assert answer.exhausted


def test_seeds_differ_by_experiment_and_trial():
    """They are constant across versions, because a change would affect running experiments."""
    assert len({trial_seed(seed, index) for seed in range(30) for index in range(30)}) == 900
    assert trial_seed(7, 3) == 5935294677521535344
    assert [permuted(7, 10, index) for index in range(10)] == [0, 8, 2, 4, 7, 9, 5, 3, 1, 6]


@every_algorithm
def test_experiments_with_other_seeds_have_other_suggestions(algorithm):
    """The first trials differ."""
    assert Study(problem(seed=1, algorithm=algorithm)).suggest([0]) != Study(
        problem(seed=2, algorithm=algorithm)
    ).suggest([0])


def same_as_random(history, **settings):
    tpe, random = Study(problem(**settings)), Study(problem(algorithm="random"))
    for study in (tpe, random):
        study.update(history)
    return tpe.suggest([99]) == random.suggest([99])


FIRST = [one.parameters for one in Study(problem(algorithm="random")).suggest(range(20)).suggestions]


@pytest.mark.parametrize(
    ("history", "random"),
    [
        pytest.param([evaluation(i, FIRST[i], 1.0) for i in range(9)], True, id="fewer-than-startup-trials"),
        pytest.param([evaluation(i, FIRST[i], 1.0) for i in range(10)], False, id="startup-trials-done"),
        pytest.param([evaluation(i, FIRST[i], -1e999) for i in range(20)], True, id="no-finite-score"),
        pytest.param(
            [evaluation(i, FIRST[i], 1.0, state=EvaluationState.FAILED) for i in range(20)], True, id="all-failed"
        ),
        pytest.param(
            [evaluation(i, FIRST[i], state=EvaluationState.RUNNING) for i in range(20)], True, id="all-running"
        ),
        pytest.param(
            [evaluation(i, FIRST[i], 1.0, state=EvaluationState.STOPPED, rungs=[(1, 1.0)]) for i in range(10)],
            False,
            id="stopped-at-a-rung",
        ),
        pytest.param(
            [evaluation(i, FIRST[i], state=EvaluationState.RUNNING, rungs=[(1, 1.0)]) for i in range(10)],
            False,
            id="running-with-rung-records",
        ),
        pytest.param(
            [
                evaluation(i, FIRST[i], 1.0, state=EvaluationState.STOPPED, rungs=[(1, 1.0), (3, -1e999)])
                for i in range(20)
            ],
            True,
            id="all-diverged-at-their-last-rung",
        ),
    ],
)
def test_the_model_waits_for_enough_records(history, random):
    """With fewer than startupTrials finite scores, tpe draws at random."""
    assert same_as_random(history) == random


def test_tpe_learns_from_stopped_trials():
    """After 30 trials that stopped at the first rung, most suggestions are in the best quarter of the range."""
    space, best = parameters(LR), 0
    for seed in range(5):
        points = Study(problem(space, "random", seed=seed)).suggest(range(30)).suggestions
        history = [
            evaluation(one.index, one.parameters, state=EvaluationState.STOPPED, rungs=[(1, one.parameters["lr"])])
            for one in points
        ]
        study = Study(problem(space, seed=seed))
        study.update(history)
        best += sum(one.parameters["lr"] > 0.01 for one in study.suggest(range(30, 50)).suggestions)
    assert best >= 60  # of 100; random search has 25


def test_tpe_avoids_failures():
    """If all trials above a bound fail and the others are equal, tpe suggests values above it half as often as
    random search.
    """
    space = parameters({"name": "x", "type": "double", "min": 0, "max": 1})
    failures = 0
    for seed in range(5):
        study = Study(problem(space, seed=seed))
        for index in range(60):
            configuration = study.suggest([index]).suggestions[0].parameters
            failed = configuration["x"] > 0.4
            failures += failed and index >= 30
            ended = evaluation(index, configuration, 0.5)
            study.update([replace(ended, state=EvaluationState.FAILED, score=None) if failed else ended])
    assert failures <= 0.5 * 0.6 * 5 * 30


def test_a_large_grid_needs_no_memory():
    """The grid has 10^60 points."""
    space = parameters(*({"name": f"x{n}", "type": "double", "min": 0, "max": 1} for n in range(60)))
    done = run(problem(space, "grid"), 50, negative_sum)
    assert len({tuple(one.parameters.values()) for one in done}) == 50


def test_grid_does_not_repeat_an_initial_trial_that_lies_on_it():
    """The other combinations follow, once each."""
    done = run(problem(parameters(BATCH), "grid", initial=[{"batch": 64}]), 10, negative_sum)
    assert done[0].parameters["batch"] == 64
    assert sorted(one.parameters["batch"] for one in done) == [32, 64, 128, 256]


def test_an_initial_trial_off_the_grid_replaces_no_grid_point():
    """All combinations of the grid run."""
    done = run(problem(parameters(LR), "grid", initial=[{"lr": 0.03}], points=4), 10, negative_sum)
    assert len(done) == 5


def test_sobol_points_are_balanced():
    """In 16 trials each of 4 values occurs 4 times. A point is a function of the seed and the index."""
    study = Study(problem(parameters(BATCH, LR), "qmc"))
    together = study.suggest(range(16)).suggestions
    batches = [one.parameters["batch"] for one in together]
    assert {batches.count(one) for one in (32, 64, 128, 256)} == {4}
    assert study.suggest([5]).suggestions[0] == together[5]
    assert Study(problem(parameters(BATCH, LR), "qmc")).suggest([11]).suggestions[0] == together[11]


def earlier(*configurations, state=EvaluationState.COMPLETE):
    """Return trials of other experiments. The closer lr is to 0.001, the better."""
    indexed = enumerate(configurations)
    return tuple(evaluation(-1 - n, one, -abs(log10(one["lr"]) + 3), state=state) for n, one in indexed)


@pytest.mark.parametrize("algorithm", ["tpe", "gp", "cmaes"])
def test_a_warm_start_replaces_random_draws(algorithm):
    """After twenty trials of another experiment, the first suggestions are near its best ones."""
    space = parameters(LR)
    prior = earlier(*(one.parameters for one in Study(problem(space, "random")).suggest(range(20)).suggestions))
    experiment = replace(problem(space, algorithm), prior=prior)
    first = [one.parameters["lr"] for one in Study(experiment).suggest(range(5)).suggestions]
    assert sum(1e-4 < lr < 1e-2 for lr in first) >= 4
    assert Study(experiment).suggest(range(5)) == Study(experiment).suggest(range(5))


def test_tpe_learns_from_each_trial_of_a_warm_start():
    """The first one, which is the best here, counts for any index."""
    prior = earlier(*({"lr": 0.001 * 1.1**n} for n in range(10)))
    later = tuple(replace(one, index=one.index - 1) for one in prior)
    first, second = (Study(replace(problem(parameters(LR)), prior=one)) for one in (prior, later))
    assert first.suggest(range(20)) == second.suggest(range(20))


@pytest.mark.parametrize(
    ("trial", "known"),
    [
        pytest.param({"opt": "adam", "layers": 2}, True, id="equal"),
        pytest.param({"opt": "adam", "layers": 2.0}, True, id="after-JSON"),
        pytest.param({"opt": "adam", "layers": 2, "width": 8}, True, id="one-parameter-more"),
        pytest.param({"opt": "adam", "layers": 2, "nesterov": True}, True, id="condition-is-new"),
        pytest.param({"opt": "adam"}, False, id="one-parameter-less"),
        pytest.param({"opt": "adam", "layers": 9}, False, id="outside"),
        pytest.param({"opt": "rmsprop", "layers": 2}, False, id="no-such-value"),
    ],
)
def test_configurations_of_a_warm_start_are_not_repeated(trial, known):
    """They must be in the space, possibly without parameters that it does not have."""
    prior = (evaluation(-1, trial, 1.0),)
    answer = Study(replace(problem(FINITE, "grid"), prior=prior)).suggest(range(100))
    assert len(answer.suggestions) == Space.of(FINITE).size - known
    assert answer.exhausted


def test_the_answer_counts_the_trials_in_the_space():
    """Equal ones count each."""
    prior = tuple(evaluation(-1 - n, {"lr": lr}, 1.0) for n, lr in enumerate((0.01, 0.01, 1.0, 0.1)))
    assert Study(replace(problem(parameters(LR)), prior=prior)).suggest([0]).prior_in_space == 3


def test_a_running_trial_of_another_experiment_is_ignored():
    """Its configuration can still be suggested."""
    prior = earlier({"lr": 0.001}, state=EvaluationState.RUNNING)
    experiment = replace(problem(parameters(LR), "grid", points=3), prior=prior)
    assert len(Study(experiment).suggest(range(3)).suggestions) == 3
