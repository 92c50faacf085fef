"""Updates every trial that has not ended: its reports, its rungs, the end of its attempt."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import isfinite

from toprung.api.v1alpha1.conditions import Reason
from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.api.v1alpha1.trial import MAX_DEVICES, TrialState
from toprung.early_stopping import Decision, individual_stop
from toprung.metrics.types import Observation, Progress
from toprung.objects.pod import PodRecord
from toprung.objects.trial import DeviceRecord, TrialRecord
from toprung.planning.attempt_outcome import Attempt, change_of, due_at
from toprung.planning.early_stopping import RungDecision, RungEvaluator
from toprung.planning.exploit import extend_resource, record_exploit
from toprung.planning.lifecycle import StateChange, TrialEvent, move
from toprung.planning.snapshot import Collected, Snapshot

FIRST_WRITE_AFTER = timedelta(seconds=1)
"""A trial that is over sooner never has its Running state written: that saves a write for each of many short ones."""
LIVE_WRITE_EVERY = timedelta(seconds=10)
"""Interval for writing the reports of a running trial when nothing else changes."""


NOTED_REASONS = (Reason.DISRUPTED, Reason.NODE_LOST)
"""Reasons that are written at once although the trial continues."""
CHANGES = {
    Decision.STOP: (TrialEvent.STOPPED, Reason.EARLY_STOPPED),
    Decision.PAUSE: (TrialEvent.PAUSED, Reason.PAUSED),
    Decision.EXPLOIT: (TrialEvent.RETRIED, Reason.EXPLOITED),
}
"""The event and the reason of each decision; a trial that continues has none."""


@dataclass(frozen=True, slots=True)
class TrialTransition:
    """A trial before and after this plan.

    Attributes:
        pod: of its attempt before the plan, None if there is none.
        collected: the reports that were read of the Pod.
        due: when time alone next changes the attempt, None where it does not.
    """

    before: TrialRecord
    after: TrialRecord
    pod: PodRecord | None
    due: datetime | None = None
    collected: Collected | None = None

    @property
    def must_be_written(self) -> bool:
        """Return whether the trial must be written now, because a restart could not derive the change again."""
        old, new = self.before, self.after
        if new is old:
            return False
        noted = new.reason != old.reason and new.reason in NOTED_REASONS
        ended = new.state.terminal and not old.state.terminal
        return (old.attempt, old.rungs) != (new.attempt, new.rungs) or ended or noted

    @property
    def repeats(self) -> bool:
        """Return whether the next plan makes the same transition if trial, Pod and reports are the same."""
        return self.due is None and not self.must_be_written

    def write_at(self, now: datetime) -> datetime | None:
        """Return when the trial's status must be written, None if nothing changed."""
        if self.after is self.before:
            return None
        if self.must_be_written:
            return now
        recorded, latest = self.before.progress.latest, self.after.progress.latest
        if self.before.state is not self.after.state:
            return ((self.pod and self.pod.started) or now) + FIRST_WRITE_AFTER
        if self.before.progress.ignored.keys() != self.after.progress.ignored.keys():
            return now
        if latest is None or (recorded is not None and _observation_key(recorded) == _observation_key(latest)):
            return None
        return now if recorded is None else recorded.time + LIVE_WRITE_EVERY


NO_TRANSITIONS: Mapping[int, TrialTransition] = {}


def current_pod(snapshot: Snapshot, trial: TrialRecord) -> PodRecord | None:
    """Return the Pod of the trial's current attempt."""
    pods = snapshot.pods.get(trial.name, ())
    return next((pod for pod in pods if pod.attempt == trial.attempt and pod.controller_uid == trial.uid), None)


def advance(
    snapshot: Snapshot,
    evaluator: RungEvaluator | None,
    now: datetime,
    earlier: Mapping[int, TrialTransition] = NO_TRANSITIONS,
) -> tuple[TrialTransition, ...]:
    """Update every trial that has not ended by its Pod and its reports.

    Args:
        snapshot: the state of the experiment.
        evaluator: early stopping with the records of all trials, None for none; new records are added to it.
        now: the time, in UTC.
        earlier: index of a trial -> its transition in the last plan, if that repeats.
    """
    transitions = [_begin(snapshot, trial, earlier) for trial in snapshot.trials if not trial.state.terminal]
    changed = [each for each in transitions if each is not earlier.get(each.before.index)]
    decisions = evaluator.judge([each.after for each in changed]) if evaluator is not None else {}
    advanced = {each.before.index: _finish(snapshot, each, evaluator, decisions, now) for each in changed}
    return tuple(advanced.get(each.before.index, each) for each in transitions)


