"""Conformance tests: run `pytest` in this folder, with the package and toprung installed."""

from local_searcher import make
from toprung.search.conformance import SamplerConformance


class TestLocalSearcher(SamplerConformance):
    """The sampler meets the requirements of the operator."""

    def sampler(self, space, seed):
        return make(space, {"num_init_random": 5}, seed)
