"""Makes the plan of one reconciliation.

Pure: the same snapshot and time give the same plan, and a plan that was executed leaves nothing to do.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from toprung.api.v1alpha1.trial import TrialState
from toprung.early_stopping import Stopper, missing_batch_indices
from toprung.objects.trial import TrialRecord
from toprung.planning.actions import Action, ActionSequence, Plan, WriteTrial
from toprung.planning.completion import Completion, CompletionInput, completion_of, deadline_of, was_active
from toprung.planning.early_stopping import RungEvaluator, build_rule, max_resource_of
from toprung.planning.events import trial_events
from toprung.planning.image_changes import moved_images
from toprung.planning.log_completeness import all_read, at_deadline, with_pods_of
from toprung.planning.pending import start_grace_ends
from toprung.planning.plan_cache import PlanCache
from toprung.planning.pod_cleanup import (
    delete_expired_pods,
    deletion_due,
    expires_at,
    stop_decided_pods,
    stop_unwanted_pods,
)
from toprung.planning.scoring import incumbent
from toprung.planning.slots import (
    SlotAssignment,
    index_limit,
    next_index,
    no_new_trials,
    space_exhausted,
    starts,
)
from toprung.planning.snapshot import Snapshot
from toprung.planning.transitions import TrialTransition, advance, end_all

REREAD_INTERVAL = timedelta(seconds=1)
"""Interval for checking the logs that must be read before an end."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The decisions of a plan; `unread`: the end of the experiment waits for logs to be read."""

    transitions: tuple[TrialTransition, ...]
    ended: Completion | None
    starts: SlotAssignment
    unread: bool = False


def make_plan(snapshot: Snapshot, now: datetime, cache: PlanCache | None = None) -> Plan:
    """Decide what to do about an experiment.

    Args:
        snapshot: the experiment as it is.
        now: the time, in UTC.
        cache: results of its last plan. The plan is the same without them, but takes longer.

    Raises:
        InvalidExperiment: the custom early-stopping rule is missing, rejects its settings or breaks its protocol.
    """
    rule = build_rule(snapshot.experiment)
    cache = cache if cache is not None else PlanCache()
    cache.begin(snapshot)
    draft = _decide(snapshot, rule, now, cache)
    return Plan(
        chains=_chains(snapshot, draft, now),
        trials=_after(snapshot, draft.starts.transitions),
        ended=draft.ended,
        max_resource=max_resource_of(rule, 0),
        suggestions_needed=draft.starts.suggestions_needed,
        requeue_at=_requeue_at(snapshot, draft, now),
    )


def _decide(snapshot: Snapshot, rule: Stopper | None, now: datetime, cache: PlanCache) -> Draft:
    objective = snapshot.experiment.spec.primary_objective
    evaluator = _evaluator(snapshot, rule, cache) if rule is not None else None
    transitions = _advance(snapshot, evaluator, now, cache)
    trials = _after(snapshot, transitions)
    may_resume = (
        evaluator is not None
        and no_new_trials(snapshot)
        and evaluator.stopper.next_promotion(idle_slot=True) is not None
    )
    completion_input = _completion_input(snapshot, trials, now, may_resume=may_resume)
    ended = completion_of(completion_input)
    if ended is not None and snapshot.experiment.completion_time is None and not all_read(snapshot, transitions):
        return Draft(transitions, None, SlotAssignment(transitions, {}), unread=True)
    if ended is not None and transitions:  # scored by their last reports, trials count once they are cut off
        cut_off = _after(snapshot, end_all(transitions, ended.message, now))
        ended = completion_of(replace(completion_input, best=incumbent(cut_off, objective)))
    if ended is not None:
        started = SlotAssignment(end_all(transitions, ended.message, now), {})
    elif snapshot.experiment.spec.suspend or snapshot.experiment.invalid:
        started = SlotAssignment(transitions, {})
    else:
        started = starts(snapshot, transitions, evaluator, now)
    if evaluator is not None:
        cache.keep_records(evaluator.records)
    return Draft(started.transitions, ended, started)


