"""Check which trial of a population exploits which."""

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
    """Return a rule with the (level, score) of each trial; all have continued, or those of `released`."""
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
def test_the_bottom_quantile_exploits_the_top_quantile(size, quantile, share):
    """Both have the size of the quantile, rounded up, and at most half of the population."""
    latest = [(3, float(index)) for index in range(size)]
    found = verdicts(latest, quantile_fraction=quantile)
    assert [each.outcome for each in found] == [EXPLOIT] * share + [GO] * (size - share)
    assert {each.exploit.donor for each in found[:share]} <= set(range(size - share, size))


@pytest.mark.parametrize(
    ("latest", "options", "index", "outcome"),
    [
        pytest.param([(3, 2.0), (1, 1.0), (3, 1.5)], {}, 1, EXPLOIT, id="compared-however-far"),
        pytest.param([(3, 1.0), (3, 1.0)], {}, 1, EXPLOIT, id="ties-go-to-the-smaller-index"),
        pytest.param([(3, nan), (3, nan), (3, nan), (3, 1.0)], {}, 0, EXPLOIT, id="all-that-are-not-finite"),
        pytest.param([(3, nan), (3, nan)], {}, 0, GO, id="no-donor"),
        pytest.param([(3, nan), (3, 1.0)], {"released": ()}, 0, STOP, id="nan-where-a-finite-one-is-no-donor"),
        pytest.param([(3, 0.0), (3, 1.0)], {"released": ()}, 0, GO, id="donors-have-continued"),
        pytest.param([(3, 0.0), (9, 1.0)], {}, 0, GO, id="donors-have-something-left-to-train"),
        pytest.param([(9, 0.0), (3, 1.0)], {}, 0, GO, id="at-maxResource-it-is-over"),
        pytest.param([(9, nan), (9, 1.0)], {}, 0, STOP, id="nan-at-maxResource"),
        pytest.param([(3, 1.0), (3, -inf), (3, 0.5)], {}, 2, GO, id="not-finite-is-the-worst"),
    ],
)
def test_verdict(latest, options, index, outcome):
    """Trials are compared by their latest records, at any level."""
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
def test_an_ended_trial_is_in_no_quantile(ended, outcomes):
    """The remaining trials have their own best and worst, and all donors are among them."""
    latest = [(3, ended.get(index, 10.0 - index)) for index in range(10)]
    left = [index for index in range(10) if index not in ended]
    found = [each for index, each in enumerate(verdicts(latest, ended=ended)) if index in left]
    assert [each.outcome for each in found] == outcomes
    assert {each.exploit.donor for each in found[-2:]} <= set(left[:2])


def test_a_trial_that_failed_before_max_resource_is_in_no_quantile():
    """Its failure is recorded at maxResource, its next level."""
    latest = [*((3, 10.0 - index) for index in range(8)), (9, -inf), (9, -inf)]
    assert [each.outcome for each in verdicts(latest, ended=[8, 9])][:8] == [GO] * 6 + [EXPLOIT] * 2


def test_a_complete_trial_stays_in_the_population():
    """It is no donor, but others are compared with it."""
    latest = [(9, 4.0), (3, 3.0), (3, 2.0), (3, 1.0)]
    assert verdicts(latest, ended=[0]) == verdicts(latest)


def test_a_trial_is_compared_by_its_latest_record():
    """An earlier, better record does not count."""
    stopper = population([(1, 9.0), (1, 5.0), (1, 4.0)])
    worse = RungResult(0, 2, 0, 1.0)
    stopper.record(worse)
    assert stopper.decide(worse).exploit.donor == 1
    assert stopper.decide(RungResult(0, 1, 2, 4.0)).outcome is GO


