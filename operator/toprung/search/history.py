"""What is known of an experiment's trials, and which of it a model is fitted on, whatever the model.

Runs are compared only where they have been given the same resource. So the scores are those at one rung: the highest
that has at least (number of parameters + 2) records, as in BOHB (Falkner et al., ICML 2018, section 4.1). Trials that
were stopped there count as much as those that went on.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from math import isfinite

from toprung.search.types import Evaluation, Standing

_Rung = int | None
"""Level of a rung; None is the end of the trial, wherever that was."""


@dataclass(frozen=True, slots=True)
class Records:
    """What a model may learn from.

    Attributes:
        scores: index of the trial -> its score, finite, larger is better.
        poor: indices of the trials that have none, and near which nothing new should be tried: those that still run
            (the constant liar's lie), those that failed, and those whose score is not finite. A failure is thus
            as bad as can be, but can never become a good example, however many trials fail.
        seen: how many trials have a finite score at all, at whatever rung.
        enough: whether the rung has records enough to fit a model on; draw at random where not.
    """

    scores: Mapping[int, float]
    poor: AbstractSet[int]
    seen: int
    enough: bool


class History:
    """The evaluations of one experiment, filed by rung as they come, so that an ask need not go through all of them.

    Its answers depend on the set of evaluations alone, not on the order in which they came.

    Attributes:
        evaluations: index -> the last that was told of that trial, in any order.
    """

    def __init__(self) -> None:
        self.evaluations: dict[int, Evaluation] = {}
        self._finite: defaultdict[_Rung, dict[int, float]] = defaultdict(dict)
        self._spoilt: defaultdict[_Rung, set[int]] = defaultdict(set)
        self._standing: defaultdict[Standing, set[int]] = defaultdict(set)

    def tell(self, evaluation: Evaluation) -> None:
        """File an evaluation, in place of what was known of that trial."""
        self._withdraw(evaluation.index)
        self.evaluations[evaluation.index] = evaluation
        self._standing[evaluation.standing].add(evaluation.index)
        for rung, score in _scores(evaluation):
            if isfinite(score):
                self._finite[rung][evaluation.index] = score
            else:
                self._spoilt[rung].add(evaluation.index)

    def records(self, parameters: int) -> Records:
        """Choose the rung and read the scores there.

        Where no trial has rungs, the final scores of complete trials are taken. A complete trial that ended before the
        chosen rung counts with its final score; one that was stopped below it is left out: others did better there, but
        by how much at this rung nobody knows.

        Args:
            parameters: the number of parameters of the space.
        """
        rung, enough = self._rung(parameters + 2)
        spoilt = self._spoilt[rung]
        ended = (
            {i: score for i, score in self._finite[None].items() if i not in spoilt} if spoilt else self._finite[None]
        )
        scores = {**ended, **self._finite[rung]}
        poor = self._standing[Standing.RUNNING] | self._standing[Standing.FAILED] | self._spoilt[None] | spoilt
        seen = len(set().union(*self._finite.values()))
        return Records(scores, poor - scores.keys(), seen, enough)

    def _rung(self, least: int) -> tuple[_Rung, bool]:
        """Give the rung to fit on, and whether it has enough records."""
        counts = {rung: len(scores) for rung, scores in self._finite.items() if rung is not None and scores}
        rich = [rung for rung, count in counts.items() if count >= least]
        return (max(rich), True) if rich else (min(counts, default=None), not counts)

    def _withdraw(self, index: int) -> None:
        for scores in self._finite.values():
            scores.pop(index, None)
        for indices in (*self._spoilt.values(), *self._standing.values()):
            indices.discard(index)


def _scores(evaluation: Evaluation) -> Iterator[tuple[_Rung, float]]:
    """Give the scores that may be compared; those of a failed trial may not, and the last of a stopped one neither."""
    if evaluation.standing is not Standing.FAILED:
        yield from evaluation.rungs
    if evaluation.standing is Standing.COMPLETE and evaluation.score is not None:
        yield None, evaluation.score
