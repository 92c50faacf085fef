"""Determines what Pods that have not started wait for, and when the template may be corrected."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from toprung.api.v1alpha1.conditions import Reason
from toprung.api.v1alpha1.trial import TrialState
from toprung.objects.conditions import BlockReason
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.pod import PodPhase, PodRecord
from toprung.objects.pod_manifest import template_id
from toprung.objects.trial import TrialRecord
from toprung.planning.snapshot import Snapshot
from toprung.planning.terminating_pods import blocking_lost_pods

START_GRACE = timedelta(seconds=5)
"""How long a Pod may take to start before the Experiment reports what it waits for."""
CORRECTABLE = "No program has started, so spec.trialTemplate can still be corrected: waiting Pods are then replaced."

CORRECTABLE_REASONS = {Reason.IMAGE_PULL, Reason.CONTAINER_CONFIG}
"""Reasons for which a Pod does not start and which an edit of the template can correct."""

_HAS_RUN = (TrialState.RUNNING, TrialState.PAUSED, TrialState.SUCCEEDED, TrialState.FAILED)


def program_started(experiment: ExperimentRecord, trials: Iterable[TrialRecord]) -> bool:
    """Return whether the program of a trial has ever started; the template is immutable from then on."""
    if experiment.status.get("programStarted"):
        return True
    return any(trial.state in _HAS_RUN or trial.attempt > 1 or trial.progress.latest is not None for trial in trials)


def outdated(snapshot: Snapshot) -> frozenset[str]:
    """Return the UIDs of the Pods that wait and were made from another template than the present one."""
    waiting = [pod for pod in _waiting(snapshot) if pod.template]
    if not waiting:
        return frozenset()
    present = template_id(snapshot.experiment.spec.trial_template)
    return frozenset(pod.uid for pod in waiting if pod.template != present)


def first_wait(snapshot: Snapshot, now: datetime) -> BlockReason | None:
    """Return what the Pod waits for that has waited longest, where that is longer than usual."""
    late = (pod for pod in _waiting(snapshot) if now >= pod.created + START_GRACE)
    waiting = [(pod, pod.waits_for) for pod in late if pod.waits_for is not None]
    if not waiting:
        return None
    others = f" ({len(waiting)} Pods wait)" if len(waiting) > 1 else ""
    return _quote_oldest(waiting, others)


def start_grace_ends(snapshot: Snapshot) -> Iterable[datetime]:
    """Return when Pods that wait will have waited longer than usual."""
    return (pod.created + START_GRACE for pod in _waiting(snapshot))


def blocked_reason(snapshot: Snapshot, trials: Iterable[TrialRecord], now: datetime) -> BlockReason | None:
    """Return why trials cannot start, None if they can."""
    return snapshot.blocked or correctable_reason(snapshot, trials, now) or _pod_blocked(snapshot, now)


def correctable_reason(snapshot: Snapshot, trials: Iterable[TrialRecord], now: datetime) -> BlockReason | None:
    """Return why Pods do not start, if an edit of the template can correct it; else None."""
    blocked = _pod_blocked(snapshot, now)
    if blocked is None or blocked.reason not in CORRECTABLE_REASONS or program_started(snapshot.experiment, trials):
        return None
    return BlockReason(blocked.reason, f"{blocked.message}. {CORRECTABLE}")


def _pod_blocked(snapshot: Snapshot, now: datetime) -> BlockReason | None:
    """Return why Pods do not start, quoting the oldest one."""
    pods = (pod for group in snapshot.pods.values() for pod in group if not pod.stopping)
    stuck = [(pod, pod.blocked) for pod in (*pods, *blocking_lost_pods(snapshot, now)) if pod.blocked is not None]
    if not stuck:
        return None
    others = f" (and {len(stuck) - 1} more Pods)" if len(stuck) > 1 else ""
    return _quote_oldest(stuck, others)


def _quote_oldest(pods: Iterable[tuple[PodRecord, BlockReason]], others: str) -> BlockReason:
    """Return the reason of the oldest Pod, with its name and a note about the others."""
    oldest, why = min(pods, key=lambda pair: (pair[0].created, pair[0].name))
    return BlockReason(why.reason, f"Pod {oldest.name}: {why.message}{others}")


def _waiting(snapshot: Snapshot) -> Iterable[PodRecord]:
    pods = (pod for each in snapshot.pods.values() for pod in each)
    return (pod for pod in pods if pod.phase is PodPhase.PENDING and not pod.stopping)
