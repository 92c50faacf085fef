"""The promotion variant, told as stories of one rung."""

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
    """Record, judge and, where it goes on, release each in turn; gives the last result's verdict."""
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
        pytest.param([9], PAUSE, "1st of 1 at rung 1, no trial continues alone; it waits", id="alone"),
        pytest.param([1, 9], GO, "1st of 2 at rung 1, the best continues", id="better-of-two"),
        pytest.param([9, 1], PAUSE, "2nd of 2 at rung 1, the best continues; it waits", id="worse-of-two"),
        pytest.param([1, 2, 9], GO, "1st of 3 at rung 1, the best continues", id="best-of-three"),
        pytest.param([1, 9, 2], PAUSE, "2nd of 3 at rung 1, the best continues; it waits", id="second-of-three"),
        pytest.param(
            [9, 1, 9], PAUSE, "2nd of 3 at rung 1, the best continues; it waits", id="tie-to-the-smaller-index"
        ),
        pytest.param([*range(5), 2.5], PAUSE, "3rd of 6 at rung 1, the best 2 continue; it waits", id="third-of-six"),
        pytest.param([*range(5), 3.5], GO, "2nd of 6 at rung 1, the best 2 continue", id="second-of-six"),
        pytest.param([1, nan], STOP, "not finite at rung 1, and never promoted", id="nan"),
        pytest.param([nan], STOP, "not finite at rung 1, and never promoted", id="nan-alone"),
        pytest.param([1, inf], STOP, "not finite at rung 1, and never promoted", id="plus-infinity-is-no-win"),
        pytest.param([nan, nan, 0], GO, "1st of 3 at rung 1, the best continues", id="nans-count"),
    ],
)
def test_verdict(scores, outcome, message):
    """The last to arrive goes on where it would be promoted now, else it waits."""
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
    """By eta^(1 + rung_skew) at the first, eta^(1 - rung_skew) at the last but one; unset is 0.7."""
    verdict = arrive(rule(max_resource=27, rung_skew=rung_skew), *range(119), -1, resource=resource)
    assert verdict.message.endswith(f"the best {places} continue; it waits")


def test_who_is_alone_goes_on_from_any_rung_but_the_first():
    """Up there another may be long in coming."""
    assert arrive(rule(max_resource=27), 1, resource=3).message == "1st of 1 at rung 3, the best continues"


def test_everybody_finite_goes_on_from_the_last_rung():
    """At R there is nothing to wait for."""
    assert arrive(rule(), 3, 2, 1, resource=9).message == "3rd of 3 at rung 9, the last rung: the trial ends by itself"


def test_a_paused_trial_is_a_candidate_for_ever():
    """The best that waits is promoted as soon as the rung is large enough, and then the next."""
    asha = rule()
    arrive(asha, 5, 4)
    assert asha.next_promotion() is None
    arrive(asha, 3, first=2)
    assert asha.next_promotion() == RungResult(0, 1, 0, 5)
    asha.mark_continued(RungResult(0, 1, 0, 5))
    assert asha.next_promotion() is None
    arrive(asha, 2, 1, 0, first=3)
    assert asha.next_promotion() == RungResult(0, 1, 1, 4)


def test_those_who_went_on_keep_their_place_among_the_best():
    """Of six the best two have gone on already, so the third waits, by the letter of Algorithm 2."""
    asha = rule()
    arrive(asha, 1, 2, 9, 3, 4, 8, 7)
    assert [asha.decide(RungResult(0, 1, index, 0)).outcome for index in (2, 5, 6)] == [GO, GO, PAUSE]
    assert asha.next_promotion() is None


def test_one_that_has_gone_on_may_lose_its_place_to_a_better_one():
    """So more than floor(n/eta) may have gone on: whoever is among the best as it arrives goes on at once."""
    asha = rule()
    assert arrive(asha, 1, 2, 3).outcome is GO
    assert arrive(asha, 4, first=3).outcome is GO


def test_a_paused_trial_waits_while_as_many_as_shall_have_gone_on():
    """Of six, the third and the fourth to come have gone on, so the second best waits until its slot would be spare."""
    asha = rule()
    assert [arrive(asha, score, first=index).outcome for index, score in enumerate((5, 1, 2, 6, 3, 7))] == [
        PAUSE, PAUSE, PAUSE, GO, PAUSE, GO,
    ]  # fmt: skip
    assert asha.next_promotion() is None
    arrive(asha, 4, 3.5, 3.4, first=6)
    assert asha.next_promotion() == RungResult(0, 1, 0, 5)