def _begin(snapshot: Snapshot, trial: TrialRecord, earlier: Mapping[int, TrialTransition]) -> TrialTransition:
    """Return the transition of the last plan, if it is the same in this plan; otherwise the trial with its reports."""
    pod = current_pod(snapshot, trial)
    collected = snapshot.collected.get(pod.uid) if pod is not None else None
    known = earlier.get(trial.index)
    if known is not None and known.before is trial and (known.pod, known.collected) == (pod, collected):
        return known
    return TrialTransition(trial, _with_reports(trial, pod, collected), pod, collected=collected)


def _finish(
    snapshot: Snapshot,
    transition: TrialTransition,
    evaluator: RungEvaluator | None,
    decisions: Mapping[int, RungDecision],
    now: datetime,
) -> TrialTransition:
    """Return the transition of a trial after the decision about its rungs."""
    trial = transition.after
    max_resource = evaluator.stopper.levels(trial.bracket)[-1] if evaluator is not None else None
    decision = decisions.get(trial.index, RungDecision(trial))
    after, due = _next_state(snapshot, decision, transition, now, max_resource)
    if after.state.terminal and evaluator is not None:
        after = evaluator.end(after, now)
    return TrialTransition(transition.before, after, transition.pod, due, transition.collected)


def end_all(transitions: Iterable[TrialTransition], message: str, now: datetime) -> tuple[TrialTransition, ...]:
    """Stop the remaining trials, because the experiment ends; a paused one counts as stopped at its rung."""
    return tuple(
        transition
        if transition.after.state.terminal
        else replace(transition, after=_ended_with_experiment(transition, message, now))
        for transition in transitions
    )


def resume(spec: ExperimentSpec, transition: TrialTransition, decision: RungDecision, now: datetime) -> TrialTransition:
    """Resume a paused trial as a further attempt, or let it wait or stop at a rung that it reached already."""
    if decision.outcome is Decision.PAUSE:
        return replace(transition, after=replace(decision.trial, message=decision.message))
    if decision.outcome is Decision.STOP:
        change = StateChange(TrialEvent.STOPPED, Reason.EARLY_STOPPED, decision.message)
    else:
        highest = max(rung.resource for rung in decision.trial.rungs)
        change = StateChange(TrialEvent.RESUMED, Reason.PROMOTED, f"promoted from rung {highest}")
    return replace(transition, after=_without_lost_reports(spec, decision.trial, move(decision.trial, change, now)))


def _ended_with_experiment(transition: TrialTransition, message: str, now: datetime) -> TrialRecord:
    if transition.after.state is TrialState.PAUSED:
        waited = f"{transition.after.message}; stopped because the experiment ended"
        return move(transition.after, StateChange(TrialEvent.STOPPED, Reason.EARLY_STOPPED, waited), now)
    counted = (
        transition.after.attempt != transition.before.attempt
    )  # the time of its Pod: the next attempt has none yet
    change = StateChange(TrialEvent.STOPPED, Reason.EXPERIMENT_ENDED, message)
    return _apply_change(transition.after, change, None if counted else transition.pod, now)


def _observation_key(observation: Observation) -> tuple[float, float | None, int]:
    """Return a key that identifies an observation of a trial, stored or not: non-finite values are not stored."""
    value = observation.value if isfinite(observation.value) else None
    return observation.step, value, sum(map(isfinite, observation.metrics.values()))


def _with_reports(trial: TrialRecord, pod: PodRecord | None, collected: Collected | None) -> TrialRecord:
    if pod is None or collected is None or pod.init_failed:  # lines of an init container are no reports
        return trial
    return replace(trial, progress=collected.progress)


