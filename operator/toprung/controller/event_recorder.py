"""Emits Kubernetes Events."""

import logging
from datetime import datetime

from toprung.api.v1alpha1.base import API_VERSION
from toprung.controller.experiment_cache import InvalidRecord
from toprung.errors import ClusterError
from toprung.kube.client import KubeClient
from toprung.objects.events import Event
from toprung.objects.experiment import ExperimentRecord
from toprung.planning.actions import EmitEvent

logger = logging.getLogger(__name__)


async def announce(
    gateway: KubeClient, experiment: ExperimentRecord | InvalidRecord, announcement: EmitEvent, now: datetime
) -> None:
    """Emit a Kubernetes Event.

    A failure is logged and otherwise ignored: large clusters store Events apart, and a trial does not wait for them.
    Where the API server as a whole is unavailable, the write that follows the Event fails, and both are retried.
    """
    trial = announcement.trial
    involved = {
        "apiVersion": API_VERSION,
        "kind": "Experiment" if trial is None else "Trial",
        "namespace": experiment.namespace,
        "name": experiment.name if trial is None else trial.name,
        "uid": experiment.uid if trial is None else trial.uid,
    }
    event = Event(
        involved,
        "Warning" if announcement.warning else "Normal",
        str(announcement.reason),
        announcement.message,
        announcement.key,
    )
    try:
        await gateway.emit(event, now=now)
    except ClusterError as error:
        logger.warning("%s/%s: no Event %s: %s", experiment.namespace, involved["name"], announcement.reason, error)