def test_who_ended_as_it_waited_has_not_gone_on():
    """Of nine, three have gone on and six were stopped with their experiment; of fifteen, two more shall."""
    asha = rule()
    arrive(asha, *range(18, 9, -1))
    for _ in range(3):
        asha.mark_continued(asha.next_promotion())
    for index in (*range(9), 8):
        asha.mark_finished(0, index)
    assert asha.next_promotion(idle_slot=True) is None
    arrive(asha, 14.5, 5, 4, 3, 2, 1, first=9)
    assert asha.next_promotion() == RungResult(0, 1, 9, 14.5)


def test_with_a_slot_to_spare_a_trial_of_the_best_third_goes_on():
    """Beyond the share of its rung it waits until nothing new is left to start."""
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
        pytest.param([8, 9], None, id="overtaken-by-one-that-went-on"),
        pytest.param([9, -inf], 0, id="the-other-failed"),
        pytest.param([nan], None, id="not-finite"),
    ],
)
def test_with_a_slot_to_spare_who_came_first_goes_on_if_it_leads(scores, leads):
    """Nobody else is coming, so a rung of fewer than eta records holds its leader up no longer."""
    asha = rule()
    arrive(asha, *scores)
    assert asha.next_promotion() is None
    promoted = asha.next_promotion(idle_slot=True)
    assert (promoted and promoted.index) == leads


def test_a_slot_to_spare_is_for_no_fewer_than_the_share():
    """At a high rung the share is larger than a third."""
    asha = rule(rung_skew=1)
    for index in range(3):
        asha.record(RungResult(0, 3, index, -index))
    for index in range(3):
        assert asha.next_promotion(idle_slot=True).index == index
        asha.mark_continued(asha.next_promotion(idle_slot=True))


def test_the_highest_rung_comes_first():
    """A better one of a lower rung waits for its turn."""
    asha = rule(max_resource=27)
    arrive(asha, 9, 8, 7)
    arrive(asha, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, resource=3, first=10)
    assert asha.next_promotion() == RungResult(0, 3, 11, 0.5)
    asha.mark_continued(RungResult(0, 3, 11, 0.5))
    assert asha.next_promotion() == RungResult(0, 1, 0, 9)


def test_of_two_brackets_at_the_same_level_the_better_trial_comes_first():
    """Brackets do not compete for places, but for the slot."""
    asha = rule(max_resource=27, brackets=2)
    arrive(asha, 3, 2, 1, resource=3, bracket=0)
    arrive(asha, 9, 8, 7, resource=3, bracket=1, first=10)
    assert asha.next_promotion() == RungResult(1, 3, 10, 9)


def test_a_report_that_jumps_waits_at_the_highest_rung():
    """It is recorded in each, and a candidate only where it can go on from."""
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
    """The worst score fills the rung it was heading for."""
    asha = rule()
    arrive(asha, 3)
    asha.record(RungResult(0, 1, 1, -inf))
    asha.record(RungResult(0, 1, 2, -inf))
    assert asha.next_promotion() == RungResult(0, 1, 0, 3)
    asha.mark_continued(RungResult(0, 1, 0, 3))
    assert asha.next_promotion(idle_slot=True) is None


@pytest.mark.parametrize("word", ["decide", "mark_continued"])
def test_misuse_is_a_defect_of_ours(word):
    """What was never recorded can be neither judged nor released."""
    with pytest.raises(InternalError):
        getattr(rule(), word)(RungResult(0, 1, 0, 1.0))


@pytest.mark.parametrize(
    ("variant", "checkpoint", "built"),
    [
        pytest.param(None, True, PromotionAsha, id="promotion-where-there-is-a-checkpoint"),
        pytest.param(None, False, StoppingAsha, id="stopping-where-there-is-none"),
        pytest.param("stopping", True, StoppingAsha, id="stopping-asked-for"),
        pytest.param("promotion", True, PromotionAsha, id="promotion-asked-for"),
    ],
)
def test_the_default_variant_follows_the_checkpoint(variant, checkpoint, built):
    """Promotion is better, where it can be done."""
    for early_stopping in (
        EarlyStopping(asha=AshaSettings(max_resource=9, variant=variant)),
        EarlyStopping(hyperband=HyperbandSettings(max_resource=9, variant=variant)),
    ):
        assert type(stopper_for(early_stopping, 7, checkpoint=checkpoint)) is built


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
