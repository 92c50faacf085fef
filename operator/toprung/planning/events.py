"""The Events of an Experiment: each belongs to a transition of a condition.

They are emitted before the status write that records the transition. Their keys are a function of the recorded status
and the new one, so every attempt at a transition has the same Event: a crash loses none, and repeats none.
"""

from collections.abc import Iterable

from toprung.api.v1alpha1.conditions import ConditionRecord, ConditionType, Reason
from toprung.objects.conditions import BlockReason
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.timestamps import timestamp
from toprung.planning.actions import EmitEvent
from toprung.planning.completion import Completion
from toprung.planning.snapshot import Snapshot


def validity_events(experiment: ExperimentRecord) -> tuple[EmitEvent, ...]:
    """Return the Events of a spec that became invalid while trials exist, or has fields that are ignored."""
    reported = any(
        each.type is ConditionType.VALID and not each.status and each.observed_generation == experiment.generation
        for each in experiment.conditions
    )
    if experiment.invalid:
        return () if reported else (invalid_event(experiment.generation, experiment.invalid),)
    known = any(
        each.type is ConditionType.VALID and experiment.ignored in each.message for each in experiment.conditions
    )
    if not experiment.ignored or known:
        return ()
    message = f"ignored, since this version does not know them: {experiment.ignored}"
    return (EmitEvent(None, True, Reason.UNKNOWN_FIELDS, message, f"generation-{experiment.generation} {message}"),)  # noqa: FBT003


def invalid_event(generation: int, message: str) -> EmitEvent:
    """Return the Event of an invalid spec: one for each generation and message."""
    return EmitEvent(
        None, warning=True, reason=Reason.INVALID, message=message, key=f"generation-{generation} {message}"
    )


def end_events(experiment: ExperimentRecord, ended: Completion | None) -> tuple[EmitEvent, ...]:
    """Return the Event of the end."""
    if ended is None or any(each.reason == ended.reason and each.status for each in experiment.conditions):
        return ()
    key = f"generation-{experiment.generation}"
    return (EmitEvent(None, not ended.succeeded, ended.reason, ended.message, key),)


def refusal_events(
    snapshot: Snapshot, ended: Completion | None, correctable: BlockReason | None
) -> tuple[EmitEvent, ...]:
    """Return the Event of what cannot be done, or can be corrected in the template.

    Other components emit those of a Pod that exists and waits for something else.
    """
    trouble = snapshot.setback.blocked if snapshot.setback is not None else None
    if trouble is None and ended is None and not snapshot.experiment.spec.suspend:
        trouble = snapshot.blocked or correctable
    return blocked_events(snapshot.experiment.conditions, trouble)


def blocked_events(conditions: Iterable[ConditionRecord], trouble: BlockReason | None) -> tuple[EmitEvent, ...]:
    """Return the Event of becoming blocked, or blocked for another reason than the condition says."""
    before = next((each for each in conditions if each.type is ConditionType.BLOCKED), None)
    if trouble is None or (before is not None and before.status and before.reason == trouble.reason):
        return ()
    since = timestamp(before.last_transition_time) if before is not None else "creation"
    return (EmitEvent(None, warning=True, reason=trouble.reason, message=trouble.message, key=f"since-{since}"),)
