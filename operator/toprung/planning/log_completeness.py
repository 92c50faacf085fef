"""Checks that logs are read before a limit is checked, and restores the state at a deadline."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from toprung.objects.pod import PodPhase, PodRecord
from toprung.planning.snapshot import Snapshot
from toprung.planning.transitions import TrialTransition, current_pod


def at_deadline(snapshot: Snapshot, deadline: datetime) -> Snapshot:
    """Return the snapshot with the Pods that ended after the deadline as they were then: running."""
    pods = {name: tuple(_at_deadline(pod, deadline) for pod in each) for name, each in snapshot.pods.items()}
    return replace(snapshot, pods=pods)


def _at_deadline(pod: PodRecord, deadline: datetime) -> PodRecord:
    late = pod.over and pod.started is not None and pod.finished is not None and pod.finished > deadline
    return replace(pod, phase=PodPhase.RUNNING, result=None, exit_code=None) if late else pod


def with_pods_of(snapshot: Snapshot, transitions: Iterable[TrialTransition]) -> tuple[TrialTransition, ...]:
    """Return the transitions with their Pods as they are now."""
    return tuple(replace(transition, pod=current_pod(snapshot, transition.before)) for transition in transitions)


def all_read(snapshot: Snapshot, transitions: Iterable[TrialTransition]) -> bool:
    """Return whether the logs of all trials that have not ended are read up to now.

    After a restart the reports of the time before are read within seconds. Until then no limit is checked: a trial may
    have reported a better value, or ended, before the deadline. Followers bound the time.
    """
    return all(
        transition.after.state.terminal or transition.pod is None or _is_read(snapshot, transition.pod)
        for transition in transitions
    )


def _is_read(snapshot: Snapshot, pod: PodRecord) -> bool:
    if pod.phase is PodPhase.PENDING:
        return True
    collected = snapshot.collected.get(pod.uid)
    return collected is not None and (collected.drained if pod.over else collected.caught_up)
