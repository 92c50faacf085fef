"""Every built-in rule passes the conformance suite for custom rules."""

from dataclasses import replace

import pytest

from toprung.api.v1alpha1.early_stopping import (
    AshaSettings,
    HyperbandSettings,
    MedianSettings,
    PbtSettings,
    SuccessiveHalvingSettings,
)
from toprung.early_stopping.asha import asha, hyperband
from toprung.early_stopping.conformance import StopperConformance
from toprung.early_stopping.median import MedianStopping
from toprung.early_stopping.pbt import PopulationBasedTraining
from toprung.early_stopping.successive_halving import SuccessiveHalving
from toprung.early_stopping.types import Decision, Exploit, RungResult, Verdict


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
        return PopulationBasedTraining(
            PbtSettings(perturbation_interval=2, max_resource=8, quantile_fraction=0.4), seed
        )


class TestPopulationBasedTrainingOfOneComparison(StopperConformance):
    def stopper(self, seed):
        return PopulationBasedTraining(PbtSettings(perturbation_interval=1, max_resource=2), seed)


class Outdated(MedianStopping):
    """A rule whose next_promotion has no argument idle_slot."""

    def next_promotion(self):
        return None


class Hasty(MedianStopping):
    """A rule that promotes a trial without records, but only to an idle slot."""

    def next_promotion(self, *, idle_slot=False):
        return RungResult(0, 2, 0, 0.5) if idle_slot else None


class Envious(MedianStopping):
    """A rule by which every trial exploits the same trial."""

    donor = 0

    def decide(self, result):
        if result.resource == self.settings.max_resource:
            return super().decide(result)
        return Verdict(Decision.EXPLOIT, "poor", Exploit(self.donor, 7, 0.0, (1.2,)))


class Unknown(Envious):
    """A rule by which trials exploit a trial that does not exist."""

    donor = 10**9


class Donorless(Envious):
    """A rule that exploits without a donor."""

    def decide(self, result):
        return replace(super().decide(result), exploit=None)


@pytest.mark.parametrize(
    ("rule", "test"),
    [
        pytest.param(Outdated, "test_an_experiment_without_records_has_no_promotion", id="no-idle-slot"),
        pytest.param(Hasty, "test_an_experiment_without_records_has_no_promotion", id="no-trial-to-promote"),
        pytest.param(Envious, "test_a_donor_is_another_trial_that_is_on_record", id="itself"),
        pytest.param(Unknown, "test_a_donor_is_another_trial_that_is_on_record", id="unknown"),
        pytest.param(Donorless, "test_a_donor_is_another_trial_that_is_on_record", id="no-donor"),
    ],
)
def test_the_suite_finds_rules_that_the_planner_rejects(rule, test):
    """A rule that breaks the protocol fails in the suite before an Experiment uses it."""

    class Suite(StopperConformance):
        def stopper(self, seed):  # noqa: ARG002
            return rule(MedianSettings(max_resource=6, grace_period=2, min_trials=2))

    with pytest.raises((AssertionError, TypeError)):
        getattr(Suite(), test)()
