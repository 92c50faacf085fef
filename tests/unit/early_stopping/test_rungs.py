"""Check rung levels and brackets against the papers, in integers."""

from collections import Counter
from math import inf, nan

import pytest

from toprung.early_stopping.rungs import Rung, bracket_sizes, draw_bracket, rung_levels


@pytest.mark.parametrize(
    ("r", "R", "eta", "bracket", "levels"),
    [
        pytest.param(1, 27, 3, 0, (1, 3, 9, 27), id="R-is-a-power"),
        pytest.param(1, 27, 3, 1, (3, 9, 27), id="bracket-1-skips-the-first"),
        pytest.param(1, 27, 3, 3, (27,), id="last-bracket-is-random-search"),
        pytest.param(1, 27, 3, 9, (27,), id="bracket-beyond-R"),
        pytest.param(1, 20, 3, 0, (1, 3, 9, 20), id="R-is-no-power"),
        pytest.param(2, 100, 4, 0, (2, 8, 32, 100), id="min-resource-2"),
        pytest.param(1, 1000, 10, 0, (1, 10, 100, 1000), id="where-a-float-logarithm-is-short"),
        pytest.param(5, 5, 3, 0, (5,), id="one-rung"),
        pytest.param(1, 2, 3, 0, (1, 2), id="R-below-eta"),
    ],
)
def test_levels(r, R, eta, bracket, levels):  # noqa: N803 - the paper's names
    """The levels are r*eta^(s+k) up to R, and R."""
    assert rung_levels(r, R, eta, bracket) == levels


@pytest.mark.parametrize(
    ("r", "R", "eta", "brackets", "sizes"),
    [
        pytest.param(1, 81, 3, 5, (81, 34, 15, 8, 5), id="table-1-of-the-hyperband-paper"),
        pytest.param(1, 81, 3, 2, (81, 34), id="the-most-aggressive-two"),
        pytest.param(1, 20, 3, 4, (27, 12, 6, 4), id="R-is-no-power-and-a-rung-of-its-own"),
        pytest.param(1, 100, 10, 3, (100, 15, 3), id="eta-10"),
        pytest.param(4, 4, 3, 1, (1,), id="one-rung"),
    ],
)
def test_bracket_sizes(r, R, eta, brackets, sizes):  # noqa: N803 - the paper's names
    """The sizes are Hyperband's n_s, most aggressive first."""
    assert bracket_sizes(r, R, eta, brackets) == sizes


def test_brackets_are_drawn_in_proportion():
    """Each bracket gets its share of many trials, within five standard deviations."""
    sizes, trials = (81, 34, 15, 8, 5), 20_000
    drawn = Counter(draw_bracket(sizes, 7, index) for index in range(trials))
    shares = [size / sum(sizes) for size in sizes]
    deviations = [
        abs(drawn[bracket] - trials * share) / (trials * share * (1 - share)) ** 0.5
        for bracket, share in enumerate(shares)
    ]
    assert max(deviations) < 5


def test_draws_are_the_same_in_every_version():
    """A restarted operator with any version of Python draws the same brackets."""
    assert [draw_bracket((9, 5, 3), 7, index) for index in range(12)] == [0, 1, 0, 2, 1, 2, 2, 2, 0, 0, 0, 2]
    assert [draw_bracket((9, 5, 3), 8, index) for index in range(12)] != [
        draw_bracket((9, 5, 3), 7, index) for index in range(12)
    ]


def test_rank_prefers_large_scores_then_small_indices():
    """The order of a rung does not depend on the order of the records."""
    rung = Rung()
    for index, score in [(5, 0.5), (2, 0.5), (9, 0.7), (1, nan), (3, -inf), (4, inf)]:
        rung.record(index, score)
    assert sorted((1, 2, 3, 4, 5, 9), key=rung.rank) == [9, 2, 5, 1, 3, 4]


def test_the_first_record_of_a_trial_counts():
    """A second record of a trial changes nothing."""
    rung = Rung()
    rung.record(1, 0.5)
    rung.record(2, 0.6)
    rung.record(1, 0.9)
    assert (rung.rank(1), len(rung)) == (2, 2)
