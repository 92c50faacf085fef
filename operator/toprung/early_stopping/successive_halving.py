"""Synchronous successive halving: batches of trials, and of each rung of a batch exactly the best go on.

Source: Jamieson and Talwalkar, *Non-stochastic Best Arm Identification and Hyperparameter Optimization* (AISTATS 2016);
the rungs are those of Li et al., JMLR 2018, Algorithm 1, inner loop.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from toprung.api.v1alpha1.early_stopping import EarlyStopping, SuccessiveHalvingSettings
from toprung.early_stopping.rungs import RungSystem, go_on, place, rung_levels
from toprung.early_stopping.types import Decision, RungResult, Verdict


def missing_batch_indices(early_stopping: EarlyStopping | None, beyond: int) -> range:
    """Give the indices of a begun batch that never come, for none from `beyond` on does; none for other rules."""
    rule = early_stopping.rule if early_stopping is not None else None
    if not isinstance(rule, SuccessiveHalvingSettings):
        return range(0)
    return range(beyond, -(-beyond // rule.trials) * rule.trials)


@dataclass(slots=True)
class SuccessiveHalving:
    """The rule over one experiment's trials; a :class:`~toprung.early_stopping.types.Stopper`.

    Batch b has the trials b*n0 to (b+1)*n0 - 1. Its rung k has floor(n0/eta^k) places, and who has one of the places of
    rung k+1 goes on from rung k: not before it is certain, which it is when all that can still reach rung k have, or
    when those who have not are too few to change it. Who can't have a place any more stops, as does what is not finite;
    a failed trial is a record of the worst score. All others wait, but not for who has ended; the place of such a one
    goes to nobody.

    Attributes:
        settings: as the experiment's author wrote them.
    """

    settings: SuccessiveHalvingSettings
    _ladders: RungSystem = field(default_factory=RungSystem)
    _open: set[tuple[int, int]] = field(default_factory=set)
    _ended: dict[tuple[int, int], set[int]] = field(default_factory=dict)

    pauses: ClassVar[bool] = True
    compares_curves: ClassVar[bool] = False

    def bracket(self, index: int) -> int:  # noqa: ARG002 - a batch is known by its indices
        """Give 0: there is one bracket."""
        return 0

    def levels(self, bracket: int) -> tuple[int, ...]:
        """Give the rung levels, ascending; the last is maxResource."""
        settings = self.settings
        return rung_levels(settings.min_resource, settings.max_resource, settings.reduction_factor, bracket)

    def record(self, result: RungResult) -> None:
        """Take note of an result; a trial's first record at a rung counts.

        Raises:
            InternalError: there is no rung of that resource.
        """
        batch = self._batch(result)
        self._ladders.record(batch, self.levels(0), result)
        self._ladders.rung(batch, result.resource).release_beyond(self._places(result.resource))
        self._note(batch)

    def decide(self, result: RungResult) -> Verdict:
        """Let the trial go on if a place at the next rung is certain, and wait if it may still get one.

        Raises:
            InternalError: the result is not recorded.
        """
        rung = self._ladders.reached(self._batch(result), result)
        where, places = place(rung, result), self._places(result.resource)
        if not rung.finite(result.index):
            return Verdict(Decision.STOP, f"not finite at rung {result.resource}, and never goes on")
        if result.resource == self.settings.max_resource:
            return Verdict(Decision.CONTINUE, f"{where}, the last rung: the trial ends by itself")
        if self._ladders.has_passed(result):
            return Verdict(Decision.CONTINUE, f"{where}, and has reached a higher one")
        if rung.rank(result.index) > places:
            return Verdict(Decision.STOP, f"{where}, {go_on(places)}")
        expected = self._outstanding(self._batch(result), result.resource)
        if rung.rank(result.index) + expected <= places:
            return Verdict(Decision.CONTINUE, f"{where}, {go_on(places)}")
        return Verdict(Decision.PAUSE, f"{where}, {go_on(places)} when {expected} more are there; it waits")

    def mark_continued(self, result: RungResult) -> None:
        """Take note that a recorded trial has gone on from a rung."""
        self._ladders.mark_continued(self._batch(result), result)
        self._note(self._batch(result))

    def mark_finished(self, bracket: int, index: int) -> None:  # noqa: ARG002 - a batch is known by its indices
        """Take note that a trial has ended, lest the rungs to which it might have come wait for it."""
        batch = index // self.settings.trials
        highest = self._ladders.mark_finished(batch, index)
        if not highest or self._ladders.rung(batch, highest).rank(index) <= self._places(highest):
            self._ended.setdefault((batch, highest), set()).add(index)
        self._note(batch)

    def next_promotion(self, *, idle_slot: bool = False) -> RungResult | None:  # noqa: ARG002 - the contract's
        """Give a trial whose place is certain by now: from the highest rung, the oldest batch there, the best."""
        for resource, batch in sorted(self._open, key=lambda each: (-each[0], each[1])):
            rung = self._ladders.rung(batch, resource)
            index = rung.best_paused(self._places(resource) - self._outstanding(batch, resource))
            if index is not None:
                return RungResult(0, resource, index, rung.score(index))
        return None

    def _note(self, batch: int) -> None:
        """Remember at which rungs somebody waits, so that batches that are over cost nothing."""
        for resource in self.levels(0)[:-1]:
            key = resource, batch
            (self._open.add if self._ladders.rung(batch, resource).waits else self._open.discard)(key)

    def _batch(self, result: RungResult) -> int:
        return result.index // self.settings.trials

    def _places(self, resource: int) -> int:
        """How many go on from a rung; no limit at the last."""
        levels, eta = self.levels(0), self.settings.reduction_factor
        if resource == levels[-1]:
            return self.settings.trials
        return int(self.settings.trials // eta ** (levels.index(resource) + 1))

    def _outstanding(self, batch: int, resource: int) -> int:
        """How many trials may still reach a rung of a batch."""
        may_come = self.settings.trials - len(self._ended.get((batch, 0), ()))
        for level in self.levels(0)[: self.levels(0).index(resource)]:
            rung = self._ladders.rung(batch, level)
            more = max(0, may_come - len(rung))
            may_come = min(self._places(level), rung.count_finite + more) - self._given_up(batch, level, more)
        return max(0, may_come - len(self._ladders.rung(batch, resource)))

    def _given_up(self, batch: int, resource: int, more: int) -> int:
        """How many have ended with a place that they can't lose any more to those who may still come to their rung."""
        rung, places = self._ladders.rung(batch, resource), self._places(resource)
        ended = self._ended.get((batch, resource), ())
        return sum(rung.finite(index) and rung.rank(index) + more <= places for index in ended)
