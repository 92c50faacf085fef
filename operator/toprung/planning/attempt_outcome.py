"""Determines how an attempt ended, by a chain of policies of which the first that applies decides."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from toprung.api.v1alpha1.base import format_duration
from toprung.api.v1alpha1.conditions import Reason
from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.api.v1alpha1.trial import TrialState
from toprung.objects.pod import PodPhase, PodRecord
from toprung.objects.trial import TrialRecord
from toprung.planning.deadlines import RECHECK_INTERVAL, read_until, resource_used_at, silent_at
from toprung.planning.exploit import copied_complete_checkpoint
from toprung.planning.lifecycle import StateChange, TrialEvent
from toprung.planning.scoring import scored_by
from toprung.planning.snapshot import Collected
from toprung.planning.terminating_pods import describe_lost, is_lost, lost_at, may_be_replaced, successor_at
from toprung.planning.uncounted_reports import ignored_reports, unread_lines

MAX_DISRUPTIONS = 20
"""A trial that is evicted this often probably causes its evictions; it fails then."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The input of the policies.

    Attributes:
        trial: with all reports of the attempt so far.
        pod: None where it is gone.
        now: the time, in UTC.
        collected: the reports read from the Pod's log, None if it was never read.
        max_resource: resource of a full trial; None without a rule that has rungs.
    """

    spec: ExperimentSpec
    trial: TrialRecord
    pod: PodRecord | None
    now: datetime
    collected: Collected | None = None
    max_resource: int | None = None

    @property
    def has_used_all(self) -> bool:
        """Return whether the trial has reported maxResource."""
        latest = self.trial.progress.latest
        return latest is not None and self.max_resource is not None and latest.step >= self.max_resource

    @property
    def quoted_tail(self) -> str:
        """Return the last lines, for a message."""
        tail = self.collected.tail if self.collected is not None else ()
        return "; its last lines:\n" + "\n".join(tail) if tail else "; it printed nothing"


Policy = Callable[[Attempt], StateChange | None]


def pod_is_gone(attempt: Attempt) -> StateChange | None:
    """Handle the deleted Pod of a trial that ran: its end can no longer be read."""
    trial = attempt.trial
    if attempt.pod is not None or trial.state is not TrialState.RUNNING:
        return None
    noted = trial.reason in (Reason.DISRUPTED, Reason.NODE_LOST)
    return _disruption(attempt, trial.message if noted else "its Pod was deleted")


def is_being_deleted(attempt: Attempt) -> StateChange | None:
    """Handle a Pod that is deleted while its program runs: another attempt follows when both cannot collide."""
    pod = attempt.pod
    if pod is None or pod.over or not pod.deleting:
        return None
    if pod.stop_time is not None:  # it did not end when it was stopped
        return StateChange(TrialEvent.RETRIED, Reason.SUSPENDED, f"attempt {pod.attempt} ended by suspend")
    lost = is_lost(pod, attempt.now)
    reason, what = Reason.DISRUPTED, f"Pod {pod.name} is being deleted: {pod.disruption}"
    if lost:
        reason, what = Reason.NODE_LOST, describe_lost(attempt.spec, pod)
    if may_be_replaced(attempt.spec, pod, attempt.now):
        return _disruption(attempt, what, reason)
    if attempt.trial.reason == reason or (pod.phase is PodPhase.PENDING and not lost):
        return None
    return StateChange(TrialEvent.NOTED, reason, what)


def used_its_resource(attempt: Attempt) -> StateChange | None:
    """End a trial that has reported maxResource and whose program does not end; its Pod ends after it."""
    at = resource_used_at(attempt.spec, attempt.trial, attempt.pod, attempt.max_resource)
    if at is None or attempt.now < at:
        return None
    change = incomplete(attempt) or success(attempt)
    if change.reason is not Reason.TRIAL_SUCCEEDED:
        return change
    message = f"{change.message}; it reached maxResource {attempt.max_resource}, and its program was stopped"
    return replace(change, reason=Reason.MAX_RESOURCE_REACHED, message=message)


def is_silent(attempt: Attempt) -> StateChange | None:
    """Handle a program that runs and has reported no metric for silenceTimeout."""
    at = silent_at(attempt.spec, attempt.pod, attempt.collected)
    until, limit = read_until(attempt.collected, attempt.now), attempt.spec.trial_template.silence_timeout
    if at is None or until is None or until < at or limit is None:
        return None
    message = f"reported no metric for trialTemplate.silenceTimeout {format_duration(limit)}{attempt.quoted_tail}"
    return StateChange(TrialEvent.FAILED, Reason.SILENT, message, failed=True)


def has_started(attempt: Attempt) -> StateChange | None:
    """Handle a running attempt: the only possible change is its start."""
    pod, trial = attempt.pod, attempt.trial
    if pod is None or pod.outcome is not PodPhase.RUNNING or trial.state is TrialState.RUNNING:
        return None
    return StateChange(TrialEvent.STARTED, Reason.TRIAL_STARTED, f"Pod {pod.name} runs")


def was_suspended(attempt: Attempt) -> StateChange | None:
    """Retry after a stop without a verdict: the experiment was suspended, and another attempt follows."""
    pod = attempt.pod
    if pod is None or pod.outcome is not PodPhase.FAILED or pod.stop_time is None:
        return None
    return StateChange(TrialEvent.RETRIED, Reason.SUSPENDED, f"attempt {attempt.trial.attempt} ended by suspend")


def was_disrupted(attempt: Attempt) -> StateChange | None:
    """Handle an eviction, preemption, deletion or lost node: not the program's fault, whatever its exit code."""
    pod = attempt.pod
    if pod is None or not pod.over or not pod.disrupted:
        return None
    return _disruption(attempt, pod.disruption)


