"""What the API server refuses is tried again, later and later."""

from datetime import UTC, datetime, timedelta

import pytest

from simulation.world import START
from toprung.api.errors import Forbidden, Rejected
from toprung.planning.actions import CreatePod, DeletePod, StopPod, WriteTrial
from toprung.planning.records import TrialRecord
from toprung.service.refusals import Refusals

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TRIAL = TrialRecord("team/exp", "uid-exp", "exp-0", "uid-0", 0, {"lr": 0.5}, START)
NO = Forbidden("no", status=403)


def after(seconds):
    return NOW + timedelta(seconds=seconds)


def refusals():
    """Such that each wait is as long as it may be."""
    return Refusals(jitter=lambda: 1.0)


def test_waits_double():
    """From one second to a minute; once the action is done the next refusal begins anew."""
    known, stop, now, waits = refusals(), StopPod("exp-0-1", "u"), NOW, []
    for _ in range(8):
        assert known.held(stop, now) is None
        known.note(stop, NO, now)
        due = known.due(now)
        assert known.held(stop, due - timedelta(microseconds=1)) is NO
        waits.append((due - now).total_seconds())
        now = due
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    known.forget(stop)
    known.note(stop, NO, now)
    assert known.due(now) == now + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("action", "same"),
    [
        pytest.param(WriteTrial(TrialRecord(*("team/exp", "uid-exp", "exp-0", "uid-0"), 0, {"lr": 0.5}, START, attempt=2)), True, id="the-trial-in-another-state"),
        pytest.param(WriteTrial(TrialRecord(*("team/exp", "uid-exp", "exp-1", "uid-1"), 1, {"lr": 0.5}, START)), False, id="another-trial"),
        pytest.param(StopPod("exp-0", "u"), False, id="another-kind-of-action"),
        pytest.param(DeletePod("exp-0", "u"), False, id="another-kind-of-action-still"),
    ],
)  # fmt: skip
def test_what_is_held_back(action, same):
    """The same kind of action on the same object, and no other."""
    known = refusals()
    known.note(WriteTrial(TRIAL), Rejected("no", status=422), NOW)
    assert (known.held(action, NOW) is not None) is same


def test_pods_are_not_held_back_here():
    """That they are refused is the trouble of the whole experiment, which has a rhythm of its own."""
    known = refusals()
    known.note(CreatePod(0, 1), NO, NOW)
    assert known.held(CreatePod(0, 1), NOW) is None
    assert known.due(NOW) is None
