"""Median stopping.

Source: Golovin et al., *Google Vizier: A Service for Black-Box Optimization* (KDD 2017), section 3.2.1: a trial is
stopped at step t iff its best value so far is strictly worse than the median of the running averages of the other
trials up to t.
"""

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import ClassVar

from toprung.api.v1alpha1.early_stopping import MedianSettings
from toprung.early_stopping.rungs import even_levels, judge_not_finite
from toprung.early_stopping.types import Decision, RungResult, Verdict
from toprung.errors import InternalError


@dataclass(slots=True)
class Level:
    """The records at one level, with the means of the trials so far in order."""

    records: dict[int, RungResult] = field(default_factory=dict)
    finite: int = 0
    _means: list[tuple[float, int]] = field(default_factory=list)

    def record(self, result: RungResult) -> None:
        """Record a result; the first one of a trial counts."""
        if result.index not in self.records:
            self.records[result.index] = result
            self.finite += isfinite(result.score)
            insort(self._means, (_mean(result), result.index))

    def median_of_others(self, index: int) -> float:
        """Return the median of the means of all other trials, of which there is at least one."""
        own = bisect_left(self._means, (_mean(self.records[index]), index))
        others = len(self._means) - 1
        middle = ((others - 1) // 2, others // 2)
        low, high = (position + 1 if position >= own else position for position in middle)
        return (self._means[low][0] + self._means[high][0]) / 2


@dataclass(slots=True)
class MedianStopping:
    """The rule over one experiment's trials; a :class:`~toprung.early_stopping.types.Stopper`.

    A trial with a non-finite score stops if another trial has a finite score at the level, or past the first level.
    Means exclude non-finite values. A trial without finite values has the worst mean.

    Attributes:
        settings: of the experiment.
    """

    settings: MedianSettings
    _levels: dict[int, Level] = field(default_factory=dict)

    pauses: ClassVar[bool] = False
    compares_curves: ClassVar[bool] = True

    def bracket(self, index: int) -> int:  # noqa: ARG002 - the contract's
        """Return 0: there is one bracket."""
        return 0

    def levels(self, bracket: int) -> tuple[int, ...]:  # noqa: ARG002 - the contract's
        """Return the multiples of the interval from gracePeriod on, ascending, and maxResource."""
        return even_levels(self.settings.step, self.settings.grace_period, self.settings.max_resource)

    def record(self, result: RungResult) -> None:
        """Record a result; a trial's first record at a level counts.

        Raises:
            InternalError: there is no such level.
        """
        if result.resource not in self.levels(0):
            raise InternalError(f"no level {result.resource}, only {self.levels(0)}: {result}")
        self._levels.setdefault(result.resource, Level()).record(result)

    def decide(self, result: RungResult) -> Verdict:
        """Stop the trial if its best so far is worse than the median of the others' means.

        Raises:
            InternalError: the result is not recorded.
        """
        level = self._levels.get(result.resource, Level())
        own = level.records.get(result.index)
        if own is None:
            raise InternalError(f"a result is recorded before it is judged: {result}")
        if not isfinite(own.score):
            first = result.resource == self.levels(0)[0]
            stop = judge_not_finite(result, rivals=level.finite > 0, first=first)
            return stop or Verdict(Decision.CONTINUE, f"not finite, like all at step {result.resource}")
        others = len(level.records) - 1
        if result.resource == self.settings.max_resource or others < self.settings.min_trials:
            return Verdict(Decision.CONTINUE, f"one of {others + 1} at step {result.resource}: it continues")
        worse = _best(own) < level.median_of_others(result.index)
        where = f"the value at step {result.resource}"
        compared = f"the median of the means of {others} other trials"
        if worse:
            return Verdict(Decision.STOP, f"{where}; the trial's best value is worse than {compared}")
        return Verdict(Decision.CONTINUE, f"{where}; the trial's best value is not worse than {compared}")

    def mark_continued(self, result: RungResult) -> None:
        """Do nothing: no trial waits."""

    def mark_finished(self, bracket: int, index: int) -> None:
        """Do nothing: no trial waits for another."""

    def next_promotion(self, *, idle_slot: bool = False) -> None:
        """Return None: this rule pauses no trial."""


def _best(result: RungResult) -> float:
    return result.score if result.best is None else result.best


def _mean(result: RungResult) -> float:
    mean = result.score if result.mean is None else result.mean
    return mean if isfinite(mean) else -inf
