"""Records the rungs of the Trials in an early-stopping rule."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain

from toprung.early_stopping import Stopper
from toprung.early_stopping.types import RungResult
from toprung.metrics.progress import score
from toprung.objects.trial import RungRecord, RungVerdict, TrialRecord

WORST = float("-inf")
CONTINUED = (RungVerdict.CONTINUE, RungVerdict.PROMOTE)
"""Verdicts after which a trial is no candidate for promotion from that rung."""

_Known = tuple[tuple[RungRecord, ...], bool]
"""The rungs of a trial, and whether it has ended."""
_NOTHING: _Known = ((), False)


@dataclass(slots=True)
class RuleRecords:
    """A rule with the records that it has received.

    The rule is independent of the order of its records, and a second record of a rung has no effect. So the records of
    one plan serve the next one, which adds only those of the trials that changed.

    Attributes:
        stopper: the rule; it starts without records.
        maximize: the objective's direction.
        absent: ranges of indices that have no Trial: it was deleted, or there will never be one.
        exact: whether the rule knows nothing beside the records. If not, it serves one plan only.
    """

    stopper: Stopper
    maximize: bool
    absent: tuple[range, ...] = ()
    exact: bool = True
    _known: dict[int, _Known] = field(default_factory=dict)
    _complete: bool = False

    def add_all(self, trials: Iterable[TrialRecord]) -> None:
        """Record the rungs and the ends of all trials, present or absent."""
        for trial in trials:
            if self._known.get(trial.index, _NOTHING) != (trial.rungs, trial.state.terminal):
                self.add(trial)
        if not self._complete:
            for index in chain.from_iterable(self.absent):
                self.stopper.mark_finished(self.stopper.bracket(index), index)
            self._complete = True

    def add(self, trial: TrialRecord) -> None:
        """Record the rungs of a trial, and its end."""
        for rung in trial.rungs:
            result = self.result(trial, rung)
            self.stopper.record(result)
            if rung.verdict in CONTINUED:
                self.stopper.mark_continued(result)
        if trial.state.terminal:
            self.stopper.mark_finished(trial.bracket, trial.index)
        self._known[trial.index] = trial.rungs, trial.state.terminal

    def serves(self, trials: Iterable[TrialRecord], absent: tuple[range, ...]) -> bool:
        """Return whether the rule has no record that these trials do not have.

        It has others if a decision of the earlier plan was not written, or if a Trial was deleted.
        """
        common = 0
        for trial in trials:
            known = self._known.get(trial.index)
            if known is not None:
                if not _continues(known, trial):
                    return False
                common += 1
        return self.exact and common == len(self._known) and absent == self.absent

    def result(self, trial: TrialRecord, rung: RungRecord) -> RungResult:
        """Return a rung of a trial as the rule receives it."""
        best = self._score(rung.best) if rung.best is not None else None
        mean = self._score(rung.mean) if rung.mean is not None else None
        return RungResult(trial.bracket, rung.resource, trial.index, self._score(rung.value), best=best, mean=mean)

    def _score(self, value: float | None) -> float:
        return WORST if value is None else score(value, maximize=self.maximize)


def _continues(known: _Known, trial: TrialRecord) -> bool:
    """Return whether a trial has all known rungs, and has ended if it is known to have ended."""
    rungs, ended = known
    if ended and not trial.state.terminal:
        return False
    return rungs is trial.rungs or (
        len(rungs) <= len(trial.rungs) and all(map(_is_or_became, rungs, trial.rungs[: len(rungs)]))
    )


def _is_or_became(old: RungRecord, new: RungRecord) -> bool:
    """Return whether a record is the earlier one, perhaps promoted since; its time does not matter to a rule."""
    promoted = old.verdict is RungVerdict.PAUSE and new.verdict is RungVerdict.PROMOTE
    same = (old.resource, old.value, old.best, old.mean) == (new.resource, new.value, new.best, new.mean)
    return same and (promoted or old.verdict is new.verdict)
