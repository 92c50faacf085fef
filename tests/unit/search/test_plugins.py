"""Plug-in samplers: discovery, settings and the checks of their suggestions."""

import runpy
from math import inf, nan

import pytest

from scenarios.examples import PLUGINS, install_package, install_plugin
from support.search import LR, WIDTH, negative_sum, parameters, problem, run
from toprung.api.plugins import load_plugin
from toprung.errors import SearchFailed
from toprung.search.conformance import SPACES, SamplerConformance
from toprung.search.samplers.random import draw
from toprung.search.study import Study

make = runpy.run_path(str(PLUGINS / "local_searcher" / "local_searcher.py"))["make"]


class TestLocalSearcher(SamplerConformance):
    """The worked example of the documentation."""

    def sampler(self, space, seed):
        return make(space, {}, seed)


class Naive:
    """A sampler that reads the history as a list that starts at 0."""

    def __init__(self, space):
        self.space = space

    def suggest(self, request):
        assert all(request.history[index] for index in range(len(request.history)))
        return draw(request.space, request.seed)


class NaiveConformance(SamplerConformance):
    """The conformance suite for that sampler."""

    def sampler(self, space, _seed):
        return Naive(space)


def test_the_suite_includes_a_warm_start():
    """A sampler that fails for negative indices fails the suite."""
    NaiveConformance().test_an_empty_history_is_enough("flat")
    with pytest.raises(KeyError):
        NaiveConformance().test_trials_of_a_warm_start_are_observations("flat")


class Leaving(Naive):
    """A sampler that leaves the space once there is a history, with a Study that does not check."""

    def suggest(self, request):
        return dict(draw(request.space, request.seed)) | ({"lr": 5.0} if request.history else {})


class LeavingConformance(SamplerConformance):
    """The conformance suite for that sampler."""

    def sampler(self, space, _seed):
        return Leaving(space)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(
            lambda suite: suite.test_trials_without_a_finite_value_do_not_stop_the_search("flat", nan), id="nan"
        ),
        pytest.param(
            lambda suite: suite.test_a_few_trials_without_a_finite_value_do_not_stop_the_search("flat"), id="mixed"
        ),
        pytest.param(lambda suite: suite.test_trials_of_a_warm_start_are_observations("flat"), id="warm"),
        pytest.param(lambda suite: suite.test_a_long_history_is_accepted("flat"), id="long"),
    ],
)
def test_the_suite_checks_the_suggestions(monkeypatch, call):
    """A suggestion outside of the space fails the suite, even without the check of the Study."""
    monkeypatch.setattr(Study, "_check", lambda *_: None)
    with pytest.raises(ValueError, match=r"lr: 5\.0 is not within"):
        call(LeavingConformance())


