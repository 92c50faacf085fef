"""The back-off of one experiment."""

from datetime import UTC, datetime, timedelta

import pytest

from toprung.api.v1alpha1.conditions import Reason
from toprung.controller.action_backoff import EVERYTHING, PODS, ActionBackoff, ActionFailure, affects_everything
from toprung.errors import (
    ClusterUnavailable,
    Conflict,
    Forbidden,
    InternalError,
    NameTaken,
    Rejected,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STOP, OTHER = ("StopPod", "exp-0-1"), ("StopPod", "exp-1-1")
NO = Forbidden("no", status=403)
QUOTA = Forbidden('pods "x" is forbidden: exceeded quota: gpus, requested: 1, used: 4, limited: 4', status=403)
LIMITS = Forbidden('pods "x" is forbidden: failed quota: cpu: must specify limits.cpu for: main', status=403)


def failed(backoff, *subjects, error=NO, at=0.0, alive=0, done=()):
    """Record a reconciliation in which these subjects failed."""
    failures = [ActionFailure(subject, "something", error) for subject in subjects]
    backoff.record(failures, done, alive=alive, now=NOW + timedelta(seconds=at))


def waits(error, subject=STOP, times=9):
    """Return the waits after consecutive failures, in seconds."""
    backoff, now, result = ActionBackoff(jitter=lambda: 1.0), 0.0, []
    for _ in range(times):
        failed(backoff, subject, error=error, at=now)
        result.append((backoff.retry_at - NOW).total_seconds() - now)
        now += result[-1]
    return result


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(NO, [0.5, 1, 2, 4, 8, 16, 32, 60, 60], id="waits double to a minute"),
        pytest.param(QUOTA, [0.5, 1, 2, 4, 5, 5, 5, 5, 5], id="quota may be freed by others at any time"),
        pytest.param(ClusterUnavailable("busy", status=429, retry_after=3), [3, 3, 3, 4, 8, 16, 32, 60, 60], id="the server's wait"),
    ],
)  # fmt: skip
def test_the_wait_grows_with_consecutive_failures(error, expected):
    """Some errors have their own waits."""
    assert waits(error) == pytest.approx(expected)


def test_only_failed_subjects_back_off():
    """They back off until the retry."""
    backoff = ActionBackoff(jitter=lambda: 1.0)
    failed(backoff, STOP)
    assert backoff.blocking_failure(STOP, NOW).error is NO
    assert backoff.blocking_failure(OTHER, NOW) is None
    assert backoff.blocking_failure(STOP, backoff.retry_at) is None


def test_a_clock_that_is_set_back_ends_the_back_off():
    """Otherwise nothing would be executed until the clock has caught up."""
    backoff = ActionBackoff(jitter=lambda: 1.0)
    failed(backoff, STOP)
    assert backoff.blocking_failure(STOP, NOW - timedelta(hours=1)) is None


def test_the_wait_that_a_server_requests_is_bounded():
    """A proxy may request a day."""
    assert waits(ClusterUnavailable("busy", status=429, retry_after=86400), times=1) == [60]


def test_all_subjects_back_off_if_the_api_server_does_not_answer():
    """Other subjects would fail too."""
    backoff = ActionBackoff(jitter=lambda: 1.0)
    failed(backoff, EVERYTHING, error=ClusterUnavailable("no answer"))
    assert backoff.blocking_failure(OTHER, NOW) is not None


def test_success_of_the_last_failed_subject_resets_the_back_off():
    """The next failure has the wait of a first one."""
    backoff = ActionBackoff(jitter=lambda: 1.0)
    for at in (0, 1, 3):
        failed(backoff, STOP, OTHER, at=at)
    failed(backoff, at=7, done=(STOP,))
    assert backoff.failures == 0
    failed(backoff, OTHER, at=8)
    assert backoff.retry_at == NOW + timedelta(seconds=8.5)


def test_success_of_another_action_does_not_end_the_back_off():
    """A reconciliation with only other actions is no retry."""
    backoff = ActionBackoff(jitter=lambda: 1.0)
    failed(backoff, PODS, error=QUOTA)
    failed(backoff, done=(OTHER,), at=0.1)
    assert backoff.blocking_failure(PODS, NOW + timedelta(seconds=0.2)) is not None


@pytest.mark.parametrize(
    ("alive", "held"),
    [pytest.param(3, False, id="a Pod of the experiment ended"), pytest.param(4, True, id="none ended")],
)
def test_the_end_of_a_pod_allows_the_next_one_at_once(alive, held):
    """The ended Pod no longer uses the quota."""
    backoff = ActionBackoff(jitter=lambda: 1.0)
    failed(backoff, PODS, error=QUOTA, alive=4)
    backoff.note_alive(alive)
    assert (backoff.blocking_failure(PODS, NOW) is not None) is held


@pytest.mark.parametrize(
    ("error", "lasting", "reason"),
    [
        pytest.param(QUOTA, True, Reason.QUOTA_EXCEEDED, id="quota"),
        pytest.param(LIMITS, True, Reason.QUOTA_EXCEEDED, id="quota requires a limit"),
        pytest.param(NO, True, Reason.FORBIDDEN, id="rbac"),
        pytest.param(Rejected("no", status=422), True, Reason.REJECTED, id="rejected"),
        pytest.param(NameTaken("taken"), True, Reason.NAME_TAKEN, id="name taken"),
        pytest.param(InternalError("TypeError: x"), True, Reason.INTERNAL_ERROR, id="internal"),
        pytest.param(ClusterUnavailable("no answer"), False, Reason.API_UNAVAILABLE, id="unavailable"),
    ],
)
def test_each_error_has_a_reason(error, lasting, reason):
    """A lasting failure is reported immediately, and another one after three consecutive failures."""
    backoff = ActionBackoff(jitter=lambda: 1.0)
    failed(backoff, STOP, error=error)
    assert (backoff.reported is not None) is lasting
    for at in (1, 3):
        failed(backoff, STOP, error=error, at=at)
    assert backoff.reported.reason is reason


def test_a_conflict_is_not_reported():
    """The cache is behind. The next reconciliation has the newest state."""
    backoff = ActionBackoff(jitter=lambda: 1.0)
    for at in (0, 1, 3):
        failed(backoff, STOP, error=Conflict("old", status=409), at=at)
    assert backoff.reported is None


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(ClusterUnavailable("no answer"), True, id="no answer"),
        pytest.param(ClusterUnavailable("overload", status=503), True, id="overload"),
        pytest.param(ClusterUnavailable("a webhook fails", status=500), False, id="one kind of request fails"),
        pytest.param(NO, False, id="forbidden"),
    ],
)
def test_only_some_errors_affect_all_actions(error, expected):
    """A failing webhook of one kind must not delay other kinds."""
    assert affects_everything(error) is expected
