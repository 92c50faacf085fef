"""Population based training.

Source: Jaderberg et al., *Population Based Training of Neural Networks* (arXiv:1711.09846), Algorithm 1 with truncation
selection: a trial in the bottom quantile of the population copies one in the top quantile, drawn evenly, and perturbs
its parameters.
"""

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from math import ceil, inf, isfinite
from typing import ClassVar

from toprung.api.v1alpha1.early_stopping import PbtSettings
from toprung.early_stopping.rungs import even_levels, judge_not_finite, ordinal
from toprung.early_stopping.types import Decision, Exploit, RungResult, Verdict
from toprung.errors import InternalError
from toprung.seeds import derive


@dataclass(slots=True)
class PopulationBasedTraining:
    """The rule over one experiment's trials; a :class:`~toprung.early_stopping.types.Stopper`.

    The rule is asynchronous: no trial waits. A trial that reaches a level is compared by its latest record with the
    latest records of all other trials, at any level. Failed and stopped trials leave the population, because they would
    occupy a quantile. A trial with a non-finite score exploits any available donor.

    A donor is in the top quantile, has a finite score, and has continued with the recorded state. A trial that exploits
    has another checkpoint, so it is no donor until it reports. A trial at maxResource is no donor, because nothing is
    left to train.

    Attributes:
        settings: of the experiment.
        seed: of the experiment; draws the donors.
    """

    settings: PbtSettings
    seed: int
    _records: dict[int, dict[int, RungResult]] = field(default_factory=dict)
    _order: list[tuple[float, int]] = field(default_factory=list)
    _finite: set[int] = field(default_factory=set)
    _released: set[tuple[int, int]] = field(default_factory=set)

    pauses: ClassVar[bool] = False
    compares_curves: ClassVar[bool] = False

    def bracket(self, index: int) -> int:  # noqa: ARG002 - the contract's
        """Return 0: there is one population."""
        return 0

    def levels(self, bracket: int) -> tuple[int, ...]:  # noqa: ARG002 - the contract's
        """Return the multiples of the interval below maxResource, ascending, and maxResource."""
        return even_levels(
            self.settings.perturbation_interval, self.settings.perturbation_interval, self.settings.max_resource
        )

    def record(self, result: RungResult) -> None:
        """Record a result; a trial's first record at a level counts.

        Raises:
            InternalError: there is no such level.
        """
        if result.resource not in self.levels(0):
            raise InternalError(f"no level {result.resource}, only {self.levels(0)}: {result}")
        own = self._records.setdefault(result.index, {})
        if result.resource in own:
            return
        if own:
            self._leave(result.index)
        own[result.resource] = result
        insort(self._order, _key(self._latest(result.index)))
        if isfinite(result.score):
            self._finite.add(result.resource)

    def decide(self, result: RungResult) -> Verdict:
        """Decide EXPLOIT if the trial is in the bottom quantile or its score is not finite.

        Raises:
            InternalError: the result is not recorded.
        """
        own = self._records.get(result.index, {}).get(result.resource)
        if own is None:
            raise InternalError(f"a result is recorded before it is judged: {result}")
        latest, size = self._latest(result.index), len(self._order)
        place, share = bisect_left(self._order, _key(latest)) + 1, self._share
        where = f"{ordinal(place)} of {size} by latest value, at step {latest.resource}"
        ends = latest.resource == self.settings.max_resource
        donors = () if ends else self._donors(result.index)
        if donors and (place > size - share or not isfinite(latest.score)):
            donor = donors[self._draw("donor", own) % len(donors)]
            message = f"{where}; exploits trial {donor}"
            return Verdict(Decision.EXPLOIT, message, self._exploit(donor, own))
        if not isfinite(own.score):
            first = result.resource == self.levels(0)[0] or not ends
            stop = judge_not_finite(result, rivals=result.resource in self._finite, first=first)
            return stop or Verdict(Decision.CONTINUE, f"not finite, and there is no trial to copy from: {where}")
        return Verdict(Decision.CONTINUE, f"{where}: it continues")

    def mark_continued(self, result: RungResult) -> None:
        """Record that a trial has continued with the recorded state."""
        self._released.add((result.index, result.resource))

    def mark_finished(self, bracket: int, index: int) -> None:  # noqa: ARG002 - the contract's
        """Record that a trial has ended: unless it is finite at maxResource, it leaves the population."""
        if index in self._records:
            latest = self._latest(index)
            if latest.resource < self.settings.max_resource or not isfinite(latest.score):
                self._leave(index)

    def next_promotion(self, *, idle_slot: bool = False) -> None:
        """Return None: this rule pauses no trial."""

    @property
    def _share(self) -> int:
        """Return the number of trials in a quantile: rounded up, at most half of the population."""
        size = len(self._order)
        return min(ceil(round(size * self.settings.quantile_fraction, 9)), size // 2)

    def _donors(self, index: int) -> tuple[int, ...]:
        top = (self._latest(one) for _, one in self._order[: self._share] if one != index)
        return tuple(
            one.index
            for one in top
            if isfinite(one.score)
            and one.resource < self.settings.max_resource
            and (one.index, one.resource) in self._released
        )

    def _leave(self, index: int) -> None:
        key = _key(self._latest(index))
        place = bisect_left(self._order, key)
        if self._order[place : place + 1] == [key]:
            del self._order[place]

    def _latest(self, index: int) -> RungResult:
        own = self._records[index]
        return own[max(own)]

    def _exploit(self, donor: int, result: RungResult) -> Exploit:
        settings = self.settings
        return Exploit(
            donor, self._draw("explore", result), settings.resample_probability, settings.perturbation_factors
        )

    def _draw(self, what: str, result: RungResult) -> int:
        """Return 64 bits that depend on the seed, the trial and the level alone."""
        return derive("pbt", what, self.seed, result.index, result.resource)


def _key(result: RungResult) -> tuple[float, int]:
    """Return the sort key of a result, the best first; ties go to the smaller index."""
    return -result.score if isfinite(result.score) else inf, result.index
