# ruff: noqa: S101, S311 - its asserts are its purpose, and its chances no secrets
"""A pytest suite with the requirements on every sampler, built-in or custom.

    from toprung.search.conformance import SamplerConformance

    class TestMine(SamplerConformance):
        def sampler(self, space, seed):
            return make(space, {"neighbours": 3}, seed)

Each test runs on every space of :data:`SPACES`. The operator does not import this module.
"""

import warnings
from collections.abc import Iterable, Iterator
from itertools import islice
from math import inf
from random import Random
from typing import Any

import pytest

from toprung.api.v1alpha1.algorithms import Algorithm, RandomSettings
from toprung.api.v1alpha1.parameters import Parameter
from toprung.search.samplers.base import Sampler
from toprung.search.samplers.random import draw
from toprung.search.space import Space
from toprung.search.study import Study
from toprung.search.types import Configuration, Evaluation, EvaluationState, Problem, Suggestion
from toprung.seeds import derive

LONG = 10_000
SEED = 7


def _parameters(*bodies: dict[str, Any]) -> tuple[Parameter, ...]:
    return tuple(Parameter.model_validate(body) for body in bodies)


_LR = {"name": "lr", "type": "double", "min": 1e-5, "max": 0.1, "scale": "log"}
_LAYERS = {"name": "layers", "type": "int", "min": 1, "max": 4}
_OPT = {"name": "opt", "type": "categorical", "values": ["sgd", "adam", "lion"]}
_NESTEROV = {
    "name": "nesterov",
    "type": "categorical",
    "values": [True, False],
    "when": {"parameter": "opt", "in": ["sgd", "lion"]},
}
_DECAY = {"name": "decay", "type": "ordinal", "values": [0.5, 1.0], "when": {"parameter": "nesterov", "in": [True]}}

SPACES = {
    "flat": _parameters(
        _LR,
        {"name": "dropout", "type": "double", "min": 0.0, "max": 0.5, "step": 0.1},
        {"name": "width", "type": "int", "min": 1, "max": 1024, "scale": "log"},
        _LAYERS,
        {"name": "batch", "type": "ordinal", "values": [32, 64, 128, 256]},
        _OPT,
    ),
    "conditional": _parameters(
        {"name": "momentum", "type": "double", "min": 0, "max": 0.99, "when": {"parameter": "opt", "in": ["sgd"]}},
        *(_LR, _DECAY, _OPT, _NESTEROV),
    ),
    "finite": _parameters(_LAYERS, _OPT, _NESTEROV, _DECAY),
    "single": _parameters({"name": "data", "type": "ordinal", "values": ["all"]}, _LR),
}
"""Spaces with every kind of parameter, with conditions, of finite size, and with a single-valued parameter."""