def _evaluator(snapshot: Snapshot, rule: Stopper, cache: PlanCache) -> RungEvaluator:
    spec = snapshot.experiment.spec
    absent = (*snapshot.deleted, missing_batch_indices(spec.early_stopping, index_limit(snapshot)))
    return RungEvaluator(cache.take_records(rule, snapshot, absent), snapshot.trials, spec.primary_objective.metric)


def _advance(
    snapshot: Snapshot, evaluator: RungEvaluator | None, now: datetime, cache: PlanCache
) -> tuple[TrialTransition, ...]:
    """Update the trials by what happened until the deadline of the experiment."""
    deadline = _passed_deadline(snapshot, now)
    seen = snapshot if deadline is None else at_deadline(snapshot, deadline)
    transitions = advance(seen, evaluator, now, cache.transitions)
    cache.transitions = {each.before.index: each for each in transitions if each.repeats}
    return transitions if deadline is None else with_pods_of(snapshot, transitions)


def _passed_deadline(snapshot: Snapshot, now: datetime) -> datetime | None:
    deadline = deadline_of(snapshot.experiment)
    completed = snapshot.experiment.completion_time is not None
    return deadline if deadline is not None and deadline <= now and not completed else None


def _after(snapshot: Snapshot, transitions: Iterable[TrialTransition]) -> tuple[TrialRecord, ...]:
    changed = {transition.after.index: transition.after for transition in transitions}
    return tuple(changed.get(trial.index, trial) for trial in snapshot.trials)


def _completion_input(
    snapshot: Snapshot, trials: tuple[TrialRecord, ...], now: datetime, *, may_resume: bool
) -> CompletionInput:
    deadline = deadline_of(snapshot.experiment)
    active = sum(was_active(trial, deadline) for trial in trials)
    return CompletionInput(
        experiment=snapshot.experiment,
        trials=trials,
        best=incumbent(trials, snapshot.experiment.spec.primary_objective),
        created_count=next_index(snapshot),
        active=active + may_resume,
        failed=sum(trial.state is TrialState.FAILED for trial in trials),
        exhausted=space_exhausted(snapshot),
        now=now,
    )


def _chains(snapshot: Snapshot, draft: Draft, now: datetime) -> tuple[ActionSequence, ...]:
    """Order the actions of each trial: its new state is written before the actions that follow from it.

    Events come before the write that records what they report: after it they would no longer be due.
    """
    chains: dict[int, list[Action]] = {}
    ends: set[tuple[str, str]] = set()  # kind of action and name of a Pod: two policies may end the same one
    for index, event in (*moved_images(snapshot, draft.transitions, now), *trial_events(draft.transitions)):
        chains.setdefault(index, []).append(event)
    for transition in draft.transitions:
        write_at = transition.write_at(now)
        if write_at is not None and write_at <= now:
            chains.setdefault(transition.after.index, []).append(WriteTrial(transition.after))
    suspend = snapshot.experiment.spec.suspend
    for index, action in (
        *stop_decided_pods(draft.transitions),
        *stop_unwanted_pods(snapshot, now, suspend=suspend),
        *delete_expired_pods(snapshot, now),
    ):
        key = (type(action).__name__, action.uid)
        if key not in ends:
            ends.add(key)
            chains.setdefault(index, []).append(action)
    for index, chain in draft.starts.chains.items():
        chains.setdefault(index, []).extend(chain)
    return tuple(tuple(chain) for chain in chains.values())


def _requeue_at(snapshot: Snapshot, draft: Draft, now: datetime) -> datetime | None:
    """Return when time alone makes an action due, None if never."""
    spec, start = snapshot.experiment.spec, snapshot.experiment.start_time
    moments = [moment for transition in draft.transitions for moment in (transition.write_at(now), transition.due)]
    moments.extend(start_grace_ends(snapshot))
    if draft.unread:
        moments.append(now + REREAD_INTERVAL)
    if spec.max_duration is not None and start is not None and draft.ended is None:
        moments.append(start + spec.max_duration)
    for trial, pod in snapshot.attempts():
        moments.extend((expires_at(snapshot, trial, pod), deletion_due(snapshot, pod)))
    return min((moment for moment in moments if moment is not None and moment > now), default=None)
