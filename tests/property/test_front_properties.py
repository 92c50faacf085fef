"""The Pareto front, whatever the scores are."""

from math import inf, isfinite, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toprung.planning.front import dominates, front

SCORES = st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 2.0, nan, inf, -inf]) | st.floats()


def of(count):
    return st.lists(st.tuples(*[SCORES] * count), max_size=40)


SCORED = st.integers(2, 4).flatmap(of)


@given(SCORED)
def test_the_front_is_what_nobody_dominates(scored):
    """No member dominates another; whoever is outside is dominated by a member, or not finite, and so never inside."""
    members = front(scored)
    assert len(set(members)) == len(members)
    for position, scores in enumerate(scored):
        beaten = any(dominates(scored[member], scores) for member in members)
        assert (position in members) == (all(map(isfinite, scores)) and not beaten)


@given(SCORED, st.randoms())
def test_the_order_of_the_trials_changes_nothing(scored, random):
    """The same scores are on it, in the same order."""
    shuffled = random.sample(scored, len(scored))
    assert [shuffled[member] for member in front(shuffled)] == [scored[member] for member in front(scored)]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param((1, 1), (1, 0), True, id="better-in-one"),
        pytest.param((1, 0), (0, 1), False, id="a-trade"),
        pytest.param((1, 1), (1, 1), False, id="equal"),
        pytest.param((0, 0), (1, 1), False, id="worse"),
    ],
)
def test_dominates(one, other, expected):
    """Nowhere worse, and somewhere better."""
    assert dominates(one, other) is expected
