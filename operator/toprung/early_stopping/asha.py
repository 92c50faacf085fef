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
    draw_bracket,
    go_on,
    judge_not_finite,
    place,
    reduction_per_rung,
    rung_levels,
)
from toprung.early_stopping.types import Decision, RungResult, Verdict


def asha(settings: AshaSettings, seed: int, *, checkpoint: bool) -> "Asha":
    """Build the variant that is asked for; promotion by default where trials can go on from a checkpoint."""
    variant = settings.variant or ("promotion" if checkpoint else "stopping")
    return PromotionAsha(settings, seed) if variant == "promotion" else StoppingAsha(settings, seed)


def hyperband(settings: HyperbandSettings, seed: int, *, checkpoint: bool) -> "Asha":
    """Build ASHA over all the brackets there are, to which trials are drawn in proportion to Hyperband's n_s.

    No rung is stricter than another: the brackets are there for curves of which the first epochs say little.
    """
    every = AshaSettings.model_validate(settings.model_dump() | {"brackets": settings.rungs, "rung_skew": 0})
    return asha(every, seed, checkpoint=checkpoint)


@dataclass(slots=True)
class Asha(ABC):
    """What both variants have in common: brackets, rungs and records.

    Attributes:
        settings: as the experiment's author wrote them.
        seed: of the experiment; spreads the trials over the brackets.
    """

    settings: AshaSettings
    seed: int
    _ladders: RungSystem = field(default_factory=RungSystem)

    pauses: ClassVar[bool]
    """Whether trials may be paused, so that they must be able to go on from a checkpoint."""
    default_rung_skew: ClassVar[float]
    """Where the settings have none: milder where a wrong decision can't be mended (ADR 24)."""
    compares_curves: ClassVar[bool] = False
    """Whether best and mean of the reports so far are needed of an result."""

    def bracket(self, index: int) -> int:
        """Give the bracket of the trial of that index, in proportion to Hyperband's n_s."""
        settings = self.settings
        sizes = bracket_sizes(
            settings.min_resource, settings.max_resource, settings.reduction_factor, settings.brackets
        )
        return draw_bracket(sizes, self.seed, index)

    def levels(self, bracket: int) -> tuple[int, ...]:
        """Give the rung levels of a bracket, ascending; the last is maxResource."""
        settings = self.settings
        return rung_levels(settings.min_resource, settings.max_resource, settings.reduction_factor, bracket)

    def record(self, result: RungResult) -> None:
        """Take note of an result; a trial's first record at a rung counts.

        Raises:
            InternalError: the bracket has no rung of that resource.
        """
        self._ladders.record(result.bracket, self.levels(result.bracket), result)

    @abstractmethod
    def decide(self, result: RungResult) -> Verdict:
        """Decide about a recorded result.

        Raises:
            InternalError: the result is not recorded.
        """

    @abstractmethod
    def mark_continued(self, result: RungResult) -> None:
        """Take note that a trial has gone on from a rung."""

    @abstractmethod
    def mark_finished(self, bracket: int, index: int) -> None:
        """Take note that a trial has ended."""

    @abstractmethod
    def next_promotion(self, *, idle_slot: bool = False) -> RungResult | None:
        """Give the paused trial that is to go on next."""

    def _share(self, bracket: int, resource: int, rung: Rung) -> float:
        """How many of a rung are to go on."""
        levels = self.levels(bracket)
        rung_skew = self.default_rung_skew if self.settings.rung_skew is None else self.settings.rung_skew
        return (
            len(rung)
            / reduction_per_rung(len(levels) - 1, self.settings.reduction_factor, rung_skew)[levels.index(resource)]
        )

    def _places(self, result: RungResult, rung: Rung) -> int:
        """Give the share to the nearest whole number; of halves the lower, lest one go on alone."""
        return ceil(self._share(result.bracket, result.resource, rung) - 1 / 2)


