"""Population based training: who takes over from whom."""

import re
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from toprung.api.v1alpha1.early_stopping import EarlyStopping, PbtSettings
from toprung.api.v1alpha1.early_stopping_rules import MAX_LEVELS
from toprung.early_stopping import Decision, RungResult, stopper_for
from toprung.early_stopping.pbt import PopulationBasedTraining
from toprung.errors import InternalError

GO, STOP, EXPLOIT = Decision.CONTINUE, Decision.STOP, Decision.EXPLOIT


def rule(seed=0, **settings):
    return PopulationBasedTraining(PbtSettings(**{"perturbation_interval": 1, "max_resource": 9, **settings}), seed)


def population(latest, *, seed=0, released=None, ended=(), **settings):
    """A rule that knows (level, score) of trial 0, 1, ...; all have gone on with it, or those of `released`."""
    stopper = rule(seed, **settings)
    for index, (level, score) in enumerate(latest):
        result = RungResult(0, level, index, score)
        stopper.record(result)
        if released is None or index in released:
            stopper.mark_continued(result)
    for index in ended:
        stopper.mark_finished(0, index)
    return stopper


def verdicts(latest, **options):
    stopper = population(latest, **options)
    return [stopper.decide(RungResult(0, level, index, score)) for index, (level, score) in enumerate(latest)]


@pytest.mark.parametrize(
    ("size", "quantile", "share"),
    [
        pytest.param(1, 0.2, 0, id="alone"),
        pytest.param(2, 0.2, 1, id="of-two"),
        pytest.param(3, 0.5, 1, id="never-more-than-half"),
        pytest.param(5, 0.2, 1, id="a-fifth-of-5"),
        pytest.param(6, 0.2, 2, id="rounded-up"),
        pytest.param(10, 0.2, 2, id="a-fifth-of-10"),
        pytest.param(100, 0.07, 7, id="no-rounding-of-floats"),
        pytest.param(10, 0.5, 5, id="half"),
    ],
)
def test_the_worst_take_over_from_the_best(size, quantile, share):
    """As many as the quantile says, rounded up, at either end."""
    latest = [(3, float(index)) for index in range(size)]
    given = verdicts(latest, quantile_fraction=quantile)
    assert [each.outcome for each in given] == [EXPLOIT] * share + [GO] * (size - share)
    assert {each.exploit.donor for each in given[:share]} <= set(range(size - share, size))


@pytest.mark.parametrize(
    ("latest", "options", "index", "outcome"),
    [
        pytest.param([(3, 2.0), (1, 1.0), (3, 1.5)], {}, 1, EXPLOIT, id="compared-however-far"),
        pytest.param([(3, 1.0), (3, 1.0)], {}, 1, EXPLOIT, id="ties-go-to-the-smaller-index"),
        pytest.param([(3, nan), (3, nan), (3, nan), (3, 1.0)], {}, 0, EXPLOIT, id="all-that-are-not-finite"),
        pytest.param([(3, nan), (3, nan)], {}, 0, GO, id="nobody-to-take-over-from"),
        pytest.param([(3, nan), (3, 1.0)], {"released": ()}, 0, STOP, id="nan-where-a-finite-one-is-no-donor"),
        pytest.param([(3, 0.0), (3, 1.0)], {"released": ()}, 0, GO, id="donors-have-gone-on"),
        pytest.param([(3, 0.0), (9, 1.0)], {}, 0, GO, id="donors-have-something-left-to-train"),
        pytest.param([(9, 0.0), (3, 1.0)], {}, 0, GO, id="at-maxResource-it-is-over"),
        pytest.param([(9, nan), (9, 1.0)], {}, 0, STOP, id="nan-at-maxResource"),
        pytest.param([(3, 1.0), (3, -inf), (3, 0.5)], {}, 2, GO, id="not-finite-is-the-worst"),
    ],
)
def test_verdict(latest, options, index, outcome):
    """By the latest records of all, whatever their level."""
    assert verdicts(latest, **options)[index].outcome is outcome


@pytest.mark.parametrize(
    ("ended", "outcomes"),
    [
        pytest.param({}, [GO] * 8 + [EXPLOIT] * 2, id="none"),
        pytest.param({8: -inf, 9: -inf}, [GO] * 6 + [EXPLOIT] * 2, id="failed"),
        pytest.param({8: 0.2, 9: 0.1}, [GO] * 6 + [EXPLOIT] * 2, id="stopped"),
        pytest.param({0: 10.0, 8: 0.2, 9: 0.1}, [GO] * 5 + [EXPLOIT] * 2, id="the-best-as-well"),
    ],
)
def test_who_has_ended_fills_no_quantile(ended, outcomes):
    """Of ten trials those that are left have their own best and worst; there is no donor but among them."""
    latest = [(3, ended.get(index, 10.0 - index)) for index in range(10)]
    left = [index for index in range(10) if index not in ended]
    given = [each for index, each in enumerate(verdicts(latest, ended=ended)) if index in left]
    assert [each.outcome for each in given] == outcomes
    assert {each.exploit.donor for each in given[-2:]} <= set(left[:2])