def _next_state(
    snapshot: Snapshot, decision: RungDecision, transition: TrialTransition, now: datetime, max_resource: int | None
) -> tuple[TrialRecord, datetime | None]:
    """Return the trial after this plan, and when time alone changes it next."""
    if decision.outcome is Decision.EXPLOIT:
        decision = replace(decision, trial=record_exploit(snapshot, decision.trial, decision.exploit))
    spec, trial, pod = snapshot.experiment.spec, decision.trial, transition.pod
    attempt = Attempt(spec, trial, pod, now, transition.collected, max_resource)
    change = _change(decision, attempt)
    if change is None:
        return trial, due_at(attempt) if trial.state is not TrialState.PAUSED else None
    if change.reason is Reason.CHECKPOINT_COMPLETE and max_resource is not None:
        trial = extend_resource(trial, max_resource)
    paused = trial.state is TrialState.PAUSED  # its device time was counted when it paused
    model = snapshot.models.get(pod.node, "") if pod is not None else ""
    moved = _without_lost_reports(spec, trial, _apply_change(trial, change, None if paused else pod, now, model))
    return moved, due_at(attempt) if moved.attempt == trial.attempt and not moved.state.terminal else None


def _without_lost_reports(spec: ExperimentSpec, before: TrialRecord, after: TrialRecord) -> TrialRecord:
    """Drop the reports of an attempt that left no checkpoint: the next one starts from scratch. Verdicts stay."""
    if after.attempt == before.attempt or spec.checkpoint is not None:
        return after
    return replace(after, progress=Progress(ignored=before.progress.ignored))


def _change(decision: RungDecision, attempt: Attempt) -> StateChange | None:
    trial, pod, collected = decision.trial, attempt.pod, attempt.collected
    waits = decision.outcome is Decision.PAUSE or trial.state is TrialState.PAUSED
    runs = decision.outcome is Decision.CONTINUE and (pod is None or not pod.over) and not attempt.has_used_all
    if waits or runs:
        stop = _individual_stop_of(attempt.spec, trial)
        if stop is not None:
            return stop  # before it is promoted for nothing
    if decision.outcome in CHANGES:
        return StateChange(*CHANGES[decision.outcome], decision.message)
    if waits:
        return None
    if pod is not None and pod.over and (collected is None or not collected.drained):
        return None  # how an attempt ended is decided when its last line has been read
    return change_of(attempt)


def _individual_stop_of(spec: ExperimentSpec, trial: TrialRecord) -> StateChange | None:
    """Stop a trial by patience or threshold, which depend only on its own reports."""
    progress = trial.progress
    verdict = individual_stop(spec.early_stopping, progress, maximize=spec.primary_objective.type == "maximize")
    about = progress.best or progress.latest
    if verdict is None or about is None:
        return None
    return StateChange(
        TrialEvent.STOPPED, Reason.EARLY_STOPPED, verdict.about(spec.primary_objective.metric, about.value)
    )


def _apply_change(
    trial: TrialRecord, change: StateChange, pod: PodRecord | None, now: datetime, model: str = ""
) -> TrialRecord:
    moved = move(trial, change, now)
    if pod is None:
        return moved
    continues = moved.attempt == trial.attempt and moved.state in (TrialState.PENDING, TrialState.RUNNING)
    used = 0.0 if continues else _device_seconds(pod, now)
    return replace(
        moved,
        start_time=trial.start_time or pod.started,
        completion_time=_completion(moved, pod),
        node=pod.node,
        image_id=pod.image_id or trial.image_id,
        devices=_devices(trial, pod, model or pod.model),
        accelerator_seconds=trial.accelerator_seconds + used,
    )


def _devices(trial: TrialRecord, pod: PodRecord, model: str) -> tuple[DeviceRecord, ...]:
    """Return what the attempt holds; a model that was known earlier stays."""
    if not model and sum(each.count for each in trial.devices) == pod.device_count and pod.node == trial.node:
        return trial.devices
    return tuple(DeviceRecord(name, count, model) for name, count in pod.devices.items())[:MAX_DEVICES]


def _completion(trial: TrialRecord, pod: PodRecord) -> datetime | None:
    """Return when a trial ended: with its Pod, however late that is seen, and not before the Pod started."""
    if trial.completion_time is None:
        return None
    with_pod = pod.over and pod.finished is not None and trial.reason != Reason.EXPERIMENT_ENDED
    ended = pod.finished if with_pod and pod.finished is not None else trial.completion_time
    return max(ended, pod.started) if pod.started is not None else ended


def _device_seconds(pod: PodRecord, now: datetime) -> float:
    if pod.started is None:
        return 0.0
    return pod.device_count * max(0.0, ((pod.finished or now) - pod.started).total_seconds())
