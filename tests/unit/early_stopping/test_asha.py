"""Check the verdicts of the stopping variant of ASHA."""

from math import inf, nan

import pytest

from toprung.api.v1alpha1.early_stopping import AshaSettings, EarlyStopping
from toprung.early_stopping import Decision, RungResult, stopper_for
from toprung.early_stopping.asha import StoppingAsha
from toprung.errors import InternalError

GO, STOP = Decision.CONTINUE, Decision.STOP


def rule(*, max_resource=9, brackets=1, rung_skew=0):
    return StoppingAsha(AshaSettings(max_resource=max_resource, brackets=brackets, rung_skew=rung_skew), 0)


def verdict_of_last(scores, *, resource=1, rung_skew=0, max_resource=9):
    """Record one score per trial at a rung, and return the verdict about the last trial."""
    asha = rule(max_resource=max_resource, rung_skew=rung_skew)
    results = [RungResult(0, resource, index, score) for index, score in enumerate(scores)]
    for result in results:
        asha.record(result)
    return asha.decide(results[-1])


@pytest.mark.parametrize(
    ("resource", "scores", "outcome", "message"),
    [
        pytest.param(1, [0.1], GO, "1st of 1 at rung 1, the best continues", id="alone"),
        pytest.param(1, [0.1, 0.2], GO, "1st of 2 at rung 1, the best continues", id="better-of-two"),
        pytest.param(1, [0.2, 0.1], STOP, "2nd of 2 at rung 1, the best continues", id="worse-of-two"),
        pytest.param(1, [0.1, 0.1], STOP, "2nd of 2 at rung 1, the best continues", id="tie-goes-to-the-smaller-index"),
        pytest.param(3, [6, 5, 4, 3, 2, 5.5], GO, "2nd of 6 at rung 3, the best 2 continue", id="two-of-six"),
        pytest.param(3, [6, 5, 4, 5.5], STOP, "2nd of 4 at rung 3, the best continues", id="four-thirds-are-one"),
        pytest.param(3, [6, 5, 4, 3, 5.5], GO, "2nd of 5 at rung 3, the best 2 continue", id="five-thirds-are-two"),
        pytest.param(
            3, [*range(19), 5.5], STOP, "14th of 20 at rung 3, the best 7 continue", id="fourteenth-of-twenty"
        ),
        pytest.param(1, [*range(1, 11), 0], STOP, "11th of 11 at rung 1, the best 4 continue", id="eleventh"),
        pytest.param(1, [*range(1, 22), 0], STOP, "22nd of 22 at rung 1, the best 7 continue", id="twenty-second"),
        pytest.param(9, [3, 2, 1], GO, "3rd of 3 at rung 9, the last rung: the trial ends by itself", id="worst-at-R"),
        pytest.param(
            1, [nan], GO, "not finite, like all at rung 1: 1st of 1 at rung 1, the best continues", id="nan-first"
        ),
        pytest.param(
            1,
            [nan, -inf],
            STOP,
            "not finite, like all at rung 1: 2nd of 2 at rung 1, the best continues",
            id="all-nan-tie",
        ),
        pytest.param(1, [1, nan], STOP, "not finite, others are at rung 1", id="nan-with-a-rival"),
        pytest.param(
            1, [1, 2, 3, 4, 5, nan], STOP, "not finite, others are at rung 1", id="nan-within-the-quota-or-not"
        ),
        pytest.param(1, [nan] * 5 + [1], GO, "1st of 6 at rung 1, the best 2 continue", id="finite-among-nans"),
        pytest.param(1, [1, inf], STOP, "not finite, others are at rung 1", id="plus-infinity-is-no-win"),
        pytest.param(3, [nan], STOP, "not finite past the first rung, at rung 3", id="nan-past-the-first-rung"),
        pytest.param(9, [nan], STOP, "not finite past the first rung, at rung 9", id="nan-at-R"),
        pytest.param(9, [1, nan], STOP, "not finite, others are at rung 9", id="nan-at-R-with-a-rival"),
    ],
)
def test_verdict(resource, scores, outcome, message):
    """The last trial to arrive is ranked among all records of the rung, and the message has its rank."""
    verdict = verdict_of_last(scores, resource=resource)
    assert (verdict.outcome, verdict.message) == (outcome, message)


@pytest.mark.parametrize(
    ("resource", "rung_skew", "places"),
    [
        pytest.param(1, None, 23, id="the-first-of-120-by-5.2"),
        pytest.param(3, None, 40, id="the-middle-by-3"),
        pytest.param(9, None, 69, id="the-last-but-one-by-1.7"),
        pytest.param(1, 0, 40, id="the-textbook"),
        pytest.param(9, 0, 40, id="the-textbook-at-each"),
        pytest.param(1, 1, 13, id="the-steepest-by-9"),
        pytest.param(9, 1, 120, id="the-steepest-by-1"),
    ],
)
def test_low_rungs_are_stricter_than_high_ones(resource, rung_skew, places):
    """The reduction is eta^(1 + rungSkew) at the first rung, eta^(1 - rungSkew) at the last but one; the default is 0.5."""
    verdict = verdict_of_last([*range(119), -1], resource=resource, rung_skew=rung_skew, max_resource=27)
    assert verdict.message.endswith(f"the best {places} continue")


def test_a_nan_with_a_place_in_the_quota_stops_for_a_finite_rival():
    """Two of six trials continue, but not the second best if its score is NaN."""
    asha = rule()
    for index, score in enumerate([nan, nan, nan, nan, nan, 1.0]):
        asha.record(RungResult(0, 1, index, score))
    assert asha.decide(RungResult(0, 1, 0, nan)).outcome is STOP


def test_brackets_do_not_compete():
    """The rungs of two brackets are separate, even at the same level."""
    asha = rule(brackets=2)
    asha.record(RungResult(0, 3, 0, 9.0))
    asha.record(RungResult(1, 3, 1, 1.0))
    assert asha.decide(RungResult(1, 3, 1, 1.0)).outcome is GO


def test_the_first_rung_is_the_brackets_own():
    """Level 3 is the first rung of bracket 1, so a NaN that is alone there continues."""
    asha = rule(brackets=2)
    asha.record(RungResult(1, 3, 0, nan))
    assert asha.decide(RungResult(1, 3, 0, nan)).outcome is GO


def test_a_message_has_the_reported_value():
    """The message has the value of the user, not the normalized score."""
    verdict = verdict_of_last([*range(19), 5.5], resource=3)
    assert verdict.about("loss", 0.871) == "loss 0.871 is 14th of 20 at rung 3, the best 7 continue"


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda asha: asha.decide(RungResult(0, 1, 0, 1.0)), id="judged-before-recorded"),
        pytest.param(lambda asha: asha.record(RungResult(0, 2, 0, 1.0)), id="no-such-rung"),
    ],
)
def test_a_call_out_of_order_is_an_internal_error(call):
    """It raises InternalError, which a user cannot correct."""
    with pytest.raises(InternalError):
        call(rule())


def test_stopper_for_builds_the_rule_that_is_set():
    """Without early stopping there is no rule."""
    settings = AshaSettings(max_resource=27)
    assert stopper_for(EarlyStopping(asha=settings), 7) == StoppingAsha(settings, 7)
    assert stopper_for(None, 7) is None
