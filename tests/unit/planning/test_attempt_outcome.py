"""The reason and message of the transition at the end of an attempt."""

from dataclasses import replace
from datetime import timedelta
from math import nan

import pytest

from support.specs import POD, experiment_spec
from support.world import START
from toprung.api.v1alpha1.conditions import Reason
from toprung.api.v1alpha1.trial import TrialState
from toprung.metrics.types import Observation, Progress
from toprung.objects.pod import PodPhase, PodRecord
from toprung.objects.trial import TrialRecord
from toprung.planning.attempt_outcome import Attempt, change_of
from toprung.planning.lifecycle import TrialEvent
from toprung.planning.snapshot import Collected


def attempt(phase=PodPhase.FAILED, *, tail=(), retries=0, trial=None, **pod):
    """Return an attempt of a trial whose Pod has these values."""
    spec = experiment_spec(trialTemplate={"retries": retries, "template": POD})
    record = TrialRecord("team/exp", "uid-exp", "exp-0", "uid-0", 0, {"lr": 0.01}, START, **(trial or {}))
    made = PodRecord("team/exp", "uid-0", "exp-0-1", "p", "exp-0", 1, phase, START, **pod)
    return Attempt(spec, record, made, START, Collected(record.progress, drained=True, tail=tail))


@pytest.mark.parametrize(
    ("pod", "message"),
    [
        pytest.param({"exit_code": 3}, "attempt 1 failed: exit code 3; it printed nothing", id="code"),
        pytest.param(
            {"exit_code": 137, "message": "OOMKilled"},
            "attempt 1 failed: exit code 137 (OOMKilled); it printed nothing",
            id="out-of-memory",
        ),
        pytest.param(
            {"exit_code": 1, "culprit": "init container fetch", "tail": ("no such bucket",)},
            "attempt 1 failed: init container fetch: exit code 1; its last lines:\nno such bucket",
            id="init-container",
        ),
        pytest.param({"message": "gone"}, "attempt 1 failed: gone; it printed nothing", id="no-code"),
    ],
)
def test_a_failure_has_the_container_code_and_log(pod, message):
    """For a failed init container, its name and log are quoted."""
    change = change_of(attempt(**pod))
    assert (change.event, change.message) == (TrialEvent.FAILED, message)


def test_a_disruption_has_the_cause_in_its_message():
    """The message is that of the eviction, for any exit code of the program."""
    change = change_of(attempt(exit_code=0, disruption="PreemptionByScheduler: default-scheduler: preempting"))
    assert change.disrupted
    assert change.message == "attempt 1 was disrupted: PreemptionByScheduler: default-scheduler: preempting"


LIMITED = {"silenceTimeout": "60s", "maxTrialDuration": "1h"}


def at(second):
    return START + timedelta(seconds=second)


def running(now, *, collected, limits=LIMITED, started=10, early_stopping=None, max_resource=None, progress=None):
    """Return an attempt whose program started at a time and still runs."""
    spec = experiment_spec(trialTemplate={**limits, "template": POD}, earlyStopping=early_stopping)
    progress = progress or Progress()
    record = TrialRecord(
        *("team/exp", "uid-exp", "exp-0", "uid-0", 0, {"lr": 0.01}, START),
        state=TrialState.RUNNING,
        progress=progress,
    )
    facts = {"started": START, "program_started": at(started)}
    pod = PodRecord("team/exp", "uid-0", "exp-0-1", "p", "exp-0", 1, PodPhase.RUNNING, START, **facts)
    return Attempt(spec, record, pod, at(now), Collected(progress, **collected), max_resource)


@pytest.mark.parametrize(
    ("now", "collected", "silent"),
    [
        pytest.param(69, {"idle": True}, False, id="not-yet"),
        pytest.param(70, {"idle": True}, True, id="since-its-start"),
        pytest.param(99, {"idle": True, "reported": at(40)}, False, id="reported-since"),
        pytest.param(100, {"idle": True, "reported": at(40)}, True, id="since-its-last-report"),
        pytest.param(9000, {"until": at(60)}, False, id="operator-was-down-and-reads-the-log"),
        pytest.param(9000, {"until": at(101), "reported": at(40)}, True, id="silent-by-the-times-of-its-own-lines"),
        pytest.param(9000, {"until": at(101), "reported": at(80)}, False, id="reports-in-unread-lines"),
        pytest.param(9000, {}, False, id="no-line-is-read-yet"),
    ],
)
def test_silence_depends_on_the_times_of_lines(now, collected, silent):
    """The time of reading does not count.

    An operator that was down does not fail a program that reported in the meantime.
    """
    change = change_of(running(now, collected=collected))
    assert (change is not None and change.reason is Reason.SILENT) is silent


