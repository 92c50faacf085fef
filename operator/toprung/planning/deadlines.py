"""Determines when time ends an attempt: it is silent, or its program does not end at maxResource.

Times are those of events (the log's timestamps and the kubelet's), not those at which they are read, so that an
operator that was down decides alike.
"""

from datetime import datetime, timedelta

from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.metrics.types import MAX_EXCESS
from toprung.objects.pod import PodPhase, PodRecord
from toprung.objects.trial import TrialRecord
from toprung.planning.snapshot import Collected
from toprung.planning.terminating_pods import grace_period

RECHECK_INTERVAL = timedelta(seconds=5)
"""Interval for checking an attempt that is due while its log is not completely read."""


def runs(pod: PodRecord | None) -> bool:
    """Return whether the attempt's program runs and was not stopped."""
    return pod is not None and pod.outcome is PodPhase.RUNNING and not pod.stopping


def silent_at(spec: ExperimentSpec, pod: PodRecord | None, collected: Collected | None) -> datetime | None:
    """Return when the attempt counts as silent if it reports nothing until then; None where nothing limits it."""
    limit = spec.trial_template.silence_timeout
    if limit is None or pod is None or not runs(pod):
        return None
    since = pod.program_started or pod.started
    if since is None:
        return None
    reported = collected.reported if collected is not None else None
    return max(since, reported or since) + limit


def read_until(collected: Collected | None, now: datetime) -> datetime | None:
    """Return up to when all that the attempt has printed is read; None where nothing is."""
    if collected is None:
        return None
    return now if collected.idle else collected.until


def resource_used_at(
    spec: ExperimentSpec, trial: TrialRecord, pod: PodRecord | None, max_resource: int | None
) -> datetime | None:
    """Return when a trial that has reported maxResource ends, though its program does not; None where it has not.

    A program may need a moment after its last report, to save its model or print a summary: it gets the Pod's grace
    period. One that continues to report gets none.
    """
    latest = trial.progress.latest
    if pod is None or not runs(pod) or latest is None or max_resource is None or latest.step < max_resource:
        return None
    return latest.time if trial.progress.excess >= MAX_EXCESS else latest.time + grace_period(spec)