def test_who_failed_on_the_last_way_fills_no_quantile():
    """It is recorded at maxResource, which it was heading for, and has not come there."""
    latest = [*((3, 10.0 - index) for index in range(8)), (9, -inf), (9, -inf)]
    assert [each.outcome for each in verdicts(latest, ended=[8, 9])][:8] == [GO] * 6 + [EXPLOIT] * 2


def test_who_has_come_to_the_end_stays_in_the_population():
    """It is no donor, but one to be compared with."""
    latest = [(9, 4.0), (3, 3.0), (3, 2.0), (3, 1.0)]
    assert verdicts(latest, ended=[0]) == verdicts(latest)


def test_a_trial_is_compared_by_its_latest_record():
    """An earlier, better one counts no more."""
    stopper = population([(1, 9.0), (1, 5.0), (1, 4.0)])
    worse = RungResult(0, 2, 0, 1.0)
    stopper.record(worse)
    assert stopper.decide(worse).exploit.donor == 1
    assert stopper.decide(RungResult(0, 1, 2, 4.0)).outcome is GO


def test_donors_are_drawn_by_seed_trial_and_level():
    """Every one of the best is drawn by some, and the same one again by a fresh rule."""
    latest = [(3, float(index)) for index in range(40)]
    drawn = [each.exploit for each in verdicts(latest, quantile_fraction=0.25)[:10]]
    assert drawn == [each.exploit for each in verdicts(latest, quantile_fraction=0.25)[:10]]
    assert len({each.donor for each in drawn}) > 3
    assert len({each.seed for each in drawn}) == 10
    assert drawn != [each.exploit for each in verdicts(latest, quantile_fraction=0.25, seed=1)[:10]]


SCORES = st.floats(-9, 9) | st.sampled_from([nan, inf, -inf])


@given(st.lists(st.tuples(st.integers(1, 9), SCORES), min_size=1, max_size=30), st.floats(0.01, 0.5), st.integers(0, 9))
def test_a_donor_is_another_one_and_no_worse(latest, quantile, seed):
    """It is finite, not at the end, and at least as good as who takes over from it."""
    for index, verdict in enumerate(verdicts(latest, quantile_fraction=quantile, seed=seed)):
        if verdict.exploit is not None:
            level, score = latest[verdict.exploit.donor]
            assert verdict.exploit.donor != index
            assert level < 9
            assert abs(score) < inf
            assert not score < latest[index][1] < inf
        assert (verdict.exploit is not None) == (verdict.outcome is EXPLOIT)


def test_messages_say_where_it_stands():
    """They complete "loss 0.9 is ..."."""
    verdict = verdicts([(4, 0.0), (6, 1.0)])[0]
    assert verdict.about("acc", 0.0) == (
        "acc 0 is 2 of 2 by the latest of each, at step 4: it takes over from trial 1 and explores from there"
    )


@pytest.mark.parametrize(
    ("settings", "levels"),
    [
        pytest.param({"perturbation_interval": 2, "max_resource": 8}, (2, 4, 6, 8), id="a-multiple"),
        pytest.param({"perturbation_interval": 3, "max_resource": 8}, (3, 6, 8), id="and-the-end"),
        pytest.param({"perturbation_interval": 1, "max_resource": 64}, tuple(range(1, 65)), id="as-many-as-may-be"),
    ],
)
def test_levels(settings, levels):
    """Multiples of the interval, and maxResource."""
    assert rule(**settings).levels(0) == levels


@pytest.mark.parametrize("maximum", [65, 128, 129, 1000, 10**9])
def test_the_interval_that_is_asked_for_suffices(maximum):
    """Who writes what the message says is not told off again."""
    with pytest.raises(ValidationError, match=r"Use at least (\d+)") as told:
        PbtSettings(perturbation_interval=1, max_resource=maximum)
    least = int(re.search(r"Use at least (\d+)", str(told.value))[1])
    with pytest.raises(ValidationError):
        PbtSettings(perturbation_interval=least - 1, max_resource=maximum)
    assert len(rule(perturbation_interval=least, max_resource=maximum).levels(0)) <= MAX_LEVELS


def test_misuse_is_a_bug():
    """What the contract forbids is told at once."""
    with pytest.raises(InternalError, match="no level 5"):
        rule(perturbation_interval=2).record(RungResult(0, 5, 0, 1.0))
    with pytest.raises(InternalError, match="before it is judged"):
        rule().decide(RungResult(0, 1, 0, 1.0))


def test_the_experiment_names_it():
    """As a member of spec.earlyStopping, with the experiment's seed."""
    asked = EarlyStopping.model_validate({"pbt": {"perturbationInterval": 2, "maxResource": 8}})
    assert stopper_for(asked, 5, checkpoint=True) == rule(5, perturbation_interval=2, max_resource=8)
