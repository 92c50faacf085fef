"""Check the promotion variant of ASHA."""

from math import inf, nan

import pytest

from toprung.api.v1alpha1.early_stopping import AshaSettings, EarlyStopping, HyperbandSettings
from toprung.early_stopping import Decision, RungResult, stopper_for
from toprung.early_stopping.asha import PromotionAsha, StoppingAsha, hyperband
from toprung.errors import InternalError

GO, STOP, PAUSE = Decision.CONTINUE, Decision.STOP, Decision.PAUSE


def rule(*, max_resource=9, brackets=1, rung_skew=0):
    return PromotionAsha(AshaSettings(max_resource=max_resource, brackets=brackets, rung_skew=rung_skew), 0)


def arrive(asha, *scores, resource=1, first=0, bracket=0):
    """Record and evaluate one trial after another, mark those that continue, and return the last verdict."""
    for index, score in enumerate(scores, first):
        result = RungResult(bracket, resource, index, score)
        asha.record(result)
        verdict = asha.decide(result)
        if verdict.outcome is GO:
            asha.mark_continued(result)
    return verdict


@pytest.mark.parametrize(
    ("scores", "outcome", "message"),
    [
        pytest.param([9], PAUSE, "1st of 1 at rung 1, no trial continues alone; paused", id="alone"),
        pytest.param([1, 9], GO, "1st of 2 at rung 1, the best continues", id="better-of-two"),
        pytest.param([9, 1], PAUSE, "2nd of 2 at rung 1, the best continues; paused", id="worse-of-two"),
        pytest.param([1, 2, 9], GO, "1st of 3 at rung 1, the best continues", id="best-of-three"),
        pytest.param([1, 9, 2], PAUSE, "2nd of 3 at rung 1, the best continues; paused", id="second-of-three"),
        pytest.param([9, 1, 9], PAUSE, "2nd of 3 at rung 1, the best continues; paused", id="tie-to-the-smaller-index"),
        pytest.param([*range(5), 2.5], PAUSE, "3rd of 6 at rung 1, the best 2 continue; paused", id="third-of-six"),
        pytest.param([*range(5), 3.5], GO, "2nd of 6 at rung 1, the best 2 continue", id="second-of-six"),
        pytest.param([1, nan], STOP, "not finite at rung 1, and never promoted", id="nan"),
        pytest.param([nan], STOP, "not finite at rung 1, and never promoted", id="nan-alone"),
        pytest.param([1, inf], STOP, "not finite at rung 1, and never promoted", id="plus-infinity-is-no-win"),
        pytest.param([nan, nan, 0], GO, "1st of 3 at rung 1, the best continues", id="nans-count"),
    ],
)
def test_verdict(scores, outcome, message):
    """The last trial to arrive continues if it would be promoted now; otherwise it waits."""
    verdict = arrive(rule(), *scores)
    assert (verdict.outcome, verdict.message) == (outcome, message)


@pytest.mark.parametrize(
    ("resource", "rung_skew", "places"),
    [
        pytest.param(1, None, 19, id="the-first-of-120-by-6.5"),
        pytest.param(3, None, 40, id="the-middle-by-3"),
        pytest.param(9, None, 86, id="the-last-but-one-by-1.4"),
        pytest.param(1, 0, 40, id="the-textbook"),
        pytest.param(9, 0, 40, id="the-textbook-at-each"),
    ],
)
def test_low_rungs_are_stricter_than_high_ones(resource, rung_skew, places):
    """The reduction is eta^(1 + rungSkew) at the first rung, eta^(1 - rungSkew) at the last but one; the default is 0.7."""
    verdict = arrive(rule(max_resource=27, rung_skew=rung_skew), *range(119), -1, resource=resource)
    assert verdict.message.endswith(f"the best {places} continue; paused")


def test_a_trial_that_is_alone_continues_from_any_rung_but_the_first():
    """At a high rung the next trial may come late."""
    assert arrive(rule(max_resource=27), 1, resource=3).message == "1st of 1 at rung 3, the best continues"


def test_every_finite_trial_continues_from_the_last_rung():
    """At maxResource there is nothing to wait for."""
    assert arrive(rule(), 3, 2, 1, resource=9).message == "3rd of 3 at rung 9, the last rung: the trial ends by itself"


