"""Synchronous successive halving: exactly the best trials of each rung of a batch continue.

Source: Jamieson and Talwalkar, *Non-stochastic Best Arm Identification and Hyperparameter Optimization* (AISTATS 2016);
the rungs are those of Li et al., JMLR 2018, Algorithm 1, inner loop.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from toprung.api.v1alpha1.early_stopping import EarlyStopping, SuccessiveHalvingSettings
from toprung.early_stopping.rungs import RungSystem, continuing, place, rung_levels
from toprung.early_stopping.types import Decision, RungResult, Verdict


def missing_batch_indices(early_stopping: EarlyStopping | None, index_limit: int) -> range:
    """Return the indices of an incomplete batch that are never created, because no index reaches `index_limit`."""
    rule = early_stopping.rule if early_stopping is not None else None
    if not isinstance(rule, SuccessiveHalvingSettings):
        return range(0)
    return range(index_limit, -(-index_limit // rule.trials) * rule.trials)


@dataclass(slots=True)
class SuccessiveHalving:
    """The rule over one experiment's trials; a :class:`~toprung.early_stopping.types.Stopper`.

    Batch b has the trials b*n0 to (b+1)*n0 - 1. Rung k of a batch has floor(n0/eta^k) places. A trial continues from
    rung k when its place at rung k+1 is certain: all trials that can reach rung k have reached it, or too few remain to
    change its rank. A trial that can no longer get a place stops, and so does a trial with a non-finite score. A failed
    trial has the worst score. All other trials wait, but not for trials that have ended. The place of a trial that has
    ended stays empty.

    Attributes:
        settings: of the experiment.
    """

    settings: SuccessiveHalvingSettings
    _rungs: RungSystem = field(default_factory=RungSystem)
    _open: set[tuple[int, int]] = field(default_factory=set)
    _ended: dict[tuple[int, int], set[int]] = field(default_factory=dict)

    pauses: ClassVar[bool] = True
    compares_curves: ClassVar[bool] = False

    def bracket(self, index: int) -> int:  # noqa: ARG002 - a batch is known by its indices
        """Return 0: there is one bracket."""
        return 0

    def levels(self, bracket: int) -> tuple[int, ...]:
        """Return the rung levels, ascending; the last is maxResource."""
        settings = self.settings
        return rung_levels(settings.min_resource, settings.max_resource, settings.reduction_factor, bracket)

    def record(self, result: RungResult) -> None:
        """Record a result; a trial's first record at a rung counts.

        Raises:
            InternalError: there is no rung of that resource.
        """
        batch = self._batch(result)
        self._rungs.record(batch, self.levels(0), result)
        self._rungs.rung(batch, result.resource).release_beyond(self._continue_quota(result.resource))
        self._note(batch)

    def decide(self, result: RungResult) -> Verdict:
        """Continue the trial if its place at the next rung is certain; pause it if it may still get one.

        Raises:
            InternalError: the result is not recorded.
        """
        rung = self._rungs.reached(self._batch(result), result)
        where, places = place(rung, result), self._continue_quota(result.resource)
        if not rung.finite(result.index):
            return Verdict(Decision.STOP, f"not finite at rung {result.resource}, and never continues")
        if result.resource == self.settings.max_resource:
            return Verdict(Decision.CONTINUE, f"{where}, the last rung: the trial ends by itself")
        if self._rungs.has_passed(result):
            return Verdict(Decision.CONTINUE, f"{where}, and has reached a higher one")
        if rung.rank(result.index) > places:
            return Verdict(Decision.STOP, f"{where}, {continuing(places)}")
        expected = self._outstanding(self._batch(result), result.resource)
        if rung.rank(result.index) + expected <= places:
            return Verdict(Decision.CONTINUE, f"{where}, {continuing(places)}")
        more = "1 more trial reaches" if expected == 1 else f"{expected} more trials reach"
        return Verdict(Decision.PAUSE, f"{where}, {continuing(places)}; paused until {more} the rung")

    def mark_continued(self, result: RungResult) -> None:
        """Record that a trial has continued past a rung."""
        self._rungs.mark_continued(self._batch(result), result)
        self._note(self._batch(result))

    def mark_finished(self, bracket: int, index: int) -> None:  # noqa: ARG002 - a batch is known by its indices
        """Record that a trial has ended, so that no rung waits for it."""
        batch = index // self.settings.trials
        highest = self._rungs.mark_finished(batch, index)
        if not highest or self._rungs.rung(batch, highest).rank(index) <= self._continue_quota(highest):
            self._ended.setdefault((batch, highest), set()).add(index)
        self._note(batch)

    def next_promotion(self, *, idle_slot: bool = False) -> RungResult | None:  # noqa: ARG002 - the contract's
        """Return a trial whose place is certain: the best of the oldest batch at the highest rung."""
        for resource, batch in sorted(self._open, key=lambda each: (-each[0], each[1])):
            rung = self._rungs.rung(batch, resource)
            index = rung.best_paused(self._continue_quota(resource) - self._outstanding(batch, resource))
            if index is not None:
                return RungResult(0, resource, index, rung.score(index))
        return None

    def _note(self, batch: int) -> None:
        """Record the rungs where trials wait, so that finished batches cost nothing."""
        for resource in self.levels(0)[:-1]:
            key = resource, batch
            if self._rungs.rung(batch, resource).waits:
                self._open.add(key)
            else:
                self._open.discard(key)

    def _batch(self, result: RungResult) -> int:
        return result.index // self.settings.trials

    def _continue_quota(self, resource: int) -> int:
        """Return how many trials continue from a rung; no limit at the last."""
        levels, eta = self.levels(0), self.settings.reduction_factor
        if resource == levels[-1]:
            return self.settings.trials
        return int(self.settings.trials // eta ** (levels.index(resource) + 1))

    def _outstanding(self, batch: int, resource: int) -> int:
        """Return how many trials can still reach a rung of a batch."""
        may_come = self.settings.trials - len(self._ended.get((batch, 0), ()))
        for level in self.levels(0)[: self.levels(0).index(resource)]:
            rung = self._rungs.rung(batch, level)
            more = max(0, may_come - len(rung))
            may_come = min(self._continue_quota(level), rung.count_finite + more) - self._ended_with_place(
                batch, level, more
            )
        return max(0, may_come - len(self._rungs.rung(batch, resource)))

    def _ended_with_place(self, batch: int, resource: int, more: int) -> int:
        """Return how many trials have ended with a place that trials yet to reach the rung cannot take."""
        rung, places = self._rungs.rung(batch, resource), self._continue_quota(resource)
        ended = self._ended.get((batch, resource), ())
        return sum(rung.finite(index) and rung.rank(index) + more <= places for index in ended)