def test_donors_are_drawn_by_seed_trial_and_level():
    """The draws cover the best trials, and a fresh rule repeats them."""
    latest = [(3, float(index)) for index in range(40)]
    drawn = [each.exploit for each in verdicts(latest, quantile_fraction=0.25)[:10]]
    assert drawn == [each.exploit for each in verdicts(latest, quantile_fraction=0.25)[:10]]
    assert len({each.donor for each in drawn}) > 3
    assert len({each.seed for each in drawn}) == 10
    assert drawn != [each.exploit for each in verdicts(latest, quantile_fraction=0.25, seed=1)[:10]]


def is_better_donor(latest, index, donor):
    """Return whether a trial may copy the donor, by their (level, score)."""
    level, score = latest[donor]
    return donor != index and level < 9 and abs(score) < inf and not score < latest[index][1] < inf


SCORES = st.floats(-9, 9) | st.sampled_from([nan, inf, -inf])


@given(st.lists(st.tuples(st.integers(1, 9), SCORES), min_size=1, max_size=30), st.floats(0.01, 0.5), st.integers(0, 9))
def test_a_donor_is_another_trial_and_no_worse(latest, quantile, seed):
    """The donor is finite, below maxResource, and at least as good as the trial that exploits it."""
    judged = list(enumerate(verdicts(latest, quantile_fraction=quantile, seed=seed)))
    copies = [(index, verdict.exploit.donor) for index, verdict in judged if verdict.exploit is not None]
    assert [index for index, verdict in judged if verdict.outcome is EXPLOIT] == [index for index, _ in copies]
    assert [(index, donor) for index, donor in copies if not is_better_donor(latest, index, donor)] == []


def test_a_message_has_the_rank():
    """It completes the sentence "acc 0 is ..."."""
    verdict = verdicts([(4, 0.0), (6, 1.0)])[0]
    assert verdict.about("acc", 0.0) == "acc 0 is 2nd of 2 by latest value, at step 4; exploits trial 1"


@pytest.mark.parametrize(
    ("settings", "levels"),
    [
        pytest.param({"perturbation_interval": 2, "max_resource": 8}, (2, 4, 6, 8), id="a-multiple"),
        pytest.param({"perturbation_interval": 3, "max_resource": 8}, (3, 6, 8), id="and-the-end"),
        pytest.param({"perturbation_interval": 1, "max_resource": 64}, tuple(range(1, 65)), id="as-many-as-may-be"),
    ],
)
def test_levels(settings, levels):
    """Levels are the multiples of the interval, and maxResource."""
    assert rule(**settings).levels(0) == levels


@pytest.mark.parametrize("maximum", [65, 128, 129, 1000, 10**9])
def test_the_interval_that_the_error_names_is_valid(maximum):
    """A smaller one is invalid."""
    with pytest.raises(ValidationError, match=r"Use at least (\d+)") as raised:
        PbtSettings(perturbation_interval=1, max_resource=maximum)
    least = int(re.search(r"Use at least (\d+)", str(raised.value))[1])
    with pytest.raises(ValidationError):
        PbtSettings(perturbation_interval=least - 1, max_resource=maximum)
    assert len(rule(perturbation_interval=least, max_resource=maximum).levels(0)) <= MAX_LEVELS


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(lambda stopper: stopper.record(RungResult(0, 10, 0, 1.0)), "no level 10", id="no-such-level"),
        pytest.param(lambda stopper: stopper.decide(RungResult(0, 1, 0, 1.0)), "before it is judged", id="no-record"),
    ],
)
def test_a_call_out_of_order_is_an_internal_error(call, message):
    """It raises InternalError, which a user cannot correct."""
    with pytest.raises(InternalError, match=message):
        call(rule())


def test_stopper_for_builds_the_rule_that_is_set():
    """The rule has the settings of spec.earlyStopping.pbt and the seed of the experiment."""
    settings = EarlyStopping.model_validate({"pbt": {"perturbationInterval": 2, "maxResource": 8}})
    assert stopper_for(settings, 5, checkpoint=True) == rule(5, perturbation_interval=2, max_resource=8)