def test_a_paused_trial_stays_a_candidate():
    """The best waiting trial is promoted as soon as the rung is large enough, and then the next one."""
    asha = rule()
    arrive(asha, 5, 4)
    assert asha.next_promotion() is None
    arrive(asha, 3, first=2)
    assert asha.next_promotion() == RungResult(0, 1, 0, 5)
    asha.mark_continued(RungResult(0, 1, 0, 5))
    assert asha.next_promotion() is None
    arrive(asha, 2, 1, 0, first=3)
    assert asha.next_promotion() == RungResult(0, 1, 1, 4)


def test_continued_trials_keep_their_rank():
    """The best two of six have continued, so the third waits, as in Algorithm 2."""
    asha = rule()
    arrive(asha, 1, 2, 9, 3, 4, 8, 7)
    assert [asha.decide(RungResult(0, 1, index, 0)).outcome for index in (2, 5, 6)] == [GO, GO, PAUSE]
    assert asha.next_promotion() is None


def test_a_continued_trial_may_be_overtaken():
    """More than floor(n/eta) trials can continue, because a trial among the best continues when it arrives."""
    asha = rule()
    assert arrive(asha, 1, 2, 3).outcome is GO
    assert arrive(asha, 4, first=3).outcome is GO


def test_a_paused_trial_waits_while_the_share_has_continued():
    """Two of six have continued, so the second best waits until the share grows."""
    asha = rule()
    assert [arrive(asha, score, first=index).outcome for index, score in enumerate((5, 1, 2, 6, 3, 7))] == [
        PAUSE, PAUSE, PAUSE, GO, PAUSE, GO,
    ]  # fmt: skip
    assert asha.next_promotion() is None
    arrive(asha, 4, 3.5, 3.4, first=6)
    assert asha.next_promotion() == RungResult(0, 1, 0, 5)


def test_a_trial_that_ended_while_it_waited_has_not_continued():
    """Of nine trials three have continued and six were stopped with their experiment; of fifteen two more may continue."""
    asha = rule()
    arrive(asha, *range(18, 9, -1))
    for _ in range(3):
        asha.mark_continued(asha.next_promotion())
    for index in (*range(9), 8):
        asha.mark_finished(0, index)
    assert asha.next_promotion(idle_slot=True) is None
    arrive(asha, 14.5, 5, 4, 3, 2, 1, first=9)
    assert asha.next_promotion() == RungResult(0, 1, 9, 14.5)


def test_a_trial_of_the_best_third_continues_in_an_idle_slot():
    """Beyond the share of its rung it waits until no new trial is left."""
    asha = rule(rung_skew=1)
    arrive(asha, *range(18, 0, -1))
    for index in (0, 1):
        assert asha.next_promotion() == RungResult(0, 1, index, 18 - index)
        asha.mark_continued(asha.next_promotion())
    assert asha.next_promotion() is None
    for index in (2, 3, 4, 5):
        assert asha.next_promotion(idle_slot=True) == RungResult(0, 1, index, 18 - index)
        asha.mark_continued(asha.next_promotion(idle_slot=True))
    assert asha.next_promotion(idle_slot=True) is None


@pytest.mark.parametrize(
    ("scores", "leads"),
    [
        pytest.param([9], 0, id="alone"),
        pytest.param([9, 8], 0, id="still-ahead-of-another"),
        pytest.param([8, 9], None, id="overtaken-by-one-that-continued"),
        pytest.param([9, -inf], 0, id="the-other-failed"),
        pytest.param([nan], None, id="not-finite"),
    ],
)
def test_the_first_trial_continues_in_an_idle_slot_if_it_leads(scores, leads):
    """No further trial comes, so the leader of a rung with fewer than eta records stops waiting."""
    asha = rule()
    arrive(asha, *scores)
    assert asha.next_promotion() is None
    promoted = asha.next_promotion(idle_slot=True)
    assert (promoted and promoted.index) == leads


def test_an_idle_slot_is_for_all_trials_of_the_share():
    """At a high rung the share is larger than a third."""
    asha = rule(rung_skew=1)
    for index in range(3):
        asha.record(RungResult(0, 3, index, -index))
    for index in range(3):
        assert asha.next_promotion(idle_slot=True).index == index
        asha.mark_continued(asha.next_promotion(idle_slot=True))


