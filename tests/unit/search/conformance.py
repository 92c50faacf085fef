"""What every sampler must do, built in or plugged in: make a subclass that says which problem, and pytest runs all."""

import math
import random

import pytest

from toprung.search.space import Space
from toprung.search.study import Study
from toprung.search.types import Problem, Standing
from unit.search.builders import evaluation, first_number, run


class SamplerConformance:
    """The suite; `problem` is a fixture."""

    @pytest.fixture
    def problem(self) -> Problem:
        raise NotImplementedError

    def test_an_empty_history_is_enough(self, problem):
        """The first trial gets a configuration."""
        assert len(Study(problem).suggest([0]).suggestions) == 1

    def test_configurations_are_of_the_space(self, problem):
        """Every value is in its domain and of its exact type; active parameters are there, and no others."""
        space = Space.of(problem.parameters)
        drawn = {one.name: one.domain for one in Study(problem)._sampler.space.dimensions}
        for done in run(problem, 40, first_number):
            for name, position in space.positions(done.parameters).items():
                value = done.parameters[name]
                assert any(
                    value == exact and type(value) is type(exact)
                    for exact in (space_value(space, name, position), drawn[name].value(drawn[name].position(value)))
                )

    def test_a_restart_changes_nothing(self, problem):
        """A study built from the history, told in any order, goes on as the old one does."""
        study = Study(problem)
        done = mixed(run(problem, 30, first_number, study))
        study.update(done)
        shuffled = random.Random(1).sample(done, len(done))
        rebuilt = Study(problem)
        rebuilt.update(shuffled)
        assert rebuilt.suggest([30, 31, 32]) == study.suggest([30, 31, 32])

    def test_asking_twice_gives_the_same(self, problem):
        """A suggestion that was never used leaves no trace."""
        study = Study(problem)
        run(problem, 20, first_number, study)
        assert study.suggest([20, 21, 22]) == study.suggest([20, 21, 22])
        assert study.suggest([21]) == study.suggest([21])

    def test_a_batch_is_what_single_asks_with_running_trials_give(self, problem):
        """The earlier ones of a batch are seen as running."""
        study, one_by_one = Study(problem), Study(problem)
        done = run(problem, 15, first_number, study)
        one_by_one.update(done)
        single = []
        for index in (15, 16, 17):
            for suggestion in one_by_one.suggest([index]).suggestions:
                single.append(suggestion)
                one_by_one.update([evaluation(index, suggestion.parameters, standing=Standing.RUNNING)])
        assert study.suggest([15, 16, 17]).suggestions == tuple(single)

    def test_parallel_asks_differ(self, problem):
        """No two trials of a batch are the same."""
        study = Study(problem)
        run(problem, 12, first_number, study)
        suggested = study.suggest(range(12, 16)).suggestions
        assert len({study._sampler.space.key(one.parameters) for one in suggested}) == len(suggested)

    def test_nan_and_failures_are_survived(self, problem):
        """Scores that are not finite, and failed trials, neither raise nor stop the search."""
        study = Study(problem)
        for index in range(25):
            for suggestion in study.suggest([index]).suggestions:
                standing = (Standing.COMPLETE, Standing.FAILED, Standing.STOPPED)[index % 3]
                rungs = [(1, -math.inf)] if index % 2 else [(1, 0.5), (3, -math.inf)]
                study.update([evaluation(index, suggestion.parameters, -math.inf, standing=standing, rungs=rungs)])
        answer = study.suggest([25])
        assert answer.suggestions or answer.exhausted

    def test_a_finite_space_is_gone_through_once(self, problem):
        """Nothing comes twice until nothing is left, and the end is said with the last one."""
        study = Study(problem)
        size = study._sampler.space.size
        if size is None or size > 2000:
            pytest.skip("the space is too large to go through")
        ends = []
        seen = set()
        for index in range(size):
            answer = study.suggest([index])
            seen.add(study._sampler.space.key(answer.suggestions[0].parameters))
            ends.append(answer.exhausted)
            study.update([evaluation(index, answer.suggestions[0].parameters, float(index))])
        assert len(seen) == size
        assert ends == [False] * (size - 1) + [True]
        assert study.suggest([size]) == study.suggest([size + 5])
        assert study.suggest([size]).suggestions == ()

    def test_a_long_history_is_taken_in(self, problem):
        """2,000 trials, told at once, are no obstacle."""
        study = Study(problem)
        draws = Study(Problem("draws", problem.parameters, (), problem.algorithm.model_validate({"random": {}}), 1))
        told = draws.suggest(range(2000)).suggestions
        study.update([evaluation(one.index, one.parameters, first_number(one.parameters)) for one in told])
        answer = study.suggest([2000])
        assert answer.suggestions or answer.exhausted


def mixed(done):
    """The same trials in every standing."""
    standings = (Standing.COMPLETE, Standing.STOPPED, Standing.RUNNING, Standing.FAILED)
    return [
        evaluation(one.index, one.parameters, one.score, standing=standings[n % 4], rungs=[(1, one.score)] * (n % 3))
        for n, one in enumerate(done)
    ]


def space_value(space, name, position):
    return next(one.domain for one in space.dimensions if one.name == name).value(position)
