"""Rungs: levels, records and verdict messages, and the assignment of trials to brackets."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from math import inf, isfinite

from toprung.early_stopping.types import Decision, RungResult, Verdict
from toprung.errors import InternalError
from toprung.seeds import derive

_HASH_BITS = 64


@lru_cache(maxsize=1024)
def rung_levels(min_resource: int, max_resource: int, reduction_factor: int, bracket: int) -> tuple[int, ...]:
    """Return r*eta^(s+k) <= R for k = 0, 1, ... in units of resource, ascending, with R itself always the last.

    Source: Li et al., MLSys 2020, Algorithm 2; in integers, for a floating logarithm loses rungs:
    int(log(1000)/log(10)) is 2.
    """
    levels = []
    level = min_resource * reduction_factor**bracket
    while level < max_resource:
        levels.append(level)
        level *= reduction_factor
    return (*levels, max_resource)


@lru_cache(maxsize=1024)
def even_levels(interval: int, first: int, last: int) -> tuple[int, ...]:
    """Return the multiples of the interval in [first, last), and last, in units of resource."""
    return (*range(-(-first // interval) * interval, last, interval), last)


@lru_cache(maxsize=1024)
def reduction_per_rung(rungs: int, reduction_factor: int, rung_skew: float) -> tuple[float, ...]:
    """Return the number of records per trial that continues, for each rung below the last.

    eta^(1 + rung_skew) at the first, evenly down to eta^(1 - rung_skew) in the exponent; eta where there is one
    rung alone. The product is eta^rungs for every rung_skew, so as many reach the last rung; 0 is the textbook's eta at
    each rung (ADR 24).
    """
    steps = max(1, rungs - 1)
    lean = rung_skew if rungs > 1 else 0.0
    return tuple(reduction_factor ** (1 + lean * (1 - 2 * k / steps)) for k in range(max(1, rungs)))


@lru_cache(maxsize=1024)
def bracket_sizes(min_resource: int, max_resource: int, reduction_factor: int, brackets: int) -> tuple[int, ...]:
    """Return Hyperband's n_s of each bracket, the most aggressive (our s = 0, Hyperband's s_max) first.

    n = ceil((s_max + 1) / (s + 1) * eta^s) with Hyperband's s = s_max - (our s). s_max + 1 is the number of rungs,
    which AshaSettings lets `brackets` reach at most. Source: Li et al., JMLR 2018, Algorithm 1.
    """
    rungs = len(rung_levels(min_resource, max_resource, reduction_factor, 0))
    hyperband = range(rungs - 1, rungs - 1 - brackets, -1)
    return tuple(-(-rungs * reduction_factor**s // (s + 1)) for s in hyperband)


def draw_bracket(sizes: tuple[int, ...], seed: int, index: int) -> int:
    """Return the bracket of trial `index`, in proportion to the sizes; the same in every process and at every call."""
    ticket = derive("bracket", seed, index) * sum(sizes) >> _HASH_BITS
    return bisect_right(tuple(accumulate(sizes)), ticket)


@dataclass(slots=True)
class Rung:
    """The records of one rung and the trials that wait there; independent of the order of the records.

    An insertion or a look-up costs O(log n) comparisons and a memmove of 8 bytes a record.
    """

    _scores: dict[int, float] = field(default_factory=dict)
    _order: list[tuple[float, int]] = field(default_factory=list)
    _waiting: list[tuple[float, int]] = field(default_factory=list)
    _withdrawn: int = 0

    def record(self, index: int, score: float) -> None:
        """Record a score, larger is better; the first score of a trial counts, a non-finite one as -inf.

        The trial then waits, unless its score is not finite.
        """
        if index in self._scores:
            return
        self._scores[index] = score if isfinite(score) else -inf
        key = self._key(index)
        insort(self._order, key)
        if self.finite(index):
            insort(self._waiting, key)

    def mark_continued(self, index: int) -> None:
        """Record that a trial with a record has continued."""
        self._take_out(index)

    def mark_finished(self, index: int) -> None:
        """Record that a trial with a record has ended; if it waited, it does not count as continued."""
        self._withdrawn += self._take_out(index)

    def release_beyond(self, places: int) -> None:
        """Record that only the best `places` trials can still wait."""
        while self._waiting and self.rank(self._waiting[-1][1]) > places:
            self._waiting.pop()

    def best_paused(self, places: int) -> int | None:
        """Return the best waiting trial if it is among the best `places` of all trials."""
        if not self._waiting:
            return None
        index = self._waiting[0][1]
        return index if self.rank(index) <= places else None

    def __contains__(self, index: int) -> bool:
        return index in self._scores

    def __len__(self) -> int:
        return len(self._order)

    def score(self, index: int) -> float:
        """Return the score of a recorded trial."""
        return self._scores[index]

    def rank(self, index: int) -> int:
        """Return the rank of a trial with a record, from 1, the best; ties go to the smaller index."""
        return bisect_left(self._order, self._key(index)) + 1

    def finite(self, index: int) -> bool:
        """Return whether a recorded trial has a score that is finite."""
        return self._scores[index] > -inf

    @property
    def count_finite(self) -> int:
        """Return the number of finite scores."""
        return bisect_left(self._order, (inf,))

    @property
    def continued_count(self) -> int:
        """Return the number of trials with finite scores that have continued past the rung."""
        return self.count_finite - len(self._waiting) - self._withdrawn

    @property
    def waits(self) -> bool:
        """Return whether a trial waits."""
        return bool(self._waiting)

    def _take_out(self, index: int) -> bool:
        """Remove a trial from the waiting trials. Return whether it waited."""
        key = self._key(index)
        place = bisect_left(self._waiting, key)
        waited = self._waiting[place : place + 1] == [key]
        if waited:
            del self._waiting[place]
        return waited

    def _key(self, index: int) -> tuple[float, int]:
        return -self._scores[index], index


@dataclass(slots=True)
class RungSystem:
    """The rungs of each group of trials that compete (a bracket or a batch); independent of the order of the records.

    A trial waits only at the highest rung that it has reached. A report that crosses several rungs is recorded at each
    of them.
    """

    _rungs: dict[tuple[int, int], Rung] = field(default_factory=dict)
    _highest: dict[int, int] = field(default_factory=dict)

    def record(self, group: int, levels: tuple[int, ...], result: RungResult) -> None:
        """Record a result; a trial's first record at a rung counts.

        Args:
            group: of the trial, whose index is in no other.
            levels: of the rungs of the group, ascending.
            result: at one of the levels.

        Raises:
            InternalError: there is no rung of that resource.
        """
        if result.resource not in levels:
            raise InternalError(f"no rung {result.resource}, only {levels}: {result}")
        rung = self._rungs.get((group, result.resource))
        if rung is None:
            rung = self._rungs[group, result.resource] = Rung()
        if result.index in rung:
            return
        rung.record(result.index, result.score)
        highest = self._highest.get(result.index)
        if highest is None or highest < result.resource:
            self._highest[result.index] = result.resource
        if highest is not None:
            self._rungs[group, min(highest, result.resource)].mark_continued(result.index)

    def mark_continued(self, group: int, result: RungResult) -> None:
        """Record that a trial has continued past a rung. A second call has no effect.

        Raises:
            InternalError: the trial was never recorded there.
        """
        self.reached(group, result).mark_continued(result.index)

    def mark_finished(self, group: int, index: int) -> int:
        """Record that a trial has ended. Return the level of its highest rung, 0 for none."""
        highest = self._highest.get(index, 0)
        if highest:
            self._rungs[group, highest].mark_finished(index)
        return highest

    def reached(self, group: int, result: RungResult) -> Rung:
        """Return the rung of a result that is recorded.

        Raises:
            InternalError: the result is not recorded.
        """
        rung = self.rung(group, result.resource)
        if result.index not in rung:
            raise InternalError(f"record a result before any other call with it: {result}")
        return rung

    def rung(self, group: int, resource: int) -> Rung:
        """Return a rung; it is empty if no trial has reached it."""
        return self._rungs.get((group, resource), _EMPTY)

    def has_passed(self, result: RungResult) -> bool:
        """Return whether the trial has reached a higher rung since, or by the same report."""
        return self._highest[result.index] > result.resource

    def __iter__(self) -> Iterator[tuple[int, int, Rung]]:
        """Return group, resource and rung of each rung with records."""
        return ((group, resource, rung) for (group, resource), rung in self._rungs.items())


_EMPTY = Rung()


def judge_not_finite(result: RungResult, *, rivals: bool, first: bool) -> Verdict | None:
    """Stop a non-finite result if a rival is finite, or past the first rung; otherwise return None: it is ranked."""
    if rivals:
        return Verdict(Decision.STOP, f"not finite, others are at rung {result.resource}")
    if not first:
        return Verdict(Decision.STOP, f"not finite past the first rung, at rung {result.resource}")
    return None


def place(rung: Rung, result: RungResult) -> str:
    """Return the rank of a trial in its rung as text: 14th of 20 at rung 3."""
    return f"{ordinal(rung.rank(result.index))} of {len(rung)} at rung {result.resource}"


def continuing(places: int) -> str:
    """Return how many trials continue from a rung, as text."""
    return "the best continues" if places == 1 else f"the best {places} continue"


def ordinal(number: int) -> str:
    """Return a rank as text: 14th."""
    teens = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
