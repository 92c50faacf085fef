"""Builds the Events of Trials and Experiments: each of an Experiment belongs to a transition of a condition.

They are emitted before the status write that records the transition. Their keys are a function of the recorded status
and the new one, so every attempt at a transition has the same Event: a crash loses none, and repeats none.
"""

from collections.abc import Iterable

from toprung.api.v1alpha1.conditions import ConditionRecord, ConditionType, Reason
from toprung.api.v1alpha1.trial import TrialState
from toprung.objects.conditions import BlockReason
from toprung.objects.experiment import ExperimentRecord
from toprung.planning.actions import EmitEvent
from toprung.planning.completion import Completion
from toprung.planning.transitions import TrialTransition
from toprung.planning.uncounted_reports import ignored_reports
from toprung.timestamps import timestamp

NEW_ATTEMPT = {
    Reason.RETRYING,
    Reason.DISRUPTED,
    Reason.NODE_LOST,
    Reason.LOG_UNAVAILABLE,
    Reason.EXPLOITED,
    Reason.CHECKPOINT_COMPLETE,
}
"""Reasons of a further attempt that an Event reports."""
WARNINGS = {
    Reason.RETRYING,
    Reason.DISRUPTED,
    Reason.PROGRAM_FAILED,
    Reason.METRICS_UNAVAILABLE,
    Reason.SILENT,
    Reason.NODE_LOST,
    Reason.LOG_UNAVAILABLE,
    Reason.MAX_TRIAL_DURATION_REACHED,
}
"""Reasons of a trial whose Events are Warnings."""


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


def blocked_events(conditions: Iterable[ConditionRecord], blocked: BlockReason | None) -> tuple[EmitEvent, ...]:
    """Return the Event of becoming blocked, or blocked for another reason than in the condition."""
    before = next((each for each in conditions if each.type is ConditionType.BLOCKED), None)
    if blocked is None or (before is not None and before.status and before.reason == blocked.reason):
        return ()
    since = timestamp(before.last_transition_time) if before is not None else "creation"
    return (EmitEvent(None, warning=True, reason=blocked.reason, message=blocked.message, key=f"since-{since}"),)


def trial_events(transitions: Iterable[TrialTransition]) -> Iterable[tuple[int, EmitEvent]]:
    """Return the Events of trials that are stopped early, fail, are retried, or copy from another trial."""
    for transition in transitions:
        trial = transition.after
        if trial.progress.ignored and not transition.before.progress.ignored:
            message = ignored_reports(trial.progress)
            yield trial.index, EmitEvent(trial, True, Reason.REPORTS_IGNORED, message, "reports")  # noqa: FBT003
        again = trial.attempt != transition.before.attempt and trial.reason in NEW_ATTEMPT
        lost = trial.reason is Reason.NODE_LOST and transition.before.reason != Reason.NODE_LOST
        if again or lost or (trial.state.terminal and _is_notable(transition)):
            warning = trial.reason in WARNINGS
            yield (
                trial.index,
                EmitEvent(trial, warning, trial.reason, trial.message, f"attempt-{transition.before.attempt}"),
            )


def _is_notable(transition: TrialTransition) -> bool:
    """Return whether a trial ends otherwise than by success or with its experiment."""
    expected = transition.after.reason in (Reason.TRIAL_SUCCEEDED, Reason.EXPERIMENT_ENDED)
    return not expected and transition.before.state is not TrialState.PAUSED