def test_a_silent_program_has_failed():
    """The message has its output."""
    change = change_of(running(90, collected={"idle": True, "tail": ("loading",)}))
    assert (change.event, change.failed) == (TrialEvent.FAILED, True)
    assert change.message == ("reported no metric for trialTemplate.silenceTimeout 1m; its last lines:\nloading")


def reported(step, second=20, *, excess=0, value=0.5):
    seen = Observation(step, value, at(second))
    return Progress(latest=seen, best=seen, curve=((step, value),), excess=excess)


@pytest.mark.parametrize(
    ("now", "progress", "ends"),
    [
        pytest.param(500, reported(8), False, id="below"),
        pytest.param(49, reported(9), False, id="time-to-save-its-model"),
        pytest.param(50, reported(9), True, id="does-not-end"),
        pytest.param(21, reported(9, excess=1), False, id="prints-a-summary"),
        pytest.param(21, reported(9, excess=2), True, id="trains-on"),
        pytest.param(50, reported(12), True, id="jumped-beyond-it"),
    ],
)
def test_a_trial_ends_at_max_resource_whether_or_not_its_program_does(now, progress, ends):
    """Its program has the Pod's grace period to exit."""
    seen = running(now, collected={"idle": True}, limits={}, max_resource=9, progress=progress)
    change = change_of(seen)
    expected = (TrialEvent.SUCCEEDED, Reason.MAX_RESOURCE_REACHED) if ends else None
    assert (change and (change.event, change.reason)) == expected


@pytest.mark.parametrize(
    ("strategy", "progress", "event"),
    [
        pytest.param("best", reported(3), TrialEvent.STOPPED, id="best"),
        pytest.param("last", reported(3), TrialEvent.STOPPED, id="last"),
        pytest.param(
            "last", replace(reported(3), latest=Observation(4, nan, START)), TrialEvent.FAILED, id="last-is-nan"
        ),
        pytest.param(
            "best",
            replace(reported(3), latest=Observation(4, nan, START)),
            TrialEvent.STOPPED,
            id="best-without-values",
        ),
        pytest.param("best", Progress(), TrialEvent.FAILED, id="no-report"),
    ],
)
def test_a_trial_that_took_too_long_keeps_its_values(strategy, progress, event):
    """The strategy selects the value. Without a value the trial has failed."""
    spec = experiment_spec(
        objective={"metric": "acc", "type": "maximize", "strategy": strategy},
        trialTemplate={**LIMITED, "template": POD},
    )
    seen = attempt(exit_code=143, timed_out=True)
    change = change_of(replace(seen, spec=spec, trial=replace(seen.trial, progress=progress)))
    assert (change.event, change.reason) == (event, Reason.MAX_TRIAL_DURATION_REACHED)


LOST = {"log_unavailable": "the log can't be read: 404"}


@pytest.mark.parametrize(
    ("progress", "strategy", "collected", "reason"),
    [
        pytest.param(Progress(), "best", LOST, Reason.LOG_UNAVAILABLE, id="no-report"),
        pytest.param(Progress(), "best", {}, Reason.METRICS_UNAVAILABLE, id="a-silent-program"),
        pytest.param(reported(3), "best", LOST, Reason.TRIAL_SUCCEEDED, id="the-best-known-value"),
        pytest.param(reported(3), "last", LOST, Reason.LOG_UNAVAILABLE, id="the-last-may-be-missing"),
        pytest.param(reported(9), "last", LOST, Reason.TRIAL_SUCCEEDED, id="the-last-is-known-by-max-resource"),
    ],
)
def test_a_lost_log_is_a_disruption(progress, strategy, collected, reason):
    """It is no failure of the program."""
    spec = experiment_spec(objective={"metric": "acc", "type": "maximize", "strategy": strategy})
    seen = attempt(PodPhase.SUCCEEDED, exit_code=0)
    seen = replace(seen, spec=spec, trial=replace(seen.trial, progress=progress), max_resource=9)
    change = change_of(replace(seen, collected=Collected(progress, drained=True, **collected)))
    assert change.reason is reason
    assert change.disrupted is (reason is Reason.LOG_UNAVAILABLE)
