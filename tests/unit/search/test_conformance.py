"""The built-in samplers pass the conformance suite."""

import pytest

from toprung.api.v1alpha1.algorithms import Algorithm
from toprung.search.conformance import SamplerConformance
from toprung.search.samplers import create
from toprung.search.types import Problem


class BuiltIn(SamplerConformance):
    """The conformance suite for a sampler with these settings."""

    algorithm: str
    settings: dict = {}  # noqa: RUF012

    def sampler(self, space, seed):
        algorithm = Algorithm.model_validate({self.algorithm: self.settings})
        return create(Problem("uid", (), (), algorithm, seed, self.objectives), space)


class TestRandom(BuiltIn):
    algorithm = "random"


class TestGrid(BuiltIn):
    algorithm = "grid"


class TestQmc(BuiltIn):
    algorithm = "qmc"


class TestTpe(BuiltIn):
    algorithm = "tpe"


class TestTpeOfTwoObjectives(BuiltIn):
    algorithm = "tpe"
    objectives = 2


class TestCmaes(BuiltIn):
    algorithm = "cmaes"


class TestNsga2(BuiltIn):
    algorithm = "nsga2"
    settings = {"populationSize": 8}  # noqa: RUF012


class TestNsga2OfThreeObjectives(BuiltIn):
    algorithm = "nsga2"
    settings = {"populationSize": 8}  # noqa: RUF012
    objectives = 3


class TestGp(BuiltIn):
    algorithm = "gp"
    settings = {"startupTrials": 6, "maxObservations": 20}  # noqa: RUF012
    trials = 9


@pytest.mark.slow
class TestGpOfTwoObjectives(TestGp):
    objectives = 2