def took_too_long(attempt: Attempt) -> StateChange | None:
    """End an attempt that exceeds maxTrialDuration: a retry would take as long. Its reports count."""
    pod, limit = attempt.pod, attempt.spec.trial_template.max_trial_duration
    if pod is None or not pod.timed_out or limit is None:
        return None
    message = f"attempt {pod.attempt} took longer than trialTemplate.maxTrialDuration {format_duration(limit)}"
    stopped = replace(attempt.trial, state=TrialState.STOPPED)
    scored = scored_by(stopped, attempt.spec.primary_objective)
    if scored is None or incomplete(attempt) is not None:
        message += f"; it has no finite {attempt.spec.primary_objective.metric}{attempt.quoted_tail}"
        return StateChange(TrialEvent.FAILED, Reason.MAX_TRIAL_DURATION_REACHED, message, failed=True)
    message += f"; {attempt.spec.primary_objective.metric} {scored.value:.6g} at step {scored.step} counts"
    return StateChange(TrialEvent.STOPPED, Reason.MAX_TRIAL_DURATION_REACHED, message)


def log_is_lost(attempt: Attempt) -> StateChange | None:
    """Retry a successful program whose log could not be read to its end: reports may be missing."""
    pod, collected, progress = attempt.pod, attempt.collected, attempt.trial.progress
    if pod is None or collected is None or pod.outcome is not PodPhase.SUCCEEDED or not collected.log_unavailable:
        return None
    latest, strategy = progress.latest, attempt.spec.primary_objective.strategy
    if latest is not None and (strategy == "best" or attempt.has_used_all):
        return None
    return _disruption(attempt, collected.log_unavailable, Reason.LOG_UNAVAILABLE)


def program_failed(attempt: Attempt) -> StateChange | None:
    """Handle a program that failed or never started: it is retried as often as `retries` allows."""
    pod, trial = attempt.pod, attempt.trial
    if pod is None or pod.outcome is not PodPhase.FAILED:
        return None
    message = f"attempt {pod.attempt} failed: {_failure(pod)}{attempt.quoted_tail}"
    if trial.failures < attempt.spec.trial_template.retries:
        return StateChange(TrialEvent.RETRIED, Reason.RETRYING, message, failed=True)
    return StateChange(TrialEvent.FAILED, Reason.PROGRAM_FAILED, message, failed=True)


def _failure(pod: PodRecord) -> str:
    """Name the container unless it is the primary one, its exit code, and the further message of the kubelet."""
    what = f"exit code {pod.exit_code}" if pod.exit_code is not None else pod.message or "no exit code"
    if pod.exit_code is not None and pod.message:
        what += f" ({pod.message})"
    return f"{pod.culprit}: {what}" if pod.culprit else what


def trained_nothing(attempt: Attempt) -> StateChange | None:
    """Extend a trial whose copied checkpoint was complete: the trial continues to train from there."""
    pod, trial = attempt.pod, attempt.trial
    if pod is None or pod.outcome is not PodPhase.SUCCEEDED or attempt.max_resource is None:
        return None
    if not copied_complete_checkpoint(trial):
        return None
    message = (
        f"attempt {pod.attempt} trained no steps: the checkpoint copied from {trial.lineage[-1].source} was complete. "
        "The next attempt trains the remaining steps"
    )
    return StateChange(TrialEvent.RETRIED, Reason.CHECKPOINT_COMPLETE, message)


