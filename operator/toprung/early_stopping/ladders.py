"""Ladders: the rungs of each group of trials that compete (a bracket, a batch), and where each trial waits."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from toprung.early_stopping.rungs import Rung
from toprung.early_stopping.types import RungResult
from toprung.errors import InternalError


@dataclass(slots=True)
class RungSystem:
    """All records of an experiment; equal to any other of the same, in whatever order they came.

    A trial waits at the highest rung that it has reached, and nowhere else: a report that jumps over rungs is recorded
    in each of them, but below the highest there is nothing to go on to.
    """

    _rungs: dict[tuple[int, int], Rung] = field(default_factory=dict)
    _highest: dict[int, int] = field(default_factory=dict)

    def record(self, group: int, levels: tuple[int, ...], result: RungResult) -> None:
        """Take note of an result; a trial's first record at a rung counts.

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
        """Take note that a trial has gone on from a rung; twice changes nothing.

        Raises:
            InternalError: it was never recorded there.
        """
        self.reached(group, result).mark_continued(result.index)

    def mark_finished(self, group: int, index: int) -> int:
        """Take note that a trial has ended, wherever it waits; gives the highest rung it has reached, 0 for none."""
        highest = self._highest.get(index, 0)
        if highest:
            self._rungs[group, highest].mark_finished(index)
        return highest

    def reached(self, group: int, result: RungResult) -> Rung:
        """Give the rung of an result that is recorded.

        Raises:
            InternalError: it is not.
        """
        rung = self.rung(group, result.resource)
        if result.index not in rung:
            raise InternalError(f"an result is recorded before anything is asked or said about it: {result}")
        return rung

    def rung(self, group: int, resource: int) -> Rung:
        """Give a rung, an empty one where nobody has come."""
        return self._rungs.get((group, resource), _EMPTY)

    def has_passed(self, result: RungResult) -> bool:
        """Whether the trial has reached a higher rung since, or by the same report."""
        return self._highest[result.index] > result.resource

    def __iter__(self) -> Iterator[tuple[int, int, Rung]]:
        """Give group, resource and rung of each rung that somebody has reached."""
        return ((group, resource, rung) for (group, resource), rung in self._rungs.items())


_EMPTY = Rung()