def test_the_highest_rung_comes_first():
    """A better trial of a lower rung waits."""
    asha = rule(max_resource=27)
    arrive(asha, 9, 8, 7)
    arrive(asha, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, resource=3, first=10)
    assert asha.next_promotion() == RungResult(0, 3, 11, 0.5)
    asha.mark_continued(RungResult(0, 3, 11, 0.5))
    assert asha.next_promotion() == RungResult(0, 1, 0, 9)


def test_of_two_brackets_at_the_same_level_the_better_trial_comes_first():
    """Brackets compete for the slot, not for places."""
    asha = rule(max_resource=27, brackets=2)
    arrive(asha, 3, 2, 1, resource=3, bracket=0)
    arrive(asha, 9, 8, 7, resource=3, bracket=1, first=10)
    assert asha.next_promotion() == RungResult(1, 3, 10, 9)


def test_a_trial_that_crosses_two_rungs_waits_at_the_higher():
    """It is recorded at both, and a candidate at the higher one only."""
    asha = rule(max_resource=27)
    arrive(asha, 6, resource=3, first=9)
    jump = [RungResult(0, level, 0, 5.0) for level in (1, 3)]
    for result in jump:
        asha.record(result)
    assert [asha.decide(result).outcome for result in jump] == [GO, PAUSE]
    arrive(asha, 4, 3, first=1)
    assert asha.next_promotion() is None
    arrive(asha, 3, 2, 1, 0, resource=3, first=3)
    assert asha.next_promotion() == jump[1]


def test_a_failed_trial_counts_but_does_not_wait():
    """It has the worst score at its next rung."""
    asha = rule()
    arrive(asha, 3)
    asha.record(RungResult(0, 1, 1, -inf))
    asha.record(RungResult(0, 1, 2, -inf))
    assert asha.next_promotion() == RungResult(0, 1, 0, 3)
    asha.mark_continued(RungResult(0, 1, 0, 3))
    assert asha.next_promotion(idle_slot=True) is None


@pytest.mark.parametrize("word", ["decide", "mark_continued"])
def test_a_call_out_of_order_is_an_internal_error(word):
    """A result without a record can be neither evaluated nor marked."""
    with pytest.raises(InternalError):
        getattr(rule(), word)(RungResult(0, 1, 0, 1.0))


@pytest.mark.parametrize(
    ("variant", "checkpoint", "built"),
    [
        pytest.param(None, True, PromotionAsha, id="promotion-where-there-is-a-checkpoint"),
        pytest.param(None, False, StoppingAsha, id="stopping-where-there-is-none"),
        pytest.param("stopping", True, StoppingAsha, id="stopping-is-set"),
        pytest.param("promotion", True, PromotionAsha, id="promotion-is-set"),
    ],
)
@pytest.mark.parametrize(
    "early_stopping",
    [
        pytest.param(lambda variant: EarlyStopping(asha=AshaSettings(max_resource=9, variant=variant)), id="asha"),
        pytest.param(
            lambda variant: EarlyStopping(hyperband=HyperbandSettings(max_resource=9, variant=variant)), id="hyperband"
        ),
    ],
)
def test_the_default_variant_follows_the_checkpoint(early_stopping, variant, checkpoint, built):
    """The default is promotion if trials have checkpoints."""
    assert type(stopper_for(early_stopping(variant), 7, checkpoint=checkpoint)) is built


@pytest.mark.parametrize(
    ("r", "R", "eta", "brackets"),
    [
        pytest.param(1, 81, 3, 5, id="the-paper"),
        pytest.param(1, 20, 3, 4, id="R-is-no-power"),
        pytest.param(4, 4, 3, 1, id="one"),
        pytest.param(1, 10**9, 2, 31, id="most"),
    ],
)
def test_hyperband_is_asha_over_every_bracket(r, R, eta, brackets):  # noqa: N803 - the paper's names
    """The last bracket is random search at maxResource."""
    built = hyperband(HyperbandSettings(min_resource=r, max_resource=R, reduction_factor=eta), 7, checkpoint=False)
    assert built.settings.brackets == brackets
    assert built.levels(brackets - 1) == (R,)