def reported_nothing(attempt: Attempt) -> StateChange | None:
    """Fail a successful program without the metrics of the objectives: it cannot be scored."""
    if attempt.pod is None or attempt.pod.outcome is not PodPhase.SUCCEEDED:
        return None
    return incomplete(attempt)


def incomplete(attempt: Attempt) -> StateChange | None:
    """Return the failure of a trial that has not reported all objectives, None where it has."""
    progress, (first, *others) = attempt.trial.progress, attempt.spec.all_objectives
    if progress.latest is not None:
        return _incomplete(attempt) if others and progress.latest_complete is None else None
    metric = first.metric
    message = (
        f"the program ended well but never printed the objective {metric}; "
        f'print a line such as {metric}=0.5 or {{"{metric}": 0.5}}{_unread(attempt)}'
    )
    return StateChange(TrialEvent.FAILED, Reason.METRICS_UNAVAILABLE, message, failed=True)


def _incomplete(attempt: Attempt) -> StateChange:
    names = [goal.metric for goal in attempt.spec.all_objectives]
    message = (
        f"the objectives {', '.join(names)} were never printed at one step; "
        f"print them in one line such as {' '.join(f'{name}=0.5' for name in names)}{_unread(attempt)}"
    )
    return StateChange(TrialEvent.FAILED, Reason.METRICS_UNAVAILABLE, message, failed=True)


def _unread(attempt: Attempt) -> str:
    """Return why reports did not count and which lines were not read, else the last lines."""
    ignored = ignored_reports(attempt.trial.progress)
    unread = attempt.collected.unread if attempt.collected is not None else ()
    return (f". {ignored}" if ignored else "") + (unread_lines(unread) or attempt.quoted_tail)


def succeeded(attempt: Attempt) -> StateChange | None:
    """Handle a program that succeeded and reported."""
    if attempt.pod is None or attempt.pod.outcome is not PodPhase.SUCCEEDED:
        return None
    return success(attempt)


def success(attempt: Attempt) -> StateChange:
    """Return the success of a trial that has reported; values that are all NaN or infinite can only lose."""
    metric, best = attempt.spec.primary_objective.metric, attempt.trial.progress.best
    if best is None:
        message = f"every report of {metric} was NaN or infinite: it can never be the best"
        return StateChange(TrialEvent.SUCCEEDED, Reason.NON_FINITE_OBJECTIVE, message)
    return StateChange(
        TrialEvent.SUCCEEDED, Reason.TRIAL_SUCCEEDED, f"best {metric} {best.value:.6g} at step {best.step}"
    )


POLICIES: tuple[Policy, ...] = (
    pod_is_gone,
    is_being_deleted,
    used_its_resource,
    is_silent,
    has_started,
    was_suspended,
    was_disrupted,
    took_too_long,
    program_failed,
    log_is_lost,
    trained_nothing,
    reported_nothing,
    succeeded,
)


def change_of(attempt: Attempt) -> StateChange | None:
    """Return what happened to the trial, None where nothing did."""
    return next((change for policy in POLICIES if (change := policy(attempt)) is not None), None)


def due_at(attempt: Attempt) -> datetime | None:
    """Return when time alone next changes the attempt."""
    pod, spec = attempt.pod, attempt.spec
    silent = silent_at(spec, pod, attempt.collected)
    if silent is not None:
        silent = max(silent, attempt.now + RECHECK_INTERVAL)
    used = resource_used_at(spec, attempt.trial, pod, attempt.max_resource)
    leaving = (lost_at(pod), successor_at(spec, pod)) if pod is not None else ()
    return min((at for at in (silent, used, *leaving) if at is not None and at > attempt.now), default=None)


def _disruption(attempt: Attempt, what: str, reason: Reason = Reason.DISRUPTED) -> StateChange:
    message = f"attempt {attempt.trial.attempt} was disrupted: {what}"
    if attempt.trial.disruptions < MAX_DISRUPTIONS:
        return StateChange(TrialEvent.RETRIED, reason, message, disrupted=True)
    message += f"; the limit of {MAX_DISRUPTIONS} disruptions is exceeded"
    return StateChange(TrialEvent.FAILED, reason, message, disrupted=True)
