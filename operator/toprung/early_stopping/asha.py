"""Asynchronous successive halving, both variants, over one or more brackets.

Source: Li et al., *A System for Massively Parallel Hyperparameter Tuning* (MLSys 2020, arXiv:1810.05934), Algorithm 2.
With every bracket it is asynchronous Hyperband (Li et al., JMLR 2018).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from math import ceil
from typing import ClassVar

from toprung.api.v1alpha1.early_stopping import AshaSettings, HyperbandSettings
from toprung.early_stopping.rungs import (
    Rung,
    RungSystem,
    bracket_sizes,
    continuing,
    draw_bracket,
    judge_not_finite,
    place,
    reduction_per_rung,
    rung_levels,
)
from toprung.early_stopping.types import Decision, RungResult, Verdict


def asha(settings: AshaSettings, seed: int, *, checkpoint: bool) -> "Asha":
    """Build the variant of the settings; the default is promotion if trials can resume from a checkpoint."""
    variant = settings.variant or ("promotion" if checkpoint else "stopping")
    return PromotionAsha(settings, seed) if variant == "promotion" else StoppingAsha(settings, seed)


def hyperband(settings: HyperbandSettings, seed: int, *, checkpoint: bool) -> "Asha":
    """Build ASHA over all brackets; trials are assigned in proportion to Hyperband's n_s.

    All rungs have the same reduction factor: brackets exist for curves whose first epochs predict little.
    """
    every = AshaSettings.model_validate(settings.model_dump() | {"brackets": settings.rungs, "rung_skew": 0})
    return asha(every, seed, checkpoint=checkpoint)


@dataclass(slots=True)
class Asha(ABC):
    """The common part of both variants: brackets, rungs and records.

    Attributes:
        settings: of the experiment.
        seed: of the experiment; spreads the trials over the brackets.
    """

    settings: AshaSettings
    seed: int
    _rungs: RungSystem = field(default_factory=RungSystem)

    pauses: ClassVar[bool]
    """Whether the variant pauses trials, which then need checkpoints to continue."""
    default_rung_skew: ClassVar[float]
    """The default of rungSkew: lower where a wrong decision is final (ADR 24)."""
    compares_curves: ClassVar[bool] = False
    """Whether results need best and mean of the reports so far."""

    def bracket(self, index: int) -> int:
        """Return the bracket of the trial of that index, in proportion to Hyperband's n_s."""
        settings = self.settings
        sizes = bracket_sizes(
            settings.min_resource, settings.max_resource, settings.reduction_factor, settings.brackets
        )
        return draw_bracket(sizes, self.seed, index)

    def levels(self, bracket: int) -> tuple[int, ...]:
        """Return the rung levels of a bracket, ascending; the last is maxResource."""
        settings = self.settings
        return rung_levels(settings.min_resource, settings.max_resource, settings.reduction_factor, bracket)

    def record(self, result: RungResult) -> None:
        """Record a result; a trial's first record at a rung counts.

        Raises:
            InternalError: the bracket has no rung of that resource.
        """
        self._rungs.record(result.bracket, self.levels(result.bracket), result)

    @abstractmethod
    def decide(self, result: RungResult) -> Verdict:
        """Decide about a recorded result.

        Raises:
            InternalError: the result is not recorded.
        """

    @abstractmethod
    def mark_continued(self, result: RungResult) -> None:
        """Record that a trial has continued past a rung."""

    @abstractmethod
    def mark_finished(self, bracket: int, index: int) -> None:
        """Record that a trial has ended."""

    @abstractmethod
    def next_promotion(self, *, idle_slot: bool = False) -> RungResult | None:
        """Return the paused trial to continue next."""

    def _share(self, bracket: int, resource: int, rung: Rung) -> float:
        """Return how many trials of a rung continue, as a fraction."""
        levels = self.levels(bracket)
        rung_skew = self.default_rung_skew if self.settings.rung_skew is None else self.settings.rung_skew
        return (
            len(rung)
            / reduction_per_rung(len(levels) - 1, self.settings.reduction_factor, rung_skew)[levels.index(resource)]
        )

    def _continue_quota(self, result: RungResult, rung: Rung) -> int:
        """Return the share as an integer; halves round down, so that the first trial does not continue alone."""
        return ceil(self._share(result.bracket, result.resource, rung) - 1 / 2)


