"""The arithmetic of the comparison: targets, paired ratios, means over runs."""

from math import exp, inf, nan, sqrt

import numpy as np
import pytest
from comparison import mean_and_deviation, paired_ratio, time_to

RUN = [(1.0, 0.5), (2.0, 0.7), (5.0, 0.9)]


@pytest.mark.parametrize(
    ("target", "seconds"),
    [
        pytest.param(0.4, 1.0, id="first incumbent is better"),
        pytest.param(0.7, 2.0, id="exactly reached"),
        pytest.param(0.8, 5.0, id="between two incumbents"),
        pytest.param(0.91, inf, id="never reached"),
    ],
)
def test_the_time_to_a_target_is_that_of_the_first_incumbent_that_reaches_it(target, seconds):
    """An equal value reaches the target."""
    assert time_to(RUN, target) == seconds


def test_ratio_is_the_geometric_mean_over_pairs():
    """Half and twice the time cancel out, and the interval is Student's for the logarithms."""
    ratio = paired_ratio([1, 4, 3], [2, 2, 3])
    margin = 4.302653 * np.std([-np.log(2), np.log(2), 0], ddof=1) / sqrt(3)
    assert (ratio.mean, ratio.low, ratio.high, ratio.pairs) == pytest.approx((1, exp(-margin), exp(margin), 3))
    assert str(ratio) == f"1.00 ({exp(-margin):.2f}-{exp(margin):.2f})"


def test_pair_counts_if_both_reach_the_target():
    """A run that never reaches the target has no time to compare; with one pair there is no interval."""
    assert paired_ratio([1, inf, 2, 2], [2, 1, 4, inf]).mean == pytest.approx(0.5)
    assert str(paired_ratio([1, inf], [2, 1])) == "-"


def test_mean_of_incumbents_is_a_step_function():
    """Each run keeps its last incumbent. There is no mean before every run has one."""
    runs = [RUN, [(3.0, 0.1), (4.0, 0.7)]]
    mean, deviation = mean_and_deviation(runs, np.array([1.0, 3.0, 4.5, 9.0]))
    np.testing.assert_allclose(mean, [nan, 0.4, 0.7, 0.8])
    np.testing.assert_allclose(deviation, [nan, 0.3, 0.0, 0.1])
