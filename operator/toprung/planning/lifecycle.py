"""Defines the lifecycle of a Trial: this table has all transitions.

    Pending ──STARTED──> Running ──SUCCEEDED──> Succeeded
     ^   ^                │ │ ├────STOPPED────> Stopped
     │   └────RETRIED─────┘ │ └─────FAILED────> Failed
     └──RESUMED── Paused <──┘                      (PAUSED; STOPPED leads from Paused to Stopped)

A trial may end, or reach a rung, before it was seen running, so Pending has the same ends as Running. NOTED changes
the reason alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from toprung.api.v1alpha1.conditions import Reason
from toprung.api.v1alpha1.trial import TrialState
from toprung.errors import InternalError
from toprung.objects.trial import TrialRecord


class TrialEvent(StrEnum):
    """The events that change a trial."""

    STARTED = "Started"  # its Pod runs
    SUCCEEDED = "Succeeded"  # the program ended well and reported
    STOPPED = "Stopped"  # a rung's verdict, or the end of the experiment
    FAILED = "Failed"  # no attempt is left
    RETRIED = "Retried"  # the attempt is over and another one follows, of the same or of what it takes over
    PAUSED = "Paused"  # a rung's verdict: it waits at the rung with its checkpoint
    RESUMED = "Resumed"  # it is promoted from the rung where it waited
    NOTED = "Noted"  # why its attempt will end is known, but not yet that it has ended


TRANSITIONS: Mapping[tuple[TrialState, TrialEvent], TrialState] = {
    (TrialState.PENDING, TrialEvent.STARTED): TrialState.RUNNING,
    (TrialState.PENDING, TrialEvent.SUCCEEDED): TrialState.SUCCEEDED,
    (TrialState.PENDING, TrialEvent.STOPPED): TrialState.STOPPED,
    (TrialState.PENDING, TrialEvent.FAILED): TrialState.FAILED,
    (TrialState.PENDING, TrialEvent.RETRIED): TrialState.PENDING,
    (TrialState.RUNNING, TrialEvent.SUCCEEDED): TrialState.SUCCEEDED,
    (TrialState.RUNNING, TrialEvent.STOPPED): TrialState.STOPPED,
    (TrialState.RUNNING, TrialEvent.FAILED): TrialState.FAILED,
    (TrialState.RUNNING, TrialEvent.RETRIED): TrialState.PENDING,
    (TrialState.PENDING, TrialEvent.PAUSED): TrialState.PAUSED,
    (TrialState.RUNNING, TrialEvent.PAUSED): TrialState.PAUSED,
    (TrialState.PENDING, TrialEvent.NOTED): TrialState.PENDING,
    (TrialState.RUNNING, TrialEvent.NOTED): TrialState.RUNNING,
    (TrialState.PAUSED, TrialEvent.RESUMED): TrialState.PENDING,
    (TrialState.PAUSED, TrialEvent.STOPPED): TrialState.STOPPED,
}


@dataclass(frozen=True, slots=True)
class StateChange:
    """Something that happened to a trial, with its reason and message.

    Attributes:
        failed: the attempt counts against `retries`.
        disrupted: the attempt was lost without the program's fault.
    """

    event: TrialEvent
    reason: Reason
    message: str
    failed: bool = False
    disrupted: bool = False


def move(trial: TrialRecord, change: StateChange, now: datetime) -> TrialRecord:
    """Return the trial after the change.

    Raises:
        InternalError: the table has no such transition.
    """
    state = TRANSITIONS.get((trial.state, change.event))
    if state is None:
        raise InternalError(f"{trial.name} is {trial.state}: {change.event} can't happen to it")
    again = change.event in (TrialEvent.RETRIED, TrialEvent.RESUMED)
    return replace(
        trial,
        state=state,
        reason=change.reason,
        message=change.message,
        attempt=trial.attempt + again,
        failures=trial.failures + change.failed,
        disruptions=trial.disruptions + change.disrupted,
        completion_time=max(now, trial.start_time or now) if state.terminal else None,
    )