@pytest.fixture(autouse=True)
def forgetful():
    load_plugin.cache_clear()
    yield
    load_plugin.cache_clear()


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install the example package, and one that cannot be imported."""
    install_plugin(tmp_path, "local_searcher")
    install_package(tmp_path, "toprung.samplers", {"broken": "no_such_module:make"}, {})
    monkeypatch.syspath_prepend(tmp_path)


def plugged(name="local-searcher", **settings):
    return problem(SPACES["conditional"], "plugin", name=name, settings=settings)


@pytest.mark.usefixtures("installed")
def test_a_plugin_is_found_by_its_name():
    """It differs from random search once it has an incumbent."""
    study, chance = Study(plugged(num_init_random=3)), Study(problem(SPACES["conditional"], "random"))
    chance.update(run(None, 10, negative_sum, study))
    assert study.suggest(range(3)) == chance.suggest(range(3))
    assert study.suggest(range(10, 15)) != chance.suggest(range(10, 15))


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "settings", "fragment"),
    [
        pytest.param("local-search", {}, "Did you mean local-searcher?", id="misspelt"),
        pytest.param("broken", {}, "can't be loaded: ModuleNotFoundError", id="broken"),
        pytest.param("local-searcher", {"num_init_random": 0}, "num_init_random", id="bad-setting"),
        pytest.param("local-searcher", {"probability": 1}, "probability", id="unknown-setting"),
    ],
)
def test_an_unusable_plugin_is_an_error_with_a_correction(name, settings, fragment):
    """The message has the field and the installed plug-ins."""
    with pytest.raises(SearchFailed, match=r"spec\.algorithm\.plugin\.") as caught:
        Study(plugged(name, **settings))
    assert fragment in str(caught.value)


def test_the_error_without_any_plugin(monkeypatch):
    """There is no name to suggest."""
    monkeypatch.setattr("toprung.api.plugins.entry_points", lambda **_: ())
    with pytest.raises(SearchFailed, match="Install the package that contains it"):
        Study(plugged())


FITTING = {"lr": 0.01, "opt": "sgd", "momentum": 0.9, "nesterov": False}
INACTIVE = "no such parameter, or not active beside the others"


@pytest.mark.parametrize(
    ("proposal", "fragment"),
    [
        pytest.param(FITTING | {"lr": 5.0}, "lr: 5.0 is not within 1e-05 and 0.1", id="out-of-range"),
        pytest.param(FITTING | {"lr": nan}, "lr: nan is not within", id="nan"),
        pytest.param(FITTING | {"lr": "0.01"}, "lr: '0.01' is not a number", id="string"),
        pytest.param(FITTING | {"opt": "rmsprop"}, 'opt: "rmsprop" is not one of', id="no-such-value"),
        pytest.param({"opt": "adam"}, "lr is missing", id="missing"),
        pytest.param({"opt": "sgd", "lr": 0.01, "nesterov": False}, "momentum is missing", id="missing-beside-others"),
        pytest.param({"opt": "adam", "lr": 0.01, "momentum": 0.9}, f"momentum: {INACTIVE}", id="inactive"),
        pytest.param(FITTING | {"depth": 3}, f"depth: {INACTIVE}", id="unknown"),
    ],
)
def test_a_plugins_suggestion_outside_of_the_space_is_an_error(monkeypatch, proposal, fragment):
    """No Trial is created from it. The message has the plug-in, the parameter and the value."""
    for module in ("toprung.api.plugins", "toprung.search.samplers.plugins"):
        monkeypatch.setattr(f"{module}.load_plugin", lambda *_: lambda space, *_: Constant(space, proposal))
    with pytest.raises(SearchFailed) as caught:
        Study(plugged()).suggest([0])
    message = f"spec.algorithm.plugin: local-searcher proposed a configuration outside the search space: {fragment}"
    assert str(caught.value).startswith(message)
    assert str(caught.value).endswith(". Correct the sampler's package.")


@pytest.mark.parametrize("width", [nan, inf, 1.5, 2000])
def test_any_numbers_can_be_observed(width):
    """They include floats of integer parameters, and infinities."""
    space = parameters(WIDTH)
    with pytest.raises(SearchFailed, match=f"width: {width} is not one of 1, 2, ... up to 1024"):
        Study(problem(space), lambda _, drawn: Constant(drawn, {"width": width})).suggest([0])


def test_a_plugin_completes_an_initial_trial():
    """The space of the request has only the parameters that the initial trial leaves open."""
    experiment = problem(SPACES["conditional"], initial=[{"opt": "adam"}])
    with pytest.raises(SearchFailed, match='opt: "sgd" is not one of "adam"'):
        Study(experiment, lambda _, drawn: Constant(drawn, FITTING)).suggest([0])


class Constant:
    """A sampler with one suggestion."""

    def __init__(self, space, proposal):
        self.space = space
        self.proposal = proposal

    def suggest(self, _request):
        return self.proposal


def test_one_parameter_is_changed_at_a_time():
    """With probab_local 1, all but one parameter of a flat space are those of the incumbent."""
    space = parameters(LR, *({"name": f"x{n}", "type": "double", "min": 0, "max": 1} for n in range(4)))
    study = Study(problem(space), lambda _, drawn: make(drawn, {"num_init_random": 5, "probab_local": 1}, 7))
    done = run(None, 40, negative_sum, study)
    incumbents = [max(done[:n], key=lambda other: other.score).parameters for n in range(5, 40)]
    changes = [
        sum(best[name] != value for name, value in one.parameters.items())
        for best, one in zip(incumbents, done[5:], strict=True)
    ]
    assert changes == [1] * 35


def test_a_missing_extra_is_named(monkeypatch):
    """Without torch an Experiment with gp has an error with the command that installs it."""
    monkeypatch.setitem(__import__("sys").modules, "toprung.search.samplers.gp", None)
    with pytest.raises(SearchFailed, match=r"spec\.algorithm\.gp: .* pip install '\.\[gp\]'"):
        Study(problem(algorithm="gp"))