@dataclass(slots=True)
class StoppingAsha(Asha):
    """The stopping variant, as in Ray Tune and Vizier: a trial that is not among the best of a rung stops.

    Rules for non-finite scores:
    1. A non-finite score is worse than every finite score. The trial stops at a rung that has a finite score.
    2. At a rung without finite scores the trial stops, except at the first rung of its bracket. There it is ranked like
       any other trial (ties go to the smaller index), because a first report may precede the first measurement.
    Both apply to the last rung too. There all trials with finite scores continue, and end by themselves.
    """

    pauses: ClassVar[bool] = False
    default_rung_skew: ClassVar[float] = 0.5

    def decide(self, result: RungResult) -> Verdict:
        """Continue the trial if it is among the best of the rung: the share of the rung, at least one."""
        rung = self._rungs.reached(result.bracket, result)
        if not rung.finite(result.index):
            return self._judge_not_finite(rung, result)
        if result.resource == self.settings.max_resource:
            return Verdict(Decision.CONTINUE, f"{place(rung, result)}, the last rung: the trial ends by itself")
        return self._judge_rank(rung, result)

    def mark_continued(self, result: RungResult) -> None:
        """Do nothing: no trial waits at a rung."""

    def mark_finished(self, bracket: int, index: int) -> None:
        """Do nothing: no trial waits for another."""

    def next_promotion(self, *, idle_slot: bool = False) -> None:
        """Return None: this variant pauses no trial."""

    def _judge_rank(self, rung: Rung, result: RungResult) -> Verdict:
        places = max(1, self._continue_quota(result, rung))
        outcome = Decision.CONTINUE if rung.rank(result.index) <= places else Decision.STOP
        return Verdict(outcome, f"{place(rung, result)}, {continuing(places)}")

    def _judge_not_finite(self, rung: Rung, result: RungResult) -> Verdict:
        first = result.resource == self.levels(result.bracket)[0]
        if (stop := judge_not_finite(result, rivals=rung.count_finite > 0, first=first)) is not None:
            return stop
        ranked = self._judge_rank(rung, result)
        return Verdict(ranked.outcome, f"not finite, like all at rung {result.resource}: {ranked.message}")


@dataclass(slots=True)
class PromotionAsha(Asha):
    """The promotion variant, with promotion in place: a trial that is not among the best of a rung waits there.

    Algorithm 2 promotes the best floor(n/eta) of the n records of a rung. Here a trial that is among the best when it
    arrives continues at once. Otherwise it pauses and stays a candidate. Three points differ (ADR 24):
    1. The share is rounded. It is smaller at low rungs and larger at high rungs, with the same number of survivors
       (:func:`reduction_per_rung`).
    2. The best trial of a rung continues even if the share is 0, unless it is alone at the first rung.
    3. A paused trial waits until it is within the integer part of the share and fewer trials than that have continued
       (delayed promotion of Hyper-Tune, Li et al., VLDB 2022). This saves the start of trials that enter the share
       late. For an idle slot it does not wait, and the share is at least floor(n/eta) and at least one, so that the
       best trial of a rung is promoted eventually.

    A trial with a non-finite score counts in n, is never a candidate, and stops at once.
    """

    pauses: ClassVar[bool] = True
    default_rung_skew: ClassVar[float] = 0.7

    def decide(self, result: RungResult) -> Verdict:
        """Continue the trial if it is among the best of the rung."""
        rung = self._rungs.reached(result.bracket, result)
        where = place(rung, result)
        if not rung.finite(result.index):
            return Verdict(Decision.STOP, f"not finite at rung {result.resource}, and never promoted")
        if result.resource == self.settings.max_resource:
            return Verdict(Decision.CONTINUE, f"{where}, the last rung: the trial ends by itself")
        if self._rungs.has_passed(result):
            return Verdict(Decision.CONTINUE, f"{where}, and has reached a higher one")
        alone = len(rung) == 1 and result.resource == self.levels(result.bracket)[0]
        places = max(self._continue_quota(result, rung), 0 if alone else 1)
        if rung.rank(result.index) <= places:
            return Verdict(Decision.CONTINUE, f"{where}, {continuing(places)}")
        return Verdict(
            Decision.PAUSE, f"{where}, {continuing(places) if places else 'no trial continues alone'}; paused"
        )

    def mark_continued(self, result: RungResult) -> None:
        """Record that a trial has continued past a rung."""
        self._rungs.mark_continued(result.bracket, result)

    def mark_finished(self, bracket: int, index: int) -> None:
        """Record that a trial has ended and no longer waits."""
        self._rungs.mark_finished(bracket, index)

    def next_promotion(self, *, idle_slot: bool = False) -> RungResult | None:
        """Return the best candidate of the highest rung level that has one, in any bracket."""
        candidates = (
            RungResult(bracket, resource, index, rung.score(index))
            for bracket, resource, rung in self._rungs
            if resource < self.settings.max_resource
            and (index := self._candidate(bracket, resource, rung, idle_slot=idle_slot)) is not None
        )
        return max(candidates, key=_urgency, default=None)

    def _candidate(self, bracket: int, resource: int, rung: Rung, *, idle_slot: bool) -> int | None:
        share = int(self._share(bracket, resource, rung))
        if idle_slot:
            return rung.best_paused(max(share, len(rung) // self.settings.reduction_factor, 1))
        return rung.best_paused(share) if rung.continued_count < share else None


def _urgency(result: RungResult) -> tuple[int, float, int]:
    return result.resource, result.score, -result.index