@pytest.mark.parametrize("space", SPACES)
class SamplerConformance:
    """The suite. A subclass implements `sampler` and may override the attributes.

    Attributes:
        trials: number of trials before most suggestions; enough that the sampler uses its model.
        objectives: number of objectives.
    """

    trials = 30
    objectives = 1

    def sampler(self, space: Space, seed: int) -> Sampler:
        """Build the sampler of an experiment."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def strict(self) -> Iterator[None]:
        """Turn warnings into errors, because warnings of the search process are not visible."""
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", ResourceWarning)  # from objects of other tests that are collected now
            yield

    def study(self, space: str, initial: tuple[Configuration, ...] = (), prior: Iterable[Evaluation] = ()) -> Study:
        """Build an experiment without trials of its own."""
        algorithm = Algorithm(random=RandomSettings())
        problem = Problem("uid", SPACES[space], initial, algorithm, SEED, self.objectives, tuple(prior))
        return Study(problem, lambda problem, drawn: self.sampler(drawn, problem.seed))

    def test_an_empty_history_is_enough(self, space: str) -> None:
        """The first trial gets a configuration."""
        assert len(self.study(space).suggest([0]).suggestions) == 1

    def test_configurations_lie_in_the_space(self, space: str) -> None:
        """Every value is in its domain and of its exact type; active parameters are there, and no others."""
        study = self.study(space)
        domains = {one.name: one.domain for one in study.space.dimensions}
        for done in self.run(study, self.trials):
            assert study.space.positions(done.parameters).keys() == done.parameters.keys()
            for name, value in done.parameters.items():
                exact = domains[name].value(domains[name].position(value))
                assert (value, type(value)) == (exact, type(exact))

    def test_a_rebuilt_study_makes_the_same_suggestions(self, space: str) -> None:
        """A study built from the history, in any order, makes the same suggestions as the original."""
        study = self.study(space)
        done = _mixed(self.run(study, self.trials))
        study.update(done)
        rebuilt = self.study(space)
        rebuilt.update(Random(1).sample(done, len(done)))
        indices = range(self.trials, self.trials + 3)
        assert rebuilt.suggest(indices) == study.suggest(indices)

    def test_earlier_requests_do_not_affect_a_suggestion(self, space: str) -> None:
        """Earlier requests, made while older trials still ran, have no effect on a suggestion."""
        study = self.study(space)
        done = self.run(study, self.trials)
        early, late = done[::3], [one for one in done if one.index % 3]
        study = self.study(space)
        for part in (late, early):
            study.update(part)
            answer = study.suggest([self.trials])
        rebuilt = self.study(space)
        rebuilt.update(done)
        assert rebuilt.suggest([self.trials]) == answer

    def test_a_repeated_request_returns_the_same_suggestions(self, space: str) -> None:
        """A suggestion that was never used leaves no trace."""
        study = self.study(space)
        self.run(study, self.trials)
        indices = range(self.trials, self.trials + 2)
        assert study.suggest(indices) == study.suggest(indices)
        assert study.suggest(indices[1:]) == study.suggest(indices[1:])

    def test_a_batch_equals_single_requests_with_running_trials(self, space: str) -> None:
        """The earlier trials of a batch count as running."""
        study, one_by_one = self.study(space), self.study(space)
        one_by_one.update(self.run(study, self.trials))
        indices = range(self.trials, self.trials + 3)
        single = []
        for index in indices:
            for suggestion in one_by_one.suggest([index]).suggestions:
                single.append(suggestion)
                one_by_one.update([Evaluation(index, suggestion.parameters, EvaluationState.RUNNING)])
        assert study.suggest(indices).suggestions == tuple(single)

    def test_suggestions_of_a_batch_differ(self, space: str) -> None:
        """No two trials of a batch are the same."""
        study = self.study(space)
        self.run(study, self.trials)
        suggested = study.suggest(range(self.trials, self.trials + 4)).suggestions
        assert len({study.space.key(one.parameters) for one in suggested}) == len(suggested)

    @pytest.mark.parametrize("bad", [-inf, None], ids=["diverged", "failed"])
    def test_trials_without_a_finite_value_do_not_stop_the_search(self, space: str, bad: float | None) -> None:
        """An experiment in which no trial reports a finite value neither raises an error nor stops the search."""
        study = self.study(space)
        states = (EvaluationState.FAILED,) if bad is None else (EvaluationState.COMPLETE, EvaluationState.STOPPED)
        for index in range(self.trials):
            for suggestion in study.suggest([index]).suggestions:
                rungs = ((1, bad),) if bad is not None and index % 2 else ()
                scores = (bad,) * self.objectives if bad is not None and self.objectives > 1 else ()
                state = states[index % len(states)]
                study.update([Evaluation(index, suggestion.parameters, state, bad, rungs, scores)])
        self.suggest(study, self.trials)

    def test_a_few_trials_without_a_finite_value_do_not_stop_the_search(self, space: str) -> None:
        """Finite and equal values among failed and diverged trials neither raise an error nor stop the search."""
        study = self.study(space)
        done = self.run(study, self.trials)
        study.update(_mixed(done, score=1.0))
        self.suggest(study, self.trials)

    def test_trials_of_a_warm_start_are_observations(self, space: str) -> None:
        """Trials of other experiments, under negative indices, are observations like any other."""
        drawn = [draw(self.study(space).space, derive(SEED, index)) for index in range(self.trials)]
        prior = _mixed(self.ended(-1 - index, one) for index, one in enumerate(drawn))
        study, rebuilt = (self.study(space, prior=prior) for _ in range(2))
        ended = [self.ended(one.index, one.parameters) for one in self.suggest(study, 0, 1)]
        for each in (study, rebuilt):
            each.update(ended)
        assert self.suggest(study, 2) == self.suggest(rebuilt, 2)

    def test_no_configuration_repeats_until_the_space_is_exhausted(self, space: str) -> None:
        """No configuration repeats, and the last one of a finite space is returned as exhausted."""
        study = self.study(space)
        size = study.space.size
        trials = self.trials if size is None else min(size, self.trials)
        ends, seen = [], set()
        for index in range(trials):
            answer = study.suggest([index])
            seen.add(study.space.key(answer.suggestions[0].parameters))
            ends.append(answer.exhausted)
            study.update([self.ended(index, answer.suggestions[0].parameters)])
        assert len(seen) == trials
        assert ends == [index + 1 == size for index in range(trials)]
        if ends[-1]:
            assert study.suggest([trials]) == study.suggest([trials + 5])
            assert study.suggest([trials]).suggestions == ()

    def test_an_initial_trial_keeps_its_values(self, space: str) -> None:
        """An initial trial keeps its values, and the sampler completes the others."""
        fixed = {"layers": 2} if "layers" in _names(space) else {"lr": 0.01}
        study = self.study(space, initial=({}, fixed))
        self.run(study, self.trials, start=2)
        (suggestion,) = study.suggest([1]).suggestions
        assert suggestion.parameters.items() >= fixed.items()
        Space.of(SPACES[space]).positions(suggestion.parameters)

    def test_a_long_history_is_accepted(self, space: str) -> None:
        """10,000 trials are added in one update."""
        study = self.study(space)
        drawn = (draw(study.space, derive(SEED, index)) for index in range(LONG))
        study.update(self.ended(index, one) for index, one in enumerate(drawn))
        self.suggest(study, LONG)

    def suggest(self, study: Study, *indices: int) -> tuple[Suggestion, ...]:
        """Return suggestions, after a check that they lie in the space and are missing only if it is exhausted."""
        answer = study.suggest(indices)
        assert len(answer.suggestions) == len(indices) or answer.exhausted
        for one in answer.suggestions:
            study.space.positions(one.parameters)
        return answer.suggestions

    def run(self, study: Study, trials: int, start: int = 0) -> list[Evaluation]:
        """Run trials one after another; fewer if the space is exhausted."""
        done: list[Evaluation] = []
        for index in range(start, start + trials):
            for suggestion in study.suggest([index]).suggestions:
                done.append(self.ended(index, suggestion.parameters))
                study.update(done[-1:])
        return done

    def ended(self, index: int, parameters: Configuration) -> Evaluation:
        """Return a finished trial with scores that have an order."""
        numbers = [float(value) for value in parameters.values() if not isinstance(value, str)]
        scores = tuple(islice((-sum(numbers), *numbers, *range(self.objectives)), self.objectives))
        return Evaluation(
            index, parameters, EvaluationState.COMPLETE, scores[0], scores=scores if len(scores) > 1 else ()
        )


def _names(space: str) -> set[str]:
    return {parameter.name for parameter in SPACES[space]}


def _mixed(done: Iterable[Evaluation], score: float | None = None) -> list[Evaluation]:
    """Return the same trials in every state, some with rungs, some of which diverged."""
    states = (EvaluationState.COMPLETE, EvaluationState.STOPPED, EvaluationState.RUNNING, EvaluationState.FAILED)
    mixed = []
    for number, one in enumerate(done):
        value = -inf if number % 7 == 6 else one.score if score is None else score  # noqa: PLR2004 - now and then
        rungs = tuple((3**level, value) for level in range(number % 3) if value is not None)
        state = states[number % 4]
        mixed.append(Evaluation(one.index, one.parameters, state, value, rungs, one.scores))
    return mixed
