"""Reads and writes Trials as JSON, with both directions of each field together."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from sys import intern
from typing import Any

from toprung.api.names import LABEL_EXPERIMENT, LABEL_INDEX, MANAGED_BY, trial_name
from toprung.api.v1alpha1.base import API_VERSION, ParameterValue
from toprung.api.v1alpha1.trial import MAX_COLUMN, TrialState
from toprung.metrics.status import progress_from_status, progress_to_status
from toprung.metrics.types import Crossing, Ignored, IgnoredReports, Progress
from toprung.objects.configuration import CompactConfiguration, format_configuration
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.owner_references import controller_of, owner_reference
from toprung.objects.sizes import shortened
from toprung.objects.trial import DeviceRecord, Lineage, RungRecord, RungVerdict, TrialRecord
from toprung.timestamps import micro_timestamp, parse_time, timestamp

MAX_CAUSE = 240
"""Characters of a failed trial's message that are kept in memory, once for all trials that failed alike."""
_NO_METRICS: Mapping[str, float] = {}
_NO_CROSSINGS: Mapping[int, Crossing] = {}
_NO_IGNORED: Mapping[Ignored, IgnoredReports] = {}


def trial_manifest(
    experiment: ExperimentRecord, index: int, parameters: Mapping[str, ParameterValue], bracket: int
) -> dict[str, Any]:
    """Build the Trial for a new configuration."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Trial",
        "metadata": {
            "name": trial_name(experiment.name, index),
            "namespace": experiment.namespace,
            "labels": {LABEL_EXPERIMENT: experiment.name, LABEL_INDEX: str(index), MANAGED_BY[0]: MANAGED_BY[1]},
            "ownerReferences": [owner_reference("Experiment", experiment.name, experiment.uid)],
        },
        "spec": {
            "experiment": experiment.name,
            "index": index,
            "parameters": dict(parameters),
            "bracket": bracket,
        },
    }


def trial_from(body: Mapping[str, Any]) -> TrialRecord:
    """Read a Trial as the API returns it.

    Raises:
        KeyError, ValueError: the operator did not write it.
    """
    metadata, spec, status = body["metadata"], body["spec"], body.get("status") or {}
    state = TrialState(status.get("state") or "Pending")
    progress, completed = progress_from_status(status), parse_time(status.get("completionTime"))
    end = completed if state.terminal else None
    return TrialRecord(
        experiment_key=intern(f"{metadata['namespace']}/{spec['experiment']}"),
        controller_uid=intern(str(controller_of(metadata).get("uid", ""))),
        name=metadata["name"],
        uid=metadata["uid"],
        index=spec["index"],
        parameters=CompactConfiguration(spec["parameters"]),
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        bracket=spec.get("bracket", 0),
        resource_version=metadata["resourceVersion"],
        state=state,
        reason=intern(status.get("reason", "")),
        message=_message(status.get("message", ""), state),
        attempt=status.get("attempt", 1),
        failures=status.get("failures", 0),
        disruptions=status.get("disruptions", 0),
        start_time=parse_time(status.get("startTime")),
        completion_time=completed,
        progress=progress if end is None else _final(progress, end),
        rungs=tuple(_rung_from(rung, end) for rung in status.get("rungs", ())),
        lineage=tuple(
            Lineage(
                resource=each["resource"],
                source=each["from"],
                attempt=each["attempt"],
                parameters=CompactConfiguration(each["parameters"]),
                offset=each.get("offset", 0),
                extended=each.get("extended", 0),
            )
            for each in status.get("lineage", ())
        ),
        node=intern(status.get("node", "")),
        image_id=intern(status.get("imageID") or ""),
        devices=_devices_from(status),
        accelerator_seconds=status.get("acceleratorSeconds", 0.0),
    )


def _devices_from(status: Mapping[str, Any]) -> tuple[DeviceRecord, ...]:
    return _shared_devices(
        tuple((each["name"], each["count"], each.get("model", "")) for each in status.get("devices", ()))
    )


@lru_cache(maxsize=1024)
def _shared_devices(devices: tuple[tuple[str, int, str], ...]) -> tuple[DeviceRecord, ...]:
    return tuple(DeviceRecord(name, count, model) for name, count, model in devices)


def _final(progress: Progress, end: datetime) -> Progress:
    """Return the part of an ended trial that planning needs: its score and its last step."""
    latest, best, complete = progress.latest, progress.best, progress.latest_complete
    latest = replace(latest, time=end, metrics=_NO_METRICS) if latest is not None else None
    best = replace(best, time=end, metrics=_NO_METRICS) if best is not None else None
    if complete is not None:
        metrics = {intern(name): value for name, value in complete.metrics.items()}
        complete = replace(complete, time=end, metrics=metrics)
    return Progress(
        latest,
        latest if best == latest else best,
        crossings=_NO_CROSSINGS,
        latest_complete=complete,
        ignored=_NO_IGNORED,
    )


def _message(message: str, state: TrialState) -> str:
    """Return the part of a message that planning needs: the first line of a failure, nothing of a success."""
    if not state.terminal:
        return message
    return intern(message.partition("\n")[0][:MAX_CAUSE]) if state is TrialState.FAILED else ""


def trial_status(trial: TrialRecord) -> dict[str, Any]:
    """Build the whole status of a Trial."""
    return {
        "state": str(trial.state),
        "reason": str(trial.reason),
        "message": shortened(trial.message),
        "attempt": trial.attempt,
        "failures": trial.failures,
        "disruptions": trial.disruptions,
        "startTime": timestamp(trial.start_time) if trial.start_time else None,
        "completionTime": timestamp(trial.completion_time) if trial.completion_time else None,
        **progress_to_status(trial.progress),
        "rung": max((rung.resource for rung in trial.rungs), default=None),
        "rungs": [_rung_to(rung) for rung in trial.rungs],
        "lineage": [
            {
                "resource": each.resource,
                "from": each.source,
                "attempt": each.attempt,
                "parameters": dict(each.parameters),
                **({"offset": each.offset} if each.offset else {}),
                **({"extended": each.extended} if each.extended else {}),
            }
            for each in trial.lineage
        ],
        "node": trial.node,
        "imageID": trial.image_id or None,
        "devices": [_device_to(each) for each in trial.devices],
        "acceleratorSeconds": round(trial.accelerator_seconds, 3),
        "parameters": format_configuration(trial.current_parameters)[:MAX_COLUMN],
    }


def _device_to(device: DeviceRecord) -> dict[str, Any]:
    return {"name": device.name, "count": device.count, **({"model": device.model} if device.model else {})}


def _rung_from(body: Mapping[str, Any], end: datetime | None) -> RungRecord:
    """Read a rung; of a trial that has ended the time of its end stands for that of each rung, to save memory."""
    return RungRecord(
        resource=body["resource"],
        value=body.get("value"),
        verdict=RungVerdict(body["verdict"]),
        time=end or datetime.fromisoformat(body["time"]),
        best=body.get("best"),
        mean=body.get("mean"),
    )


def _rung_to(rung: RungRecord) -> dict[str, Any]:
    return {
        "resource": rung.resource,
        "value": rung.value,
        "verdict": str(rung.verdict),
        "time": micro_timestamp(rung.time),
        **({"best": rung.best} if rung.best is not None else {}),
        **({"mean": rung.mean} if rung.mean is not None else {}),
    }
