"""The trials of a long history to which a model is fitted."""

from dataclasses import replace

import pytest

from support.proposals import RECORDED, digest
from support.search import FLAT, evaluation, negative_sum, parameters, problem, run
from toprung.api.v1alpha1.algorithms import TpeSettings
from toprung.api.v1alpha1.parameters import Parameter
from toprung.search.samplers import cmaes, nsga2, tpe
from toprung.search.samplers.model_trials import MAX_MODEL_TRIALS, select_trials
from toprung.search.space import Space
from toprung.search.study import Study
from toprung.seeds import derive

SCORED = {index: (True, 0, float(index % 10)) for index in range(100)}


def test_a_model_is_fitted_to_all_of_few_trials():
    """This includes trials without a score."""
    scores = {0: None, **{index: SCORED[index] for index in range(1, 5)}}
    assert set(select_trials(scores, 5)) == {0, 1, 2, 3, 4}


def test_a_model_is_fitted_to_the_best_and_the_newest_of_many_trials():
    """Half of the window is for each. Of equal trials the older one is used."""
    assert sorted(select_trials(SCORED, 10)) == [9, 19, 29, 39, 49, 95, 96, 97, 98, 99]


def test_a_model_is_fitted_to_the_best_trials_by_each_objective():
    """Half of the window is divided among the objectives."""
    scores = {index: (float(-index), float(-abs(index - 50))) for index in range(100)}
    assert sorted(select_trials(scores, 8)) == [0, 1, 49, 50, 96, 97, 98, 99]


@pytest.mark.parametrize("scores", [SCORED, dict.fromkeys(range(100))], ids=["scored", "none"])
def test_the_window_does_not_depend_on_the_order_of_arrival(scores):
    """A restarted operator fits to the same trials."""
    backwards = dict(sorted(scores.items(), reverse=True))
    assert set(select_trials(backwards, 10)) == set(select_trials(scores, 10))
    assert len(select_trials(scores, 10)) == 10


CATEGORIES = tuple(f"value-{number}" for number in range(256))


@pytest.mark.parametrize(
    ("width", "values", "candidates", "most"),
    [
        pytest.param(8, 0, 12, MAX_MODEL_TRIALS, id="usual"),
        pytest.param(64, 0, 12, MAX_MODEL_TRIALS, id="many-parameters"),
        pytest.param(64, 0, 4000, 262, id="many-candidates"),
        pytest.param(64, 0, 10_000, 250, id="most-candidates"),
        pytest.param(64, 256, 12, 256, id="most-categories"),
    ],
)
def test_the_window_of_tpe_depends_on_time_and_memory(width, values, candidates, most):
    """It has at least the trials of which Optuna uses the maximum as good ones."""
    kind = {"type": "categorical", "values": CATEGORIES[:values]} if values else {"type": "double", "min": 0, "max": 1}
    space = Space.of(tuple(Parameter(name=f"p{n}", **kind) for n in range(width)))
    assert tpe._max_trials(space, TpeSettings(ei_candidates=candidates)) == most


BOUNDED = [("tpe", tpe, "_MIN_TRIALS"), ("nsga2", nsga2, "MAX_MODEL_TRIALS"), ("cmaes", cmaes, "_BLOCK")]


@pytest.mark.parametrize(("algorithm", "module", "bound"), BOUNDED, ids=[one[0] for one in BOUNDED])
def test_a_restart_with_a_long_history_changes_no_suggestion(monkeypatch, algorithm, module, bound):
    """A study that is built from the history has the suggestions of the running one."""
    monkeypatch.setattr(module, bound, 20)
    monkeypatch.setattr(tpe, "_WORK", 1)
    experiment = problem(FLAT, algorithm)
    study = Study(experiment)
    done = run(experiment, 60, negative_sum, study)
    changed = replace(done[30], score=100.0)
    study.update([changed])
    rebuilt = Study(experiment)
    rebuilt.update([changed, *(one for one in reversed(done) if one.index != 30)])
    assert rebuilt.suggest([60, 61]) == study.suggest([60, 61])


