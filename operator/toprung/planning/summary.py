"""Summarizes a reconciliation: the status to write and the Events to emit, from what was written.

There is one path, whether or not a write was refused:

- A trial whose new status was not written counts as it was before.
- An end counts only when every action that precedes it was executed.
- The reason of a refused write is reported by the condition Blocked.

Pure: the same snapshot, plan, execution and time give the same summary.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from toprung.objects.conditions import BlockReason
from toprung.objects.trial import TrialRecord
from toprung.planning.actions import EmitEvent, Plan
from toprung.planning.completion import Completion
from toprung.planning.events import blocked_events, end_events, validity_events
from toprung.planning.pending import blocked_reason, correctable_reason, first_wait
from toprung.planning.slots import next_index
from toprung.planning.snapshot import Snapshot
from toprung.planning.status import StatusInput, condition_summary, status_of


@dataclass(frozen=True, slots=True)
class Execution:
    """The executed part of a plan.

    Attributes:
        complete: whether every action was executed.
        unwritten: indices of the trials whose new status was not written.
        blocked: why an action failed, if that is likely to last; else None.
    """

    complete: bool = True
    unwritten: frozenset[int] = frozenset()
    blocked: BlockReason | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of a reconciliation.

    Attributes:
        status: the whole status of the Experiment as JSON, with None for fields that must be absent.
        events: Events about the Experiment, to emit before the status is written.
        conditions_changed: whether a condition has another status or reason than in the stored status.
        finished: whether the experiment has ended.
    """

    status: Mapping[str, object]
    events: tuple[EmitEvent, ...]
    conditions_changed: bool
    finished: bool


def summarize(snapshot: Snapshot, plan: Plan, execution: Execution, now: datetime) -> Summary:
    """Return the status and the Events of an experiment after an execution of its plan."""
    experiment = snapshot.experiment
    trials, ended = _written_trials(snapshot, plan, execution), _written_end(snapshot, plan, execution)
    may_start = ended is None and not experiment.spec.suspend
    status = status_of(
        StatusInput(
            experiment=experiment,
            trials=trials,
            created_count=next_index(snapshot),
            ended=ended,
            blocked=execution.blocked or (blocked_reason(snapshot, trials, now) if may_start else None),
            waiting=first_wait(snapshot, now),
            max_resource=plan.max_resource,
            now=now,
        )
    )
    reported = snapshot.blocked or correctable_reason(snapshot, trials, now)  # the kubelet reports other reasons
    return Summary(
        status=status,
        events=(
            *validity_events(experiment),
            *end_events(experiment, ended),
            *blocked_events(experiment.conditions, execution.blocked or (reported if may_start else None)),
        ),
        conditions_changed=condition_summary(status) != condition_summary(experiment.status),
        finished=ended is not None,
    )


def _written_trials(snapshot: Snapshot, plan: Plan, execution: Execution) -> tuple[TrialRecord, ...]:
    """Return the trials as they are after the plan, except those whose write is missing."""
    pairs = zip(snapshot.trials, plan.trials, strict=True)
    return tuple(before if after.index in execution.unwritten else after for before, after in pairs)


def _written_end(snapshot: Snapshot, plan: Plan, execution: Execution) -> Completion | None:
    """Return the end of the experiment, None while an action that precedes it is missing."""
    recorded = snapshot.experiment.completion_time is not None
    return plan.ended if execution.complete or recorded else None
