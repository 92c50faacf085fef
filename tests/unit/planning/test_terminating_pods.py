"""Pods that are being deleted, and Pods of lost nodes, by time."""

from datetime import timedelta

import pytest

from support.specs import POD, experiment_spec
from support.world import START
from toprung.api.v1alpha1.conditions import Reason
from toprung.api.v1alpha1.trial import TrialState
from toprung.objects.pod import PodPhase, PodRecord
from toprung.objects.trial import TrialRecord
from toprung.planning.attempt_outcome import Attempt, change_of, due_at
from toprung.planning.lifecycle import TrialEvent
from toprung.planning.slots import holds_slot
from toprung.planning.terminating_pods import is_lost

KEPT = {"volume": {"emptyDir": {}}}
DELETION = START + timedelta(seconds=30)


def attempt(seconds, *, checkpoint=None, reason="", phase=PodPhase.RUNNING, **pod):
    """Return an attempt whose Pod should have ended at second 30, observed so many seconds after the start."""
    template = {"nodeLostTimeout": "5m", "template": POD}
    spec = experiment_spec(checkpoint=checkpoint, trialTemplate=template)
    state = TrialState.RUNNING if phase is PodPhase.RUNNING else TrialState.PENDING
    trial = TrialRecord("team/exp", "uid-exp", "exp-0", "uid-0", 0, {"lr": 0.01}, START, state=state, reason=reason)
    facts = {"deletion_time": DELETION, "disruption": "DeletionByTaintManager: why", "node": "n1", "started": START}
    made = PodRecord("team/exp", "uid-0", "exp-0-1", "p", "exp-0", 1, phase, START, **{**facts, **pod})
    return Attempt(spec, trial, made, START + timedelta(seconds=seconds))


RETRIED, NOTED = TrialEvent.RETRIED, TrialEvent.NOTED


@pytest.mark.parametrize(
    ("seen", "event", "reason", "fragment"),
    [
        pytest.param(attempt(1), RETRIED, Reason.DISRUPTED, "DeletionByTaintManager: why", id="without-checkpoint"),
        pytest.param(attempt(61), RETRIED, Reason.NODE_LOST, "node n1 does not respond", id="seen-late"),
        pytest.param(attempt(1, checkpoint=KEPT), NOTED, Reason.DISRUPTED, "is being deleted", id="checkpoint-ending"),
        pytest.param(
            attempt(60, checkpoint=KEPT, reason=Reason.DISRUPTED),
            *(NOTED, Reason.NODE_LOST, "should have ended by 2026-01-01T00:00:30Z, and node n1 does not respond"),
            id="checkpoint-lost",
        ),
        pytest.param(
            attempt(60, checkpoint=KEPT), NOTED, Reason.NODE_LOST, "at the latest at 2026-01-01T00:05:30Z", id="limit"
        ),
        pytest.param(
            attempt(330, checkpoint=KEPT, reason=Reason.NODE_LOST),
            *(RETRIED, Reason.NODE_LOST, "attempt 1 was disrupted"),
            id="checkpoint-limit-is-over",
        ),
        pytest.param(
            attempt(61, phase=PodPhase.PENDING), RETRIED, Reason.NODE_LOST, "does not respond", id="never-started"
        ),
    ],
)
def test_the_transition_after_a_deletion(seen, event, reason, fragment):
    """Without a checkpoint the next attempt starts immediately.

    With one, it waits until only one Pod can write it, or for a limit.
    """
    change = change_of(seen)
    assert (change.event, change.reason) == (event, reason)
    assert fragment in change.message
    assert change.disrupted is (event is RETRIED)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(attempt(29, checkpoint=KEPT, reason=Reason.DISRUPTED), id="recorded-already"),
        pytest.param(attempt(90, checkpoint=KEPT, reason=Reason.NODE_LOST), id="lost-and-recorded"),
        pytest.param(attempt(5, phase=PodPhase.PENDING), id="a-pod-that-never-ran"),
    ],
)
def test_a_lost_node_is_reported_once(seen):
    """Each report is one write of the Trial."""
    assert change_of(seen) is None


@pytest.mark.parametrize(
    ("seen", "due"),
    [
        pytest.param(attempt(1, checkpoint=KEPT), 60, id="lost"),
        pytest.param(attempt(61, checkpoint=KEPT), 330, id="limit"),
        pytest.param(attempt(331, checkpoint=KEPT), None, id="never"),
    ],
)
def test_the_time_of_the_next_reconciliation(seen, due):
    """A lost node sends no event."""
    assert due_at(seen) == (START + timedelta(seconds=due) if due is not None else None)


@pytest.mark.parametrize(
    ("seconds", "pod", "holds"),
    [
        pytest.param(59, {"devices": {"nvidia.com/gpu": 1}}, True, id="may-hold-its-device"),
        pytest.param(60, {"devices": {"nvidia.com/gpu": 1}}, False, id="device-of-a-lost-node"),
        pytest.param(1, {"devices": {}}, False, id="no-device"),
    ],
)
def test_a_lost_node_holds_no_slots(seconds, pod, holds):
    """A Pod that is being deleted may hold a device until its node counts as lost."""
    seen = attempt(seconds, **pod)
    assert holds_slot(seen.pod, seen.now) is holds


def test_an_ended_pod_is_not_lost():
    """A finalizer may keep the object, although the node has answered."""
    seen = attempt(600, phase=PodPhase.FAILED)
    assert not is_lost(seen.pod, seen.now)
