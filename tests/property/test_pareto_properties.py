"""Properties of the Pareto front, for any scores."""

from math import hypot, inf, isfinite, nan
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from toprung.planning.pareto import undominated

SCORES = st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 2.0, nan, inf, -inf]) | st.floats()


def of(count):
    return st.lists(st.tuples(*[SCORES] * count), max_size=40)


SCORED = st.integers(2, 4).flatmap(of)


def dominates(one, other):
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))


@given(SCORED)
def test_the_front_has_the_non_dominated_trials(scored):
    """A trial is on the front exactly if its scores are finite and no other such trial dominates it.

    Equal trials are all on it.
    """
    finite = [scores for scores in scored if all(map(isfinite, scores))]
    expected = {
        position
        for position, scores in enumerate(scored)
        if all(map(isfinite, scores)) and not any(dominates(other, scores) for other in finite)
    }
    members = undominated(scored)
    assert set(members) == expected
    assert len(members) == len(expected)


@given(SCORED, st.randoms())
def test_the_front_does_not_depend_on_the_order_of_trials(scored, random):
    """The same scores are on it, ordered by the first one, best first."""
    shuffled = random.sample(scored, len(scored))
    found = [scored[member] for member in undominated(scored)]
    assert [shuffled[member] for member in undominated(shuffled)] == found
    assert found == sorted(found, reverse=True)


class CountedScore(float):
    """A score that counts the comparisons of all scores."""

    comparisons = 0

    def __ge__(self, other):
        CountedScore.comparisons += 1
        return float(self) >= other


def test_a_long_front_needs_few_comparisons():
    """All scores lie on a sphere, so that no trial dominates another one of three objectives."""
    draw = Random(7)
    directions = [[abs(draw.gauss(0, 1)) for _ in range(3)] for _ in range(1000)]
    scored = [tuple(CountedScore(one / hypot(*each)) for one in each) for each in directions]
    assert len(undominated(scored)) == len(scored)
    assert CountedScore.comparisons < len(scored) ** 2 / 4
