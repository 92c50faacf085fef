"""Population based training.

Source: Jaderberg et al., *Population Based Training of Neural Networks* (arXiv:1711.09846), Algorithm 1 with truncation
selection: a trial in the bottom quantile of the population copies one in the top quantile, drawn evenly, and perturbs
its parameters.
"""

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from hashlib import blake2b
from math import ceil, inf, isfinite
from typing import ClassVar

from toprung.api.v1alpha1.early_stopping import PbtSettings
from toprung.early_stopping.messages import judge_not_finite
from toprung.early_stopping.rungs import even_levels
from toprung.early_stopping.types import Decision, Exploit, RungResult, Verdict
from toprung.errors import InternalError


@dataclass(slots=True)
class PopulationBasedTraining:
    """The rule over one experiment's trials; a :class:`~toprung.early_stopping.types.Stopper`.

    Asynchronous: nobody waits. A trial that comes to a level is compared by its latest record with the latest records
    of all others, however far those are. One that has failed or was stopped is none of them any more: it would fill a
    quantile and take no part in it. What is not finite takes over from any that is there to be taken over from.

    A donor is in the top quantile, finite, has gone on with what it recorded (one that took over itself has another
    checkpoint by now, and is none until it reports), and is not at maxResource, where nothing is left to train.

    Attributes:
        settings: as the experiment's author wrote them.
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
        """Give 0: there is one population."""
        return 0

    def levels(self, bracket: int) -> tuple[int, ...]:  # noqa: ARG002 - the contract's
        """Give the multiples of the interval below maxResource, ascending, and maxResource."""
        return even_levels(
            self.settings.perturbation_interval, self.settings.perturbation_interval, self.settings.max_resource
        )

    def record(self, arrival: RungResult) -> None:
        """Take note of an arrival; a trial's first record at a level counts.

        Raises:
            InternalError: there is no such level.
        """
        if arrival.resource not in self.levels(0):
            raise InternalError(f"no level {arrival.resource}, only {self.levels(0)}: {arrival}")
        own = self._records.setdefault(arrival.index, {})
        if arrival.resource in own:
            return
        if own:
            self._leave(arrival.index)
        own[arrival.resource] = arrival
        insort(self._order, _key(self._latest(arrival.index)))
        if isfinite(arrival.score):
            self._finite.add(arrival.resource)

    def judge(self, arrival: RungResult) -> Verdict:
        """Let the trial take over from a better one if it is in the bottom quantile, or not finite.

        Raises:
            InternalError: the arrival is not recorded.
        """
        own = self._records.get(arrival.index, {}).get(arrival.resource)
        if own is None:
            raise InternalError(f"an arrival is recorded before it is judged: {arrival}")
        latest, size = self._latest(arrival.index), len(self._order)
        place, share = bisect_left(self._order, _key(latest)) + 1, self._share
        where = f"{place} of {size} by the latest of each, at step {latest.resource}"
        ends = latest.resource == self.settings.max_resource
        donors = () if ends else self._donors(arrival.index)
        if donors and (place > size - share or not isfinite(latest.score)):
            donor = donors[self._draw("donor", own) % len(donors)]
            message = f"{where}: it takes over from trial {donor} and explores from there"
            return Verdict(Decision.EXPLOIT, message, self._exploit(donor, own))
        if not isfinite(own.score):
            first = arrival.resource == self.levels(0)[0] or not ends
            stop = judge_not_finite(arrival, rivals=arrival.resource in self._finite, first=first)
            return stop or Verdict(Decision.CONTINUE, f"not finite, and nobody is there to take over from: {where}")
        return Verdict(Decision.CONTINUE, f"{where}: it goes on")

    def release(self, arrival: RungResult) -> None:
        """Take note that a trial has gone on with what it recorded."""
        self._released.add((arrival.index, arrival.resource))

    def withdraw(self, bracket: int, index: int) -> None:  # noqa: ARG002 - the contract's
        """Take note that a trial has ended: it leaves the population unless it has come to maxResource well."""
        if index in self._records:
            latest = self._latest(index)
            if latest.resource < self.settings.max_resource or not isfinite(latest.score):
                self._leave(index)

    def promotion(self, *, spare: bool = False) -> None:
        """Nobody is ever paused by this rule."""

    @property
    def _share(self) -> int:
        """How many are in a quantile: rounded up, but never more than half."""
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

    def _exploit(self, donor: int, arrival: RungResult) -> Exploit:
        settings = self.settings
        return Exploit(
            donor, self._draw("explore", arrival), settings.resample_probability, settings.perturbation_factors
        )

    def _draw(self, what: str, arrival: RungResult) -> int:
        """Give 64 bits that depend on the seed, the trial and the level alone."""
        name = f"pbt/{what}/{self.seed}/{arrival.index}/{arrival.resource}"
        return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")


def _key(arrival: RungResult) -> tuple[float, int]:
    """Order from the best; ties go to the smaller index."""
    return -arrival.score if isfinite(arrival.score) else inf, arrival.index
