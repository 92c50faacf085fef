"""`pytest` in this folder, with the package and toprung installed."""

from ceiling import make
from toprung.early_stopping.conformance import StopperConformance


class TestCeiling(StopperConformance):
    """It is seen to do what the operator needs of every rule."""

    def stopper(self, seed):
        return make({"rung": 3, "end": 27, "least": 0.5}, seed)
