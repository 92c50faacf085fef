"""How an attempt ended: a chain of small policies, the first that applies decides."""

from collections.abc import Callable
from dataclasses import dataclass

from toprung.api.base import format_duration
from toprung.api.conditions import Reason
from toprung.api.experiment import ExperimentSpec
from toprung.api.trial import TrialState
from toprung.planning.lifecycle import Change, TrialEvent
from toprung.planning.records import PodPhase, PodRecord, TrialRecord
from toprung.planning.unread import ignored_reports, unread_lines

MAX_DISRUPTIONS = 20
"""A trial that is evicted this often is probably evicted for what it does itself; it fails then."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the policies look at: the trial with all its reports, its Pod (None: gone), and the Pod's last lines."""

    spec: ExperimentSpec
    trial: TrialRecord
    pod: PodRecord | None
    tail: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def quoted_tail(self) -> str:
        """The last lines, for a message."""
        return "; its last lines:\n" + "\n".join(self.tail) if self.tail else "; it printed nothing"


Policy = Callable[[Attempt], Change | None]


def pod_is_gone(attempt: Attempt) -> Change | None:
    """Somebody deleted the Pod of a trial that ran: nothing can be read of how it ended."""
    if attempt.pod is not None or attempt.trial.state is not TrialState.RUNNING:
        return None
    return _disruption(attempt, "its Pod was deleted")


def pod_goes_on(attempt: Attempt) -> Change | None:
    """Not over: the only change can be that it started."""
    if attempt.pod is None or attempt.pod.phase is not PodPhase.RUNNING or attempt.trial.state is TrialState.RUNNING:
        return None
    return Change(TrialEvent.STARTED, Reason.TRIAL_STARTED, f"Pod {attempt.pod.name} runs")


def was_suspended(attempt: Attempt) -> Change | None:
    """We told the Pod to end and no verdict says so: the experiment was suspended, another attempt follows."""
    pod = attempt.pod
    if pod is None or pod.phase is not PodPhase.FAILED or pod.stop_time is None:
        return None
    return Change(TrialEvent.RETRIED, Reason.SUSPENDED, f"attempt {attempt.trial.attempt} ended by suspend")


def was_disrupted(attempt: Attempt) -> Change | None:
    """Evicted, preempted, deleted or lost with its node: not the program's fault, whatever its exit code."""
    pod = attempt.pod
    if pod is None or not pod.ended or not pod.disrupted:
        return None
    return _disruption(attempt, pod.message or "its Pod was deleted")


def took_too_long(attempt: Attempt) -> Change | None:
    """The attempt ran into maxTrialDuration: trying again would take as long."""
    pod, limit = attempt.pod, attempt.spec.trial_template.max_trial_duration
    if pod is None or not pod.timed_out or limit is None:
        return None
    message = f"attempt {pod.attempt} took longer than trialTemplate.maxTrialDuration {format_duration(limit)}"
    return Change(TrialEvent.FAILED, Reason.MAX_TRIAL_DURATION_REACHED, message, failed=True)


def program_failed(attempt: Attempt) -> Change | None:
    """The program ended with an error: tried again as often as `retries` says."""
    pod, trial = attempt.pod, attempt.trial
    if pod is None or pod.phase is not PodPhase.FAILED:
        return None
    what = f"exit code {pod.exit_code}" if pod.exit_code is not None else pod.message or "no exit code"
    if pod.exit_code is not None and pod.message:
        what += f" ({pod.message})"
    message = f"attempt {pod.attempt} failed: {what}{attempt.quoted_tail}"
    if trial.failures < attempt.spec.trial_template.retries:
        return Change(TrialEvent.RETRIED, Reason.RETRYING, message, failed=True)
    return Change(TrialEvent.FAILED, Reason.PROGRAM_FAILED, message, failed=True)


def reported_nothing(attempt: Attempt) -> Change | None:
    """A program that ends well without the metric of an objective has failed: there is nothing to score it by."""
    if attempt.pod is None or attempt.pod.phase is not PodPhase.SUCCEEDED:
        return None
    progress, (first, *others) = attempt.trial.progress, attempt.spec.aims
    if progress.latest is not None:
        return _incomplete(attempt) if others and progress.complete is None else None
    metric = first.metric
    message = (
        f"the program ended well but never printed the objective {metric}; "
        f'print a line such as {metric}=0.5 or {{"{metric}": 0.5}}{_unread(attempt)}'
    )
    return Change(TrialEvent.FAILED, Reason.METRICS_UNAVAILABLE, message, failed=True)


def _incomplete(attempt: Attempt) -> Change:
    names = [aim.metric for aim in attempt.spec.aims]
    message = (
        f"the program ended well but never printed the objectives {', '.join(names)} at one step; "
        f"print them in one line such as {' '.join(f'{name}=0.5' for name in names)}{_unread(attempt)}"
    )
    return Change(TrialEvent.FAILED, Reason.METRICS_UNAVAILABLE, message, failed=True)


def _unread(attempt: Attempt) -> str:
    """Return why reports did not count and which lines were not read, else the last lines."""
    ignored = ignored_reports(attempt.trial.progress)
    return (f". {ignored}" if ignored else "") + (unread_lines(attempt.unread) or attempt.quoted_tail)


def succeeded(attempt: Attempt) -> Change | None:
    """The program ended well and reported; values that are all NaN or infinite can only lose."""
    pod, progress = attempt.pod, attempt.trial.progress
    if pod is None or pod.phase is not PodPhase.SUCCEEDED:
        return None
    metric = attempt.spec.primary.metric
    if progress.best is None:
        message = f"every report of {metric} was NaN or infinite: it can never be the best"
        return Change(TrialEvent.SUCCEEDED, Reason.NON_FINITE_OBJECTIVE, message)
    message = f"best {metric} {progress.best.value:.6g} at step {progress.best.step}"
    return Change(TrialEvent.SUCCEEDED, Reason.TRIAL_SUCCEEDED, message)


POLICIES: tuple[Policy, ...] = (
    pod_is_gone,
    pod_goes_on,
    was_suspended,
    was_disrupted,
    took_too_long,
    program_failed,
    reported_nothing,
    succeeded,
)


def change_of(attempt: Attempt) -> Change | None:
    """Say what happened to the trial, None where nothing did."""
    return next((change for policy in POLICIES if (change := policy(attempt)) is not None), None)


def _disruption(attempt: Attempt, what: str) -> Change:
    message = f"attempt {attempt.trial.attempt} was disrupted: {what}"
    if attempt.trial.disruptions < MAX_DISRUPTIONS:
        return Change(TrialEvent.RETRIED, Reason.DISRUPTED, message, disrupted=True)
    return Change(TrialEvent.FAILED, Reason.DISRUPTED, f"{message}; that was once too often", disrupted=True)
