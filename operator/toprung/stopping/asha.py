"""Asynchronous successive halving, the stopping variant.

Source: Li et al., *A System for Massively Parallel Hyperparameter Tuning* (MLSys 2020, arXiv:1810.05934); the stopping
variant is that of Ray Tune and Vizier, without a step back for those that were stopped.

What is not finite, in order of weight:
1. It is worse than every finite score, and does not go on from a rung where anybody has a finite one.
2. In a rung where nobody has, it goes on only from the first rung of its bracket, where it is judged like any other
   (ties go to the smaller index): a first report may come before there is anything to measure. Past that rung it stops.
Both hold at the last rung as well; everybody finite goes on from there, to an end of its own.
"""

from dataclasses import dataclass, field

from toprung.api.errors import InvariantViolated
from toprung.api.stoppers import AshaSettings
from toprung.stopping.rungs import Rung, bracket_sizes, draw_bracket, rung_levels
from toprung.stopping.types import Arrival, Outcome, Verdict


@dataclass(slots=True)
class Asha:
    """The rule over one experiment's trials; a :class:`~toprung.stopping.types.Stopper`.

    Attributes:
        settings: as the experiment's author wrote them.
        seed: of the experiment; spreads the trials over the brackets.
    """

    settings: AshaSettings
    seed: int
    _rungs: dict[tuple[int, int], Rung] = field(default_factory=dict)

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

    def record(self, arrival: Arrival) -> None:
        """Take note of an arrival; a trial's first record at a rung counts.

        Raises:
            InvariantViolated: the bracket has no rung of that resource.
        """
        if arrival.resource not in self.levels(arrival.bracket):
            raise InvariantViolated(f"bracket {arrival.bracket} has no rung {arrival.resource}: {arrival}")
        rung = self._rungs.setdefault((arrival.bracket, arrival.resource), Rung())
        rung.record(arrival.index, arrival.score)

    def release(self, arrival: Arrival) -> None:
        """Nothing waits at a rung of this variant, so nothing is to be noted."""

    def promotion(self) -> None:
        """Nobody is ever paused by this variant."""

    @property
    def pauses(self) -> bool:
        """Whether trials may be paused: not by this variant."""
        return False

    def judge(self, arrival: Arrival) -> Verdict:
        """Let the best max(1, floor(n/eta)) of the n records of the rung go on, the trial itself included.

        Raises:
            InvariantViolated: the arrival is not recorded.
        """
        rung = self._rungs.get((arrival.bracket, arrival.resource), Rung())
        if arrival.index not in rung:
            raise InvariantViolated(f"an arrival is recorded before it is judged: {arrival}")
        if not rung.finite(arrival.index):
            return self._judge_not_finite(rung, arrival)
        if arrival.resource == self.settings.max_resource:
            return Verdict(Outcome.CONTINUE, f"{_place(rung, arrival)}, the last rung: the trial ends by itself")
        return self._judge_rank(rung, arrival)

    def _judge_rank(self, rung: Rung, arrival: Arrival) -> Verdict:
        quota = max(1, len(rung) // self.settings.reduction_factor)
        outcome = Outcome.CONTINUE if rung.rank(arrival.index) <= quota else Outcome.STOP
        best = "the best goes on" if quota == 1 else f"the best {quota} go on"
        return Verdict(outcome, f"{_place(rung, arrival)}, {best}")

    def _judge_not_finite(self, rung: Rung, arrival: Arrival) -> Verdict:
        if rung.any_finite:
            return Verdict(Outcome.STOP, f"not finite, others are at rung {arrival.resource}")
        if arrival.resource != self.levels(arrival.bracket)[0]:
            return Verdict(Outcome.STOP, f"not finite past the first rung, at rung {arrival.resource}")
        ranked = self._judge_rank(rung, arrival)
        return Verdict(ranked.outcome, f"not finite, like all at rung {arrival.resource}: {ranked.message}")


def _place(rung: Rung, arrival: Arrival) -> str:
    return f"{_ordinal(rung.rank(arrival.index))} of {len(rung)} at rung {arrival.resource}"


def _ordinal(number: int) -> str:
    teens = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
