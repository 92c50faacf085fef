"""Conformance tests: run `pytest` in this folder, with the package and toprung installed."""

from ceiling import make
from toprung.early_stopping.conformance import StopperConformance


class TestCeiling(StopperConformance):
    """The rule meets the requirements of the operator."""

    def stopper(self, seed):
        return make({"rung": 3, "end": 27, "least": 0.5}, seed)
