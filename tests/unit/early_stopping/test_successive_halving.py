"""Check synchronous successive halving, batch by batch."""

from itertools import permutations
from math import inf, nan

import pytest

from toprung.api.v1alpha1.early_stopping import EarlyStopping, SuccessiveHalvingSettings
from toprung.early_stopping import Decision, RungResult, stopper_for
from toprung.early_stopping.successive_halving import SuccessiveHalving
from toprung.errors import InternalError

GO, STOP, PAUSE = Decision.CONTINUE, Decision.STOP, Decision.PAUSE


def rule(*, trials=9, max_resource=9, eta=3):
    return SuccessiveHalving(SuccessiveHalvingSettings(max_resource=max_resource, reduction_factor=eta, trials=trials))


def arrive(halving, scores, *, resource=1):
    """Record and evaluate each (index, score), mark those that continue, and return the last verdict."""
    for index, score in scores:
        result = RungResult(0, resource, index, score)
        halving.record(result)
        verdict = halving.decide(result)
        if verdict.outcome is GO:
            halving.mark_continued(result)
    return verdict


def promoted(halving):
    """Promote all candidates in turn, and return (resource, index) of each."""
    released = []
    while (result := halving.next_promotion()) is not None:
        released.append((result.resource, result.index))
        halving.mark_continued(result)
    return released


@pytest.mark.parametrize(
    ("scores", "outcome", "message"),
    [
        pytest.param(
            [5], PAUSE, "1st of 1 at rung 1, the best 3 continue; paused until 8 more trials reach the rung", id="first"
        ),
        pytest.param([5, 4, 3, 2], STOP, "4th of 4 at rung 1, the best 3 continue", id="no-place-left"),
        pytest.param([1, 2, 3, 4, 5, 6, 9], GO, "1st of 7 at rung 1, the best 3 continue", id="certain-before-the-end"),
        pytest.param(
            [1, 2, 3, 4, 5, 9, 8],
            PAUSE,
            "2nd of 7 at rung 1, the best 3 continue; paused until 2 more trials reach the rung",
            id="not-certain-yet",
        ),
        pytest.param(
            [1, 2, 3, 4, 5, 6, 9, 8, 7], GO, "3rd of 9 at rung 1, the best 3 continue", id="last-of-the-batch"
        ),
        pytest.param([nan], STOP, "not finite at rung 1, and never continues", id="nan"),
    ],
)
def test_verdict(scores, outcome, message):
    """A trial continues when its place is certain, and stops when it can no longer get one."""
    verdict = arrive(rule(), enumerate(scores))
    assert (verdict.outcome, verdict.message) == (outcome, message)


def test_every_finite_trial_continues_from_the_last_rung():
    """The trial ends by itself."""
    assert arrive(rule(), [(0, 1.0), (1, 0.5)], resource=9).outcome is GO


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
def test_exactly_the_best_of_a_rung_continue(order):
    """In any order of arrival, at once or by a promotion."""
    halving = rule(trials=4, max_resource=4, eta=2)
    continued = set()
    for index in order:
        if arrive(halving, [(index, float(index))]).outcome is GO:
            continued.add(index)
        continued |= {index for _, index in promoted(halving)}
    assert continued == {2, 3}


def test_a_batch_runs_to_its_last_rung():
    """Nine trials start, the best three continue, and then the best of these."""
    halving = rule()
    arrive(halving, [(index, float(index)) for index in reversed(range(9))])
    assert promoted(halving) == [(1, 8), (1, 7), (1, 6)]
    arrive(halving, [(8, 1.0), (7, 3.0)], resource=3)
    assert promoted(halving) == []
    arrive(halving, [(6, 2.0)], resource=3)
    assert promoted(halving) == [(3, 7)]


def test_batches_do_not_compete():
    """The worst trial of one batch continues although all of the other are better; higher rungs come first, then older batches."""
    halving = rule(trials=3, max_resource=3)
    arrive(halving, [(3, 9.0), (4, 8.0), (0, 3.0), (1, 2.0)])
    assert promoted(halving) == []
    arrive(halving, [(5, 7.0), (2, 1.0)])
    assert promoted(halving) == [(1, 0), (1, 3)]


def test_a_failed_trial_counts_as_the_worst():
    """The rung does not wait for it, and its place stays empty."""
    halving = rule()
    for index in range(8):
        halving.record(RungResult(0, 1, index, -inf))
    assert arrive(halving, [(8, 0.1)]).outcome is GO
    assert arrive(halving, [(8, 0.1)], resource=3).outcome is GO


def test_higher_rungs_do_not_wait_for_trials_that_stopped():
    """Two of three places of the next rung stay empty, so one trial completes it."""
    halving = rule()
    arrive(halving, [(0, 5.0), *((index, nan) for index in range(1, 9))])
    assert promoted(halving) == [(1, 0)]
    assert arrive(halving, [(0, 5.0)], resource=3).outcome is GO


@pytest.mark.parametrize(
    ("came", "ended", "message"),
    [
        pytest.param(9, [], "paused until 2 more trials reach the rung", id="none"),
        pytest.param(9, [2], "paused until 1 more trial reaches the rung", id="one-with-a-place"),
        pytest.param(9, [1, 2], "1st of 1 at rung 3, the best continues", id="all-others-with-a-place"),
        pytest.param(9, [3, 4], "paused until 2 more trials reach the rung", id="two-without"),
        pytest.param(4, [2], "paused until 2 more trials reach the rung", id="one-whose-place-may-be-lost-to-others"),
        pytest.param(2, [2, 3, 4, 5, 6, 7], "paused until 2 more trials reach the rung", id="one-is-still-to-come"),
        pytest.param(
            2, [2, 3, 4, 5, 6, 7, 8], "paused until 1 more trial reaches the rung", id="none-is-still-to-come"
        ),
    ],
)
def test_no_trial_waits_for_an_ended_one(came, ended, message):
    """Of nine trials, 0 is the best at the first rung, then 1, 2, ...; 0 is the first to reach rung 3."""
    halving = rule()
    arrive(halving, [(index, -float(index)) for index in range(came)])
    for index in ended:
        halving.mark_finished(0, index)
    assert arrive(halving, [(0, 1.0)], resource=3).message.endswith(message)


def test_a_waiting_trial_that_ended_is_not_promoted():
    """Its place stays empty."""
    halving = rule(trials=3, max_resource=3)
    arrive(halving, [(0, 3.0), (1, 2.0)])
    halving.mark_finished(0, 0)
    arrive(halving, [(2, 1.0)])
    assert promoted(halving) == []


def test_finished_batches_keep_no_waiting_trials():
    """None of 1,000 finished batches is open."""
    halving = rule(trials=3, max_resource=3)
    for batch in range(1000):
        arrive(halving, [(3 * batch + place, float(place)) for place in range(3)])
        promoted(halving)
    assert halving._open == set()


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda halving: halving.decide(RungResult(0, 1, 0, 1.0)), id="judged-before-recorded"),
        pytest.param(lambda halving: halving.record(RungResult(0, 2, 0, 1.0)), id="no-such-rung"),
    ],
)
def test_a_call_out_of_order_is_an_internal_error(call):
    """It raises InternalError, which a user cannot correct."""
    with pytest.raises(InternalError):
        call(rule())


def test_stopper_for_builds_the_rule_that_is_set():
    """The rule has the settings of spec.earlyStopping.successiveHalving."""
    settings = SuccessiveHalvingSettings(max_resource=9, trials=9)
    assert stopper_for(EarlyStopping(successive_halving=settings), 7, checkpoint=True) == SuccessiveHalving(settings)