@pytest.mark.parametrize("space", ["flat", "conditional", "finite"])
def test_comparing_candidates_in_parts_changes_no_suggestion(monkeypatch, space):
    """The parts have one candidate each."""
    monkeypatch.setattr(tpe, "_PART", 1)
    assert digest("tpe", space, 1, 18) == RECORDED["tpe", space, 1, 18]


@pytest.mark.parametrize("algorithm", ["random", "tpe", "nsga2", "cmaes", "qmc"])
def test_a_discrete_branch_of_an_infinite_space_is_not_tried_twice(algorithm):
    """Once its only configuration was tried, the suggestions are of the other branch, which is infinite."""
    branches = parameters(
        {"name": "model", "type": "categorical", "values": [*"abcdefgh", "deep"]},
        {"name": "depth", "type": "double", "min": 0, "max": 1, "when": {"parameter": "model", "in": ["deep"]}},
    )
    experiment = problem(branches, algorithm)
    done = run(experiment, 40, lambda configuration: float(derive(1, *configuration.values()) % 1000))
    assert len({tuple(one.parameters.items()) for one in done}) == 40


@pytest.mark.parametrize(
    ("low", "high", "scale"),
    [
        pytest.param(-8e307, 8e307, "linear", id="wide"),
        pytest.param(1.6e308, 1.7e308, "linear", id="sum-overflows"),
        pytest.param(0.0, 5e-324, "linear", id="smallest"),
        pytest.param(5e-324, 1.7e308, "log", id="wide-log"),
        pytest.param(1e300, 1.0000000000000002e300, "log", id="neighbours-log"),
        pytest.param(1.0, 1.0000000000000002, "linear", id="neighbours"),
    ],
)
@pytest.mark.parametrize("algorithm", ["random", "grid", "qmc", "tpe", "nsga2", "cmaes"])
def test_suggestions_of_extreme_ranges_are_within_the_range(algorithm, low, high, scale):
    """They are therefore not NaN."""
    extreme = parameters({"name": "x", "type": "double", "min": low, "max": high, "scale": scale})
    done = run(problem(extreme, algorithm), 40, lambda configuration: configuration["x"] / 2)
    assert done
    assert [one.parameters["x"] for one in done if not low <= one.parameters["x"] <= high] == []


@pytest.mark.parametrize("algorithm", ["random", "grid", "qmc", "tpe", "nsga2", "cmaes"])
def test_parameters_with_one_value_have_it(algorithm):
    """Ranges with equal ends, and lists of one value, occur beside a parameter that varies."""
    constants = (
        Parameter.model_construct(name="a", type="double", min=0.5, max=0.5),
        Parameter.model_construct(name="b", type="double", min=0.5, max=0.5, scale="log"),
        Parameter.model_construct(name="c", type="double", min=0.5, max=0.5, step=0.1),
        Parameter.model_construct(name="d", type="int", min=3.0, max=3.0),
        Parameter.model_construct(name="e", type="int", min=3.0, max=3.0, scale="log"),
        Parameter.model_construct(name="f", type="ordinal", values=("only",)),
    )
    experiment = replace(problem(FLAT, algorithm), parameters=(*constants, *FLAT))
    done = run(experiment, 30, lambda configuration: -configuration["lr"])
    assert len(done) == 30
    assert {tuple(one.parameters[name] for name in "abcdef") for one in done} == {(0.5, 0.5, 0.5, 3, 3, "only")}


@pytest.mark.parametrize("algorithm", ["random", "grid", "tpe", "nsga2", "cmaes", "qmc"])
def test_a_space_of_one_configuration_has_one_trial(algorithm):
    """Then the space is exhausted."""
    constant = (Parameter.model_construct(name="a", type="double", min=0.5, max=0.5),)
    study = Study(replace(problem(FLAT, algorithm), parameters=constant))
    answer = study.suggest([0])
    assert [one.parameters for one in answer.suggestions] == [{"a": 0.5}]
    assert answer.exhausted
    study.update([evaluation(0, {"a": 0.5}, 1.0)])
    assert study.suggest([1]).suggestions == ()
