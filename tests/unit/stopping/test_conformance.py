"""Every rule that is built in passes the suite that users' own must pass."""

from toprung.api.stoppers import (
    AshaSettings,
    HyperbandSettings,
    MedianSettings,
    PbtSettings,
    SuccessiveHalvingSettings,
)
from toprung.stopping.asha import asha, hyperband
from toprung.stopping.conformance import StopperConformance
from toprung.stopping.halving import SuccessiveHalving
from toprung.stopping.median import MedianStopping
from toprung.stopping.pbt import PopulationBasedTraining


class TestStoppingAsha(StopperConformance):
    def stopper(self, seed):
        return asha(AshaSettings(max_resource=27, brackets=2), seed, checkpoint=False)


class TestPromotionAsha(StopperConformance):
    def stopper(self, seed):
        return asha(AshaSettings(max_resource=20, reduction_factor=2), seed, checkpoint=True)


class TestPromotionAshaOfOneRung(StopperConformance):
    def stopper(self, seed):
        return asha(AshaSettings(max_resource=1), seed, checkpoint=True)


class TestHyperband(StopperConformance):
    def stopper(self, seed):
        return hyperband(HyperbandSettings(max_resource=27), seed, checkpoint=True)


class TestStoppingHyperband(StopperConformance):
    def stopper(self, seed):
        return hyperband(HyperbandSettings(max_resource=27, variant="stopping"), seed, checkpoint=True)


class TestSuccessiveHalving(StopperConformance):
    def stopper(self, seed):  # noqa: ARG002
        return SuccessiveHalving(SuccessiveHalvingSettings(max_resource=4, reduction_factor=2, trials=6))


class TestMedian(StopperConformance):
    def stopper(self, seed):  # noqa: ARG002
        return MedianStopping(MedianSettings(max_resource=6, grace_period=2, min_trials=2))


class TestPopulationBasedTraining(StopperConformance):
    def stopper(self, seed):
        return PopulationBasedTraining(PbtSettings(interval=2, max_resource=8, quantile=0.4), seed)


class TestPopulationBasedTrainingOfOneComparison(StopperConformance):
    def stopper(self, seed):
        return PopulationBasedTraining(PbtSettings(interval=1, max_resource=2), seed)
