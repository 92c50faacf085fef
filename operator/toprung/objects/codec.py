"""Between the cluster's JSON and the planner's records; read and write of each field stand side by side."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from sys import intern
from typing import Any

from toprung.api.names import LABEL_EXPERIMENT
from toprung.api.v1alpha1.base import API_VERSION, ParameterValue
from toprung.api.v1alpha1.conditions import ConditionRecord, ConditionType
from toprung.api.v1alpha1.trial import MAX_COLUMN, TrialState
from toprung.metrics.status import format_time, progress_from_status, progress_to_status
from toprung.metrics.types import Crossing, Ignored, IgnoredReports, Progress
from toprung.objects.compact import CompactConfiguration
from toprung.objects.conditions import timestamp
from toprung.objects.placeholders import text_of
from toprung.objects.records import DeviceRecord, Lineage, RungRecord, RungVerdict, TrialRecord
from toprung.objects.sizes import shortened

LONGEST_CAUSE = 240
"""Characters of a failed trial's message that are kept in memory, once for all trials that failed alike."""

_NO_METRICS: Mapping[str, float] = {}
_NO_CROSSINGS: Mapping[int, Crossing] = {}
_NO_IGNORED: Mapping[Ignored, IgnoredReports] = {}


def parse_time(text: str | None) -> datetime | None:
    """Read an RFC 3339 time; None for none."""
    return datetime.fromisoformat(text) if text else None


def controller_of(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the owner reference of the controller, empty where there is none."""
    owners = metadata.get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), {})


def claimed_by(kind: str, body: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the key `namespace/name` of the Experiment of an unreadable object, and its controller's UID.

    Args:
        kind: of the controller that an object of ours has.
        body: the object.
    """
    metadata = body["metadata"]
    controller = controller_of(metadata)
    experiment = (metadata.get("labels") or {}).get(LABEL_EXPERIMENT)
    ours = controller.get("kind") == kind and controller.get("apiVersion") == API_VERSION
    return (f"{metadata['namespace']}/{experiment}", str(controller.get("uid"))) if ours and experiment else None


def trial_from(body: Mapping[str, Any]) -> TrialRecord:
    """Read a Trial as the API gives it.

    Raises:
        KeyError, ValueError: it was not written by us.
    """
    metadata, spec, status = body["metadata"], body["spec"], body.get("status") or {}
    state = TrialState(status.get("state") or "Pending")
    progress, completed = progress_from_status(status), parse_time(status.get("completionTime"))
    over = completed if state.terminal else None
    return TrialRecord(
        owner=intern(f"{metadata['namespace']}/{spec['experiment']}"),
        owner_uid=intern(str(controller_of(metadata).get("uid", ""))),
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
        progress=progress if over is None else _final(progress, over),
        rungs=tuple(_rung_from(rung, over) for rung in status.get("rungs", ())),
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


def _final(progress: Progress, over: datetime) -> Progress:
    """Return what planning needs of a trial that has ended: by what it is scored, and how far it came."""
    latest, best, complete = progress.latest, progress.best, progress.latest_complete
    latest = replace(latest, time=over, metrics=_NO_METRICS) if latest is not None else None
    best = replace(best, time=over, metrics=_NO_METRICS) if best is not None else None
    if complete is not None:
        metrics = {intern(name): value for name, value in complete.metrics.items()}
        complete = replace(complete, time=over, metrics=metrics)
    return Progress(
        latest,
        latest if best == latest else best,
        crossings=_NO_CROSSINGS,
        latest_complete=complete,
        ignored=_NO_IGNORED,
    )


def _message(message: str, state: TrialState) -> str:
    """Return as much of a message as planning needs: nothing of a good end, and of a failure its first line."""
    if not state.terminal:
        return message
    return intern(message.partition("\n")[0][:LONGEST_CAUSE]) if state is TrialState.FAILED else ""


def trial_status(trial: TrialRecord) -> dict[str, Any]:
    """Write a Trial's status whole."""
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
        "parameters": _column(trial.current_parameters),
    }


def _device_to(device: DeviceRecord) -> dict[str, Any]:
    return {"name": device.name, "count": device.count, **({"model": device.model} if device.model else {})}


def _column(parameters: Mapping[str, ParameterValue]) -> str:
    """Write a configuration in one line, cut to what the API server takes."""
    return " ".join(f"{name}={_short(value)}" for name, value in parameters.items())[:MAX_COLUMN]


def _short(value: ParameterValue) -> str:
    """Write a value for a column: spec.parameters has all its digits."""
    return f"{value:.4g}" if isinstance(value, float) else text_of(value)


def condition_from(body: Mapping[str, Any]) -> ConditionRecord | None:
    """Read a condition; None for one that is not ours."""
    if body.get("type") not in set(ConditionType):
        return None
    return ConditionRecord(
        type=ConditionType(body["type"]),
        status=body["status"] == "True",
        reason=body.get("reason", ""),
        message=body.get("message", ""),
        observed_generation=body.get("observedGeneration", 0),
        last_transition_time=datetime.fromisoformat(body["lastTransitionTime"]),
    )


def _rung_from(body: Mapping[str, Any], over: datetime | None) -> RungRecord:
    """Read a rung; of a trial that has ended the time of its end stands for that of each rung, to save memory."""
    return RungRecord(
        resource=body["resource"],
        value=body.get("value"),
        verdict=RungVerdict(body["verdict"]),
        time=over or datetime.fromisoformat(body["time"]),
        best=body.get("best"),
        mean=body.get("mean"),
    )


def _rung_to(rung: RungRecord) -> dict[str, Any]:
    return {
        "resource": rung.resource,
        "value": rung.value,
        "verdict": str(rung.verdict),
        "time": format_time(rung.time),
        **({"best": rung.best} if rung.best is not None else {}),
        **({"mean": rung.mean} if rung.mean is not None else {}),
    }
