"""One pass over one experiment: observe (the snapshot), decide (here), act (the plan's chains).

Pure: the same snapshot and time give the same plan, and a plan that was carried out leaves nothing to do.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from toprung.api.v1alpha1.conditions import Reason
from toprung.api.v1alpha1.trial import TrialState
from toprung.early_stopping import Stopper, missing_batch_indices
from toprung.objects.conditions import BlockReason
from toprung.objects.trial import TrialRecord
from toprung.planning.actions import Action, ActionSequence, EmitEvent, Plan, WriteTrial
from toprung.planning.completion import Completion, CompletionInput, deadline_of, end_of, was_active
from toprung.planning.early_stopping import RungEvaluator
from toprung.planning.events import end_events, refusal_events, validity_events
from toprung.planning.image_changes import moved_images
from toprung.planning.log_completeness import all_read, as_of, with_pods_of
from toprung.planning.pending import CORRECTABLE, first_wait, patience_ends, program_started
from toprung.planning.pod_cleanup import (
    delete_expired_pods,
    deletion_due,
    expires_at,
    stop_decided_pods,
    stop_unwanted_pods,
)
from toprung.planning.scoring import incumbent
from toprung.planning.slots import SlotAssignment, beyond, next_index, no_new_trials, space_exhausted, starts
from toprung.planning.snapshot import Snapshot
from toprung.planning.status import Outlook
from toprung.planning.terminating_pods import blocking_lost_pods
from toprung.planning.transitions import TrialTransition, advance, end_all
from toprung.planning.uncounted_reports import ignored_reports

FAULTS_OF_THE_TEMPLATE = {Reason.IMAGE_PULL, Reason.CONTAINER_CONFIG}
"""Reasons for which a Pod does not start, and which the author of the template can correct."""
READ_AGAIN = timedelta(seconds=1)
"""How often to look whether the logs are read that an end waits for."""
AGAIN = {
    Reason.RETRYING,
    Reason.DISRUPTED,
    Reason.NODE_LOST,
    Reason.LOG_UNAVAILABLE,
    Reason.EXPLOITED,
    Reason.CHECKPOINT_COMPLETE,
}
"""Reasons of a further attempt that Events report."""
LOUD = {
    Reason.RETRYING,
    Reason.DISRUPTED,
    Reason.PROGRAM_FAILED,
    Reason.METRICS_UNAVAILABLE,
    Reason.SILENT,
    Reason.NODE_LOST,
    Reason.LOG_UNAVAILABLE,
    Reason.MAX_TRIAL_DURATION_REACHED,
}
"""Reasons of a trial that are Warnings."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a pass has found out, before it is put into chains; `unread`: its end waits for logs to be read."""

    steps: tuple[TrialTransition, ...]
    trials: tuple[TrialRecord, ...]
    ended: Completion | None
    starts: SlotAssignment
    unread: bool = False


def plan(snapshot: Snapshot, stopper: Stopper | None, now: datetime) -> Plan:
    """Decide what to do about an experiment, and what its status is when that is done.

    With a setback the status is what can be told all the same: no more than the Trials say, and nothing of an end.

    Args:
        snapshot: what is the case.
        stopper: the experiment's early-stopping rule, fresh, without records; None for none.
        now: the time, in UTC.

    Raises:
        InvalidExperiment: a rule of the author's own asks for what can't be.
    """
    decision = _as_written(snapshot, _decide(snapshot, stopper, now))
    outlook = Outlook(
        experiment=snapshot.experiment,
        trials=decision.trials,
        created_count=next_index(snapshot),
        ended=decision.ended,
        refused=snapshot.setback.blocked if snapshot.setback is not None else None,
        blocked=_trouble(snapshot, decision.trials, now),
        waiting=first_wait(snapshot, now),
        max_resource=stopper.levels(0)[-1] if stopper is not None else None,
        now=now,
    )
    return Plan(
        chains=_chains(snapshot, decision, now),
        outlook=outlook,
        announcements=(
            *validity_events(snapshot.experiment),
            *end_events(snapshot.experiment, decision.ended),
            *refusal_events(snapshot, decision.ended, _correctable(snapshot, decision.trials, now)),
        ),
        suggestions_needed=decision.starts.suggestions_needed,
        requeue_at=_requeue_at(snapshot, decision, now),
    )