@dataclass(slots=True)
class StoppingAsha(Asha):
    """The stopping variant, that of Ray Tune and Vizier: who is not among the best of a rung is stopped for good.

    What is not finite, in order of weight:
    1. It is worse than every finite score, and does not go on from a rung where anybody has a finite one.
    2. In a rung where nobody has, it goes on only from the first rung of its bracket, where it is judged like any other
       (ties go to the smaller index): a first report may come before there is anything to measure. Past that rung it
       stops.
    Both hold at the last rung as well; everybody finite goes on from there, to an end of its own.
    """

    pauses: ClassVar[bool] = False
    default_rung_skew: ClassVar[float] = 0.5

    def decide(self, result: RungResult) -> Verdict:
        """Let the best of the records of the rung go on, itself included: the rung's share, one at least."""
        rung = self._ladders.reached(result.bracket, result)
        if not rung.finite(result.index):
            return self._judge_not_finite(rung, result)
        if result.resource == self.settings.max_resource:
            return Verdict(Decision.CONTINUE, f"{place(rung, result)}, the last rung: the trial ends by itself")
        return self._judge_rank(rung, result)

    def mark_continued(self, result: RungResult) -> None:
        """Nothing waits at a rung of this variant, so nothing is to be noted."""

    def mark_finished(self, bracket: int, index: int) -> None:
        """Nobody waits for anybody, so nothing is to be noted."""

    def next_promotion(self, *, idle_slot: bool = False) -> None:
        """Nobody is ever paused by this variant."""

    def _judge_rank(self, rung: Rung, result: RungResult) -> Verdict:
        places = max(1, self._places(result, rung))
        outcome = Decision.CONTINUE if rung.rank(result.index) <= places else Decision.STOP
        return Verdict(outcome, f"{place(rung, result)}, {go_on(places)}")

    def _judge_not_finite(self, rung: Rung, result: RungResult) -> Verdict:
        first = result.resource == self.levels(result.bracket)[0]
        if (stop := judge_not_finite(result, rivals=rung.count_finite > 0, first=first)) is not None:
            return stop
        ranked = self._judge_rank(rung, result)
        return Verdict(ranked.outcome, f"not finite, like all at rung {result.resource}: {ranked.message}")


@dataclass(slots=True)
class PromotionAsha(Asha):
    """The promotion variant, with promotion in place: who is not among the best of a rung waits until it is.

    Of the n records of a rung, Algorithm 2 lets the best floor(n/eta) go on. Here a trial that is among the best as it
    arrives goes on at once; else it pauses, and stays a candidate for ever. Three things differ (ADR 24):
    1. The share is rounded; it is smaller at low rungs, larger at high ones, as many are left
       (:func:`reduction_per_rung`).
    2. Whoever leads goes on as well, so that a rung of few records holds up nobody; but not alone from the first.
    3. A trial that has paused waits until it is within the whole part of the share, and fewer have gone on already
       (Hyper-Tune's delayed promotion, Li et al., VLDB 2022), else whoever crosses the margin late goes on as well, at
       the price of a start. With a slot to spare it does not wait for others, and the share is floor(n/eta) at least,
       or one: who came first and alone to the first rung of a bracket, and still leads, goes on in the end.

    What is not finite counts in n and is never a candidate, so that it stops at once.
    """

    pauses: ClassVar[bool] = True
    default_rung_skew: ClassVar[float] = 0.7

    def decide(self, result: RungResult) -> Verdict:
        """Let the trial go on if it is among the best of the records of the rung, itself included."""
        rung = self._ladders.reached(result.bracket, result)
        where = place(rung, result)
        if not rung.finite(result.index):
            return Verdict(Decision.STOP, f"not finite at rung {result.resource}, and never promoted")
        if result.resource == self.settings.max_resource:
            return Verdict(Decision.CONTINUE, f"{where}, the last rung: the trial ends by itself")
        if self._ladders.has_passed(result):
            return Verdict(Decision.CONTINUE, f"{where}, and has reached a higher one")
        alone = len(rung) == 1 and result.resource == self.levels(result.bracket)[0]
        places = max(self._places(result, rung), 0 if alone else 1)
        if rung.rank(result.index) <= places:
            return Verdict(Decision.CONTINUE, f"{where}, {go_on(places)}")
        return Verdict(Decision.PAUSE, f"{where}, {go_on(places) if places else 'nobody goes on alone'}; it waits")

    def mark_continued(self, result: RungResult) -> None:
        """Take note that a recorded trial has gone on from a rung."""
        self._ladders.mark_continued(result.bracket, result)

    def mark_finished(self, bracket: int, index: int) -> None:
        """Take note that a trial waits no more."""
        self._ladders.mark_finished(bracket, index)

    def next_promotion(self, *, idle_slot: bool = False) -> RungResult | None:
        """Give the best candidate of the highest rungs that have one, whatever their bracket."""
        candidates = (
            RungResult(bracket, resource, index, rung.score(index))
            for bracket, resource, rung in self._ladders
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
