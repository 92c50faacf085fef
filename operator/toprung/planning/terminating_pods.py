"""Handles Pods that are being deleted, and Pods whose deletion does not end because their node is lost.

    deletion begins      deletionTimestamp     + NODE_TIMEOUT             + nodeLostTimeout
    ──┬──────────────────────┬─────────────────────┬──────────────────────────┬───────────>
      │ SIGTERM              │ SIGKILL             │ the node counts as lost  │
      ├── without checkpoint: the next attempt starts now, as with a Job
      └── with a checkpoint: when the Pod has ended or is gone, at the latest here ──┘

A node that is declared out of service (taint node.kubernetes.io/out-of-service) loses its Pods to Kubernetes' own
garbage collector, so that they are gone. No right to read Nodes is needed.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from toprung.api.v1alpha1.conditions import Reason
from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.objects.conditions import BlockReason
from toprung.objects.pod import PodPhase, PodRecord
from toprung.planning.snapshot import Snapshot
from toprung.timestamps import timestamp

NODE_TIMEOUT = timedelta(seconds=30)
"""Time after its grace period until the node of a deleted Pod that still exists counts as lost."""


DEFAULT_NODE_LOST_TIMEOUT = timedelta(minutes=10)
DEFAULT_GRACE_SECONDS = 30
MAX_GRACE_SECONDS = 2**31 - 1


def grace_period(spec: ExperimentSpec) -> timedelta:
    """Return how long a program may take to end after SIGTERM; null and a wrong type count as unset."""
    pod = spec.trial_template.template.get("spec") or {}
    grace = pod.get("terminationGracePeriodSeconds")
    return timedelta(
        seconds=grace if isinstance(grace, int) and 0 <= grace <= MAX_GRACE_SECONDS else DEFAULT_GRACE_SECONDS
    )


def lost_at(pod: PodRecord) -> datetime | None:
    """Return when the node of a deleted Pod counts as lost; None where the Pod has ended or is not deleted."""
    if pod.ended or pod.deletion_time is None:
        return None
    return pod.deletion_time + NODE_TIMEOUT


def is_lost(pod: PodRecord, now: datetime) -> bool:
    """Return whether the Pod's node has not answered its deletion; such a Pod holds no slot."""
    at = lost_at(pod)
    return at is not None and now >= at


def successor_at(spec: ExperimentSpec, pod: PodRecord) -> datetime | None:
    """Return when another attempt may start though this Pod is still being deleted; None: when it has ended."""
    if pod.ended or pod.deletion_time is None:
        return None
    if spec.checkpoint is not None:
        limit = spec.trial_template.node_lost_timeout
        return pod.deletion_time + (DEFAULT_NODE_LOST_TIMEOUT if limit is None else limit)
    return pod.created if pod.phase is PodPhase.RUNNING else lost_at(pod)  # a Pod that never ran is gone at once


def may_be_replaced(spec: ExperimentSpec, pod: PodRecord, now: datetime) -> bool:
    """Return whether another attempt may start beside the Pod: two that run would write one checkpoint."""
    at = successor_at(spec, pod)
    return pod.ended or (at is not None and now >= at)


def describe_lost(spec: ExperimentSpec, pod: PodRecord) -> str:
    """Return which node does not respond, since when, and what the trial waits for."""
    assert pod.deletion_time is not None  # noqa: S101 - of a lost Pod
    node = f"node {pod.node}" if pod.node else "its node"
    message = f"Pod {pod.name} should have ended by {timestamp(pod.deletion_time)}, and {node} does not respond"
    at = successor_at(spec, pod)
    if spec.checkpoint is None or at is None:
        return message
    return (
        f"{message}. The next attempt starts when the Pod is gone, at the latest at {timestamp(at)} "
        "(trialTemplate.nodeLostTimeout). To start it earlier, add the taint "
        "node.kubernetes.io/out-of-service to the node"
    )


def blocking_lost_pods(snapshot: Snapshot, now: datetime) -> Iterator[PodRecord]:
    """Return the lost Pods that trials wait for, each with its block reason."""
    spec = snapshot.experiment.spec
    for trial, pod in snapshot.attempts():
        if not trial.state.terminal and is_lost(pod, now) and not may_be_replaced(spec, pod, now):
            yield replace(pod, blocked=BlockReason(Reason.NODE_LOST, describe_lost(spec, pod)))