def _decide(snapshot: Snapshot, stopper: Stopper | None, now: datetime) -> Draft:
    objective = snapshot.experiment.spec.primary_objective
    maximize = objective.type == "maximize"
    absent = (*snapshot.deleted, missing_batch_indices(snapshot.experiment.spec.early_stopping, beyond(snapshot)))
    judge = RungEvaluator(stopper, snapshot.trials, absent, objective.metric, maximize) if stopper is not None else None
    steps = with_pods_of(snapshot, advance(as_of(snapshot, _passed_deadline(snapshot, now)), judge, now))
    trials = _after(snapshot, steps)
    may_resume = stopper is not None and no_new_trials(snapshot) and stopper.next_promotion(idle_slot=True) is not None
    facts = _facts(snapshot, trials, now, may_resume=may_resume)
    ended = end_of(facts)
    if ended is not None and snapshot.experiment.completion_time is None and not all_read(snapshot, steps):
        return Draft(steps, trials, None, SlotAssignment(steps, {}), unread=True)
    if ended is not None and steps:  # scored by their last reports, trials count once they are cut off
        cut_off = _after(snapshot, end_all(steps, ended.message, now))
        ended = end_of(replace(facts, best=incumbent(cut_off, objective)))
    if ended is not None:
        started = SlotAssignment(end_all(steps, ended.message, now), {})
    elif snapshot.experiment.spec.suspend or snapshot.experiment.invalid:
        started = SlotAssignment(steps, {})
    else:
        started = starts(snapshot, steps, judge, now)
    return Draft(started.steps, _after(snapshot, started.steps), ended, started)


def _passed_deadline(snapshot: Snapshot, now: datetime) -> datetime | None:
    deadline = deadline_of(snapshot.experiment)
    judged = snapshot.experiment.completion_time is not None
    return deadline if deadline is not None and deadline <= now and not judged else None


def _as_written(snapshot: Snapshot, decision: Draft) -> Draft:
    """Take back what could not be written, and the end while anything is left to be done."""
    if snapshot.setback is None:
        return decision
    there = {trial.index: trial for trial in snapshot.trials if trial.index in snapshot.setback.trials}
    trials = tuple(there.get(trial.index, trial) for trial in decision.trials)
    ended = decision.ended if snapshot.experiment.completion_time is not None else None
    return replace(decision, trials=trials, ended=ended)


def _after(snapshot: Snapshot, steps: Iterable[TrialTransition]) -> tuple[TrialRecord, ...]:
    changed = {step.after.index: step.after for step in steps}
    return tuple(changed.get(trial.index, trial) for trial in snapshot.trials)


def _facts(snapshot: Snapshot, trials: tuple[TrialRecord, ...], now: datetime, *, may_resume: bool) -> CompletionInput:
    deadline = deadline_of(snapshot.experiment)
    going_on = sum(was_active(trial, deadline) for trial in trials)
    return CompletionInput(
        experiment=snapshot.experiment,
        trials=trials,
        best=incumbent(trials, snapshot.experiment.spec.primary_objective),
        created_count=next_index(snapshot),
        active=going_on + may_resume,
        failed=sum(trial.state is TrialState.FAILED for trial in trials),
        exhausted=space_exhausted(snapshot),
        now=now,
    )


def _chains(snapshot: Snapshot, decision: Draft, now: datetime) -> tuple[ActionSequence, ...]:
    """Put the actions about each trial in order: its new state is written before anything follows from it.

    Events come before the write that records what they report: after it they would no longer be due.
    """
    chains: dict[int, list[Action]] = {}
    ends: set[tuple[str, str]] = set()  # kind of action and name of a Pod: two policies may end the same one
    for index, event in (*moved_images(snapshot, decision.steps, now), *_trial_events(decision.steps)):
        chains.setdefault(index, []).append(event)
    for step in decision.steps:
        write_at = step.write_at(now)
        if write_at is not None and write_at <= now:
            chains.setdefault(step.after.index, []).append(WriteTrial(step.after))
    suspend = snapshot.experiment.spec.suspend
    for index, action in (
        *stop_decided_pods(decision.steps),
        *stop_unwanted_pods(snapshot, now, suspend=suspend),
        *delete_expired_pods(snapshot, now),
    ):
        key = (type(action).__name__, action.uid)
        if key not in ends:
            ends.add(key)
            chains.setdefault(index, []).append(action)
    for index, chain in decision.starts.chains.items():
        chains.setdefault(index, []).extend(chain)
    return tuple(tuple(chain) for chain in chains.values())


