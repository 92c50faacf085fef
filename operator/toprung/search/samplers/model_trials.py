"""Selects the trials of a long history to fit a model to: the best and the newest."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from heapq import nlargest
from math import isfinite

from toprung.search.ranking import rank
from toprung.search.types import Evaluation, EvaluationState

MAX_MODEL_TRIALS = 10_000
"""Maximum number of trials to fit a model to."""

SelectionKey = tuple[float, ...] | None
"""A rank or several scores, by which trials are compared; larger is better. None if a trial is not comparable."""


def selection_key(evaluation: Evaluation) -> SelectionKey:
    """Return the rank of a trial with one objective."""
    return rank(evaluation)


def selection_key_of_several(evaluation: Evaluation) -> SelectionKey:
    """Return the scores of a complete trial with several objectives."""
    complete = evaluation.state is EvaluationState.COMPLETE and evaluation.scores
    return evaluation.scores if complete and all(map(isfinite, evaluation.scores)) else None


def select_trials(selection_keys: Mapping[int, SelectionKey], most: int) -> AbstractSet[int]:
    """Return the indices of the trials to fit to: all, or `most` of them, half the best and half the newest.

    With several objectives, the best trials by each of them are selected. The result depends on the trials
    alone, not on the order of their arrival.
    """
    if len(selection_keys) <= most:
        return selection_keys.keys()
    known = [(one, -index) for index, one in selection_keys.items() if one is not None]
    objectives = _objectives(known[0][0] if known else ())
    best = {
        -negative
        for number in range(objectives)
        for _, negative in nlargest(most // 2 // objectives, ((_by(one, number), index) for one, index in known))
    }
    return best.union(nlargest(most - len(best), selection_keys.keys() - best))


def _objectives(example: tuple[float, ...]) -> int:
    """Return the number of scores; a rank, which begins with a boolean, counts as one."""
    return 1 if not example or isinstance(example[0], bool) else len(example)


def _by(one: tuple[float, ...], number: int) -> tuple[float, ...]:
    return one if isinstance(one[0], bool) else one[number : number + 1]
