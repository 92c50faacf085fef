"""Selects the Pods to stop or delete: of stopped trials, suspended, hanging, and not retained ones."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from toprung.api.v1alpha1.trial import TrialState
from toprung.objects.pod import PodPhase, PodRecord
from toprung.objects.trial import TrialRecord
from toprung.planning.actions import DeletePod, EndAction, StopPod
from toprung.planning.pending import outdated
from toprung.planning.snapshot import Snapshot
from toprung.planning.terminating_pods import grace_period
from toprung.planning.transitions import TrialTransition

STOP_TIMEOUT = timedelta(seconds=30)
"""Time after its grace period until a stopped Pod that still exists is deleted."""


def end_pod(pod: PodRecord) -> EndAction | None:
    """End a Pod as gently as its phase allows; None if it is already ending."""
    if pod.ended or pod.stopping or pod.finishing:
        return None
    if pod.phase is PodPhase.RUNNING:
        return StopPod(pod.name, pod.uid)
    return DeletePod(pod.name, pod.uid)  # no process runs yet: there are no logs to keep


def stop_timeout(snapshot: Snapshot) -> timedelta:
    """Return the time from the stop of a Pod to its deletion."""
    return grace_period(snapshot.experiment.spec) + STOP_TIMEOUT


def deletion_due(snapshot: Snapshot, pod: PodRecord) -> datetime | None:
    """Return when a stopped Pod that does not end is deleted, None if it is not stopped or ends."""
    if pod.ended or pod.deleting or pod.stop_time is None:
        return None
    return pod.stop_time + stop_timeout(snapshot)


def is_current(trial: TrialRecord, pod: PodRecord) -> bool:
    """Return whether the Pod is the current attempt of a trial that continues."""
    return pod.attempt == trial.attempt and trial.state in (TrialState.PENDING, TrialState.RUNNING)


def stop_unwanted_pods(snapshot: Snapshot, now: datetime, *, suspend: bool) -> Iterable[tuple[int, EndAction]]:
    """End the Pods that are not wanted, those made from an earlier template, and all in a suspended experiment."""
    old = outdated(snapshot)
    for trial, pod in snapshot.attempts():
        due = deletion_due(snapshot, pod)
        if due is not None and now >= due:
            yield trial.index, DeletePod(pod.name, pod.uid)
        elif (pod.uid in old or _to_be_ended(trial, pod, suspend=suspend)) and (action := end_pod(pod)) is not None:
            yield trial.index, action


def _to_be_ended(trial: TrialRecord, pod: PodRecord, *, suspend: bool) -> bool:
    """Return whether to end a Pod. The remaining containers of a finished program end when its outcome is written."""
    return (suspend and not pod.over) or not is_current(trial, pod)


def stop_decided_pods(transitions: Iterable[TrialTransition]) -> Iterable[tuple[int, EndAction]]:
    """Stop the Pods of trials that this plan stops or pauses."""
    for transition in transitions:
        pod = transition.pod
        if pod is not None and not is_current(transition.after, pod) and (action := end_pod(pod)) is not None:
            yield transition.after.index, action


def delete_expired_pods(snapshot: Snapshot, now: datetime) -> Iterable[tuple[int, EndAction]]:
    """Remove ended Pods that podRetention does not keep; their Trial's end must have been written before."""
    for trial, pod in snapshot.attempts():
        expiry = expires_at(snapshot, trial, pod)
        if expiry is not None and now >= expiry:
            yield trial.index, DeletePod(pod.name, pod.uid)


def expires_at(snapshot: Snapshot, trial: TrialRecord, pod: PodRecord) -> datetime | None:
    """Return when an ended Pod is deleted, None if it is kept as long as its Trial."""
    if not pod.ended or pod.deleting or not (trial.state.terminal or pod.attempt < trial.attempt):
        return None
    retention = snapshot.experiment.spec.pod_retention
    ended = pod.finished or pod.created
    failed = trial.state is TrialState.FAILED or pod.attempt < trial.attempt
    if retention.keep == "none" or (retention.keep == "failed" and not failed):
        return ended
    return ended + retention.ttl if retention.ttl is not None else None