def _trial_events(steps: Iterable[TrialTransition]) -> Iterable[tuple[int, Action]]:
    """Announce what people ask about: a trial stopped early, failed, or tried again, or taking over from another."""
    for step in steps:
        trial = step.after
        if trial.progress.ignored and not step.before.progress.ignored:
            message = ignored_reports(trial.progress)
            yield trial.index, EmitEvent(trial, True, Reason.REPORTS_IGNORED, message, "reports")  # noqa: FBT003
        again = trial.attempt != step.before.attempt and trial.reason in AGAIN
        lost = trial.reason is Reason.NODE_LOST and step.before.reason != Reason.NODE_LOST
        if again or lost or (trial.state.terminal and _worth_telling(step)):
            loud = trial.reason in LOUD
            yield trial.index, EmitEvent(trial, loud, trial.reason, trial.message, f"attempt-{step.before.attempt}")


def _worth_telling(step: TrialTransition) -> bool:
    """Whether the end of a trial is not what everybody expects: that it succeeds, or ends with its experiment."""
    expected = step.after.reason in (Reason.TRIAL_SUCCEEDED, Reason.EXPERIMENT_ENDED)
    return not expected and step.before.state is not TrialState.PAUSED


def _trouble(snapshot: Snapshot, trials: tuple[TrialRecord, ...], now: datetime) -> BlockReason | None:
    return snapshot.blocked or _correctable(snapshot, trials, now) or _pod_trouble(snapshot, now)


def _correctable(snapshot: Snapshot, trials: tuple[TrialRecord, ...], now: datetime) -> BlockReason | None:
    """Return the reason why Pods do not start where an edit of the template can help."""
    trouble = _pod_trouble(snapshot, now)
    if trouble is None or trouble.reason not in FAULTS_OF_THE_TEMPLATE or program_started(snapshot.experiment, trials):
        return None
    return BlockReason(trouble.reason, f"{trouble.message}. {CORRECTABLE}")


def _pod_trouble(snapshot: Snapshot, now: datetime) -> BlockReason | None:
    """Give the reason why Pods do not start, the oldest Pod's first."""
    stuck = [pod for pods in snapshot.pods.values() for pod in pods if pod.blocked is not None and not pod.stopping]
    stuck += blocking_lost_pods(snapshot, now)
    if not stuck:
        return None
    oldest = min(stuck, key=lambda pod: (pod.created, pod.name))
    assert oldest.blocked is not None  # noqa: S101 - tells the type checker what the list's condition says
    others = f" (and {len(stuck) - 1} more Pods)" if len(stuck) > 1 else ""
    return BlockReason(oldest.blocked.reason, f"Pod {oldest.name}: {oldest.blocked.message}{others}")


def _requeue_at(snapshot: Snapshot, decision: Draft, now: datetime) -> datetime | None:
    """When something becomes due by time alone."""
    spec, start = snapshot.experiment.spec, snapshot.experiment.start_time
    moments = [moment for step in decision.steps for moment in (step.write_at(now), step.due)]
    moments.extend(patience_ends(snapshot))
    if decision.unread:
        moments.append(now + READ_AGAIN)
    if spec.max_duration is not None and start is not None and decision.ended is None:
        moments.append(start + spec.max_duration)
    for trial in snapshot.trials:
        for pod in snapshot.pods.get(trial.name, ()):
            moments.append(expires_at(snapshot, trial, pod))
            moments.append(deletion_due(snapshot, pod))
    return min((moment for moment in moments if moment is not None and moment > now), default=None)
