"""Emits Kubernetes Events."""

import logging
from datetime import datetime

from toprung.api.v1alpha1.base import API_VERSION
from toprung.api.v1alpha1.conditions import Reason
from toprung.controller.experiment_cache import InvalidRecord
from toprung.controller.suggestion_cache import PendingSuggestions
from toprung.errors import ClusterError
from toprung.kube.client import KubeClient
from toprung.objects.events import Event
from toprung.objects.experiment import ExperimentRecord
from toprung.planning.actions import EmitEvent

logger = logging.getLogger(__name__)


async def emit_event(
    client: KubeClient, experiment: ExperimentRecord | InvalidRecord, action: EmitEvent, now: datetime
) -> None:
    """Emit a Kubernetes Event.

    A failure is logged and otherwise ignored: large clusters store Events apart, and a trial does not wait for them.
    Where the API server as a whole is unavailable, the write that follows the Event fails, and both are retried.
    """
    trial = action.trial
    involved = {
        "apiVersion": API_VERSION,
        "kind": "Experiment" if trial is None else "Trial",
        "namespace": experiment.namespace,
        "name": experiment.name if trial is None else trial.name,
        "uid": experiment.uid if trial is None else trial.uid,
    }
    event = Event(
        involved,
        "Warning" if action.warning else "Normal",
        str(action.reason),
        action.message,
        action.key,
    )
    try:
        await client.emit(event, now=now)
    except ClusterError as error:
        logger.warning(
            "Event not emitted: object=%s/%s reason=%s error=%s",
            experiment.namespace,
            involved["name"],
            action.reason,
            error,
        )


def warm_start_event(experiment: ExperimentRecord, pending: PendingSuggestions) -> EmitEvent | None:
    """Return the Event that reports from how many trials the sampler learns; None before that is known.

    It is a Warning if the sampler learns from none.
    """
    warm = experiment.spec.warm_start
    if warm is None or pending.prior_in_space is None or pending.prior is None:
        return None
    names, known = ", ".join(warm.experiments), len(pending.prior)
    if not known:
        message = f"no trial of {names} had ended when this Experiment was created. Recreate it when some have."
    elif not pending.prior_in_space:
        message = (
            f"0 of {known} trials of {names} lie in this space. Recreate the Experiment with parameters of the "
            "same names and types, and with ranges that contain their values."
        )
    else:
        message = f"{pending.prior_in_space} of {known} trials of {names} lie in this space"
    return EmitEvent(None, not pending.prior_in_space, Reason.WARM_START, f"spec.warmStart: {message}", "first-trials")
