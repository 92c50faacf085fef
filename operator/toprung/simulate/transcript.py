"""A rule's answers within one pass, so that the pass can be made again with one more trial in sight."""

from collections.abc import Container
from dataclasses import dataclass, field

from toprung.early_stopping.types import RungResult, Stopper, Verdict


class OutOfSight(Exception):
    """The rule promotes a trial that is not in the snapshot."""

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


@dataclass(slots=True)
class Transcript:
    """A :class:`~toprung.early_stopping.types.Stopper` that repeats itself: verdicts are sticky, and so are promotions.

    Attributes:
        rule: lives as long as the experiment, so that the records of trials out of sight are in it.
        sight: indices of the trials in the snapshot.
        promotions: in turn; those that an earlier pass has promised come first.
    """

    rule: Stopper
    sight: Container[int]
    promotions: list[RungResult]
    _verdicts: dict[tuple[int, int], Verdict] = field(default_factory=dict)
    _said: int = 0

    @property
    def promoted(self) -> tuple[RungResult, ...]:
        """The trials that were to go on in this pass, whether they could by then or not."""
        return tuple(self.promotions[: self._said])

    @property
    def pauses(self) -> bool:
        """As the rule has it."""
        return self.rule.pauses

    @property
    def compares_curves(self) -> bool:
        """As the rule has it."""
        return self.rule.compares_curves

    def bracket(self, index: int) -> int:
        """As the rule has it."""
        return self.rule.bracket(index)

    def levels(self, bracket: int) -> tuple[int, ...]:
        """As the rule has it."""
        return self.rule.levels(bracket)

    def record(self, result: RungResult) -> None:
        """Tell the rule."""
        self.rule.record(result)

    def decide(self, result: RungResult) -> Verdict:
        """Give the rule's first answer."""
        key = result.index, result.resource
        if key not in self._verdicts:
            self._verdicts[key] = self.rule.decide(result)
        return self._verdicts[key]

    def mark_continued(self, result: RungResult) -> None:
        """Tell the rule; a promotion is over by that."""
        following = self.promotions[self._said : self._said + 1]
        if [(each.index, each.resource) for each in following] == [(result.index, result.resource)]:
            self._said += 1
        self.rule.mark_continued(result)

    def mark_finished(self, bracket: int, index: int) -> None:
        """Tell the rule."""
        self.rule.mark_finished(bracket, index)

    def next_promotion(self, *, idle_slot: bool = False) -> RungResult | None:
        """Give the promotions in the order of the first time, then ask for more.

        Raises:
            OutOfSight: the trial is not in the snapshot.
        """
        if self._said == len(self.promotions):
            result = self.rule.next_promotion(idle_slot=idle_slot)
            if result is None:
                return None
            self.promotions.append(result)
        result = self.promotions[self._said]
        if result.index not in self.sight:
            raise OutOfSight(result.index)
        return result

    def again(self) -> None:
        """Begin the pass anew."""
        self._said = 0
