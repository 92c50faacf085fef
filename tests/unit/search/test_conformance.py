"""The built-in samplers keep the contract."""

import warnings

import pytest

from toprung.search.types import Problem
from unit.search.builders import ALGORITHMS, SPACES
from unit.search.conformance import SamplerConformance


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("space", SPACES)
class TestBuiltIn(SamplerConformance):
    """Every algorithm on every kind of space, with warnings as errors."""

    @pytest.fixture(autouse=True)
    def strict(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield

    @pytest.fixture
    def problem(self, algorithm, space):
        return Problem("uid", SPACES[space], (), ALGORITHMS[algorithm], 7)
