"""`pytest` in this folder, with the package and toprung installed."""

from local_searcher import make
from toprung.search.conformance import SamplerConformance


class TestLocalSearcher(SamplerConformance):
    """It is seen to do what the operator needs of every sampler."""

    def sampler(self, space, seed):
        return make(space, {"num_init_random": 5}, seed)
