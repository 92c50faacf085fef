"""What a simulated pass hears of its rule, and what the rule hears of the pass."""

import pytest

from toprung.api.v1alpha1.early_stopping import AshaSettings
from toprung.early_stopping import RungResult
from toprung.early_stopping.asha import PromotionAsha
from toprung.simulate.transcript import OutOfSight, Transcript

FIRST, WAITS = RungResult(0, 1, 7, 0.9), RungResult(0, 3, 7, 0.9)


@pytest.fixture
def rule():
    """One by which trial 7 waits at rung 3, and is the one to go on: of three two do, and the best has."""
    asha = PromotionAsha(AshaSettings(max_resource=9), 0)
    for result in (FIRST, WAITS, RungResult(0, 3, 8, 1.0), RungResult(0, 3, 9, 0.1)):
        asha.record(result)
    asha.mark_continued(RungResult(0, 3, 8, 1.0))
    return asha


def test_a_promotion_is_over_by_its_own_release(rule):
    """When a pass is made again, it tells all that is recorded: that the trial went on from a lower rung before."""
    transcript = Transcript(rule, {7}, [])
    assert transcript.next_promotion(idle_slot=True) == WAITS
    transcript.mark_continued(FIRST)
    assert transcript.promoted == ()
    transcript.mark_continued(WAITS)
    assert transcript.promoted == (WAITS,)


def test_a_promise_comes_first(rule):
    """The rule took it as kept in the pass before, and would not give it again."""
    rule.mark_continued(WAITS)
    assert rule.next_promotion(idle_slot=True) is None
    assert Transcript(rule, {7}, [WAITS]).next_promotion(idle_slot=True) == WAITS


def test_who_is_out_of_sight_is_named(rule):
    """So that the pass can be made again with it."""
    with pytest.raises(OutOfSight) as missing:
        Transcript(rule, {1}, []).next_promotion(idle_slot=True)
    assert missing.value.index == 7
