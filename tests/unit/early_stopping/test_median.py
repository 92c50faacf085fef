"""Check median stopping against the definition of the Vizier paper."""

from math import inf, isfinite, nan
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toprung.api.v1alpha1.early_stopping import EarlyStopping, MedianSettings
from toprung.api.v1alpha1.early_stopping_rules import MAX_LEVELS
from toprung.early_stopping import Decision, RungResult, stopper_for
from toprung.early_stopping.median import MedianStopping
from toprung.errors import InternalError

GO, STOP = Decision.CONTINUE, Decision.STOP


def rule(**settings):
    return MedianStopping(MedianSettings(**{"max_resource": 9, "min_trials": 2, **settings}))


def verdict_of_last(entries, *, resource=3, **settings):
    """Record (score, best, mean) of one trial after another at one level, and return the verdict about the last."""
    stopper = rule(**settings)
    results = [RungResult(0, resource, index, *entry) for index, entry in enumerate(entries)]
    for result in results:
        stopper.record(result)
    return stopper.decide(results[-1])


@pytest.mark.parametrize(
    ("entries", "settings", "outcome"),
    [
        pytest.param([(0, 0, 5), (0, 0, 6), (0, 5.4, 0)], {}, STOP, id="best-below-the-median-of-two"),
        pytest.param([(0, 0, 5), (0, 0, 6), (0, 5.5, 0)], {}, GO, id="equal-is-not-worse"),
        pytest.param([(0, 0, 5), (0, 0, 6), (0, 0, 9), (0, 6.5, 0)], {}, GO, id="above-the-median-of-three"),
        pytest.param([(0, 0, 5), (0, 0, 7), (0, 0, 9), (0, 6.5, 0)], {}, STOP, id="below-the-median-of-three"),
        pytest.param([(0, 9, 1), (0, 9, 1), (0, 2, 0)], {}, GO, id="others-best-do-not-matter"),
        pytest.param([(0, 0, 5), (0, 0, 0)], {}, GO, id="too-few-others"),
        pytest.param([(0, 0, 5), (0, 0, 0)], {"min_trials": 1}, STOP, id="enough-others"),
        pytest.param([(0, 0, 9)] * 3 + [(0, 1, 1)], {"max_resource": 3}, GO, id="at-maxResource"),
        pytest.param([(1, 1, 1), (nan, 9, 9)], {}, STOP, id="nan-with-a-rival"),
        pytest.param([(nan, nan, nan), (nan, nan, nan)], {"grace_period": 3}, GO, id="nan-among-nans-at-the-first"),
        pytest.param([(nan, nan, nan), (nan, nan, nan)], {}, STOP, id="nan-among-nans-past-the-first"),
        pytest.param([(-inf, -inf, -inf)] * 2 + [(1, 1, 1)], {}, GO, id="failed-ones-are-the-worst"),
        pytest.param([(5,), (6,), (4,)], {}, STOP, id="best-and-mean-default-to-the-score"),
    ],
)
def test_verdict(entries, settings, outcome):
    """The best of the trial so far is compared with the means of the others so far."""
    assert verdict_of_last(entries, **settings).outcome is outcome


def test_messages_name_the_compared_values():
    """A message completes the sentence "loss 0.9 is ..."."""
    stop = verdict_of_last([(0, 0, 5), (0, 0, 6), (0, 1, 0)])
    assert stop.about("loss", 0.9) == (
        "loss 0.9 is the value at step 3; the trial's best value is worse than the median of the means of 2 other trials"
    )
    go = verdict_of_last([(0, 0, 5), (0, 0, 6), (0, 7, 0)])
    assert go.message == (
        "the value at step 3; the trial's best value is not worse than the median of the means of 2 other trials"
    )


STANDINGS = st.tuples(
    st.floats(-9, 9), st.sampled_from([-inf, 0.0, 1.0, 2.0, 3.0]), st.sampled_from([-inf, 0.0, 1.0, 2.0])
)


@given(st.lists(STANDINGS, min_size=3, max_size=12), st.randoms(use_true_random=False))
def test_the_verdict_is_the_definition_in_any_order(entries, random):
    """A trial stops iff its best is below the median of the means of all others."""
    results = [RungResult(0, 3, index, *entry) for index, entry in enumerate(entries)]
    stopper, shuffled = rule(), random.sample(results, len(results))
    for result in shuffled:
        stopper.record(result)
    for result in results:
        others = [each.mean for each in results if each is not result]
        assert (stopper.decide(result).outcome is STOP) == (result.best < median(others))


@pytest.mark.parametrize(
    ("settings", "levels"),
    [
        pytest.param({"max_resource": 4}, (1, 2, 3, 4), id="every-step"),
        pytest.param({"max_resource": 10, "interval": 4}, (4, 8, 10), id="multiples-and-the-end"),
        pytest.param({"max_resource": 12, "interval": 3, "grace_period": 5}, (6, 9, 12), id="from-the-grace-period-on"),
        pytest.param({"max_resource": 5, "grace_period": 5}, (5,), id="the-end-alone"),
        pytest.param({"max_resource": 100}, (*range(2, 100, 2), 100), id="no-more-than-64"),
    ],
)
def test_levels(settings, levels):
    """Levels are the multiples of the interval from gracePeriod on, and maxResource."""
    assert rule(**settings).levels(0) == levels


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_the_default_interval_bounds_the_levels(one, other):
    """The status of a Trial has room for all levels."""
    first, last = sorted((one, other))
    assert len(rule(max_resource=last, grace_period=first).levels(0)) <= MAX_LEVELS


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda stopper: stopper.decide(RungResult(0, 1, 0, 1.0)), id="judged-before-recorded"),
        pytest.param(lambda stopper: stopper.record(RungResult(0, 10, 0, 1.0)), id="no-such-level"),
    ],
)
def test_a_call_out_of_order_is_an_internal_error(call):
    """It raises InternalError, which a user cannot correct."""
    with pytest.raises(InternalError):
        call(rule())


def test_stopper_for_builds_the_rule_that_is_set():
    """The rule declares that it compares curves."""
    settings = MedianSettings(max_resource=9)
    stopper = stopper_for(EarlyStopping(median=settings), 7)
    assert stopper == MedianStopping(settings)
    assert stopper.compares_curves
    assert not isfinite(stopper.settings.interval or inf)
