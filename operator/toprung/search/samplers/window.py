"""Which trials of a long history a model is fitted to: the best and the newest."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from heapq import nlargest
from math import isfinite

from toprung.search.order import Rank, rank
from toprung.search.types import Evaluation, Standing

MOST = 10_000
"""How many trials a model is fitted to at most."""

Goodness = Rank | tuple[float, ...] | None
"""What trials are compared by, larger is better; None where a trial has nothing to compare."""


def good(evaluation: Evaluation) -> Goodness:
    """Return the rank of a trial with one objective."""
    return rank(evaluation)


def good_by_several(evaluation: Evaluation) -> Goodness:
    """Return the scores of a complete trial with several objectives."""
    complete = evaluation.standing is Standing.COMPLETE and evaluation.scores
    return evaluation.scores if complete and all(map(isfinite, evaluation.scores)) else None


def window(goodness: Mapping[int, Goodness], most: int) -> AbstractSet[int]:
    """Return the indices of the trials to fit to: all, or the best and the newest half of what fits.

    Of several objectives the best trials by each of them are taken. The result depends on the trials alone, not on the
    order of their arrival.
    """
    if len(goodness) <= most:
        return goodness.keys()
    known = {index: one for index, one in goodness.items() if one is not None}
    orders = _orders(next(iter(known.values()), ()))
    best = {
        index
        for order in orders
        for index in nlargest(most // 2 // len(orders), known, key=lambda index, at=order: (known[index][at], -index))
    }
    return best.union(nlargest(most - len(best), goodness.keys() - best))


def _orders(example: Goodness) -> tuple[slice, ...]:
    """Return what to sort by: the whole rank, or each of several scores."""
    several = example is not None and len(example) > 0 and not isinstance(example[0], bool)
    return tuple(slice(k, k + 1) for k in range(len(example or ()))) if several else (slice(None),)
