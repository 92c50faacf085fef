"""Between the cluster's JSON and the planner's records; read and write of each field stand side by side."""

import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from toprung.api.base import API_VERSION, ParameterValue
from toprung.api.conditions import ConditionRecord, ConditionType
from toprung.api.names import LABEL_EXPERIMENT
from toprung.api.trial import MAX_COLUMN, TrialState
from toprung.metrics.status import format_time, progress_from_status, progress_to_status, without_reading
from toprung.planning.conditions import timestamp
from toprung.planning.records import DeviceRecord, Lineage, RungRecord, RungVerdict, TrialRecord
from toprung.planning.substitution import text_of


def parse_time(text: str | None) -> datetime | None:
    """Read an RFC 3339 time; None for none."""
    return datetime.fromisoformat(text) if text else None


def controller_of(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the owner reference of the controller, empty where there is none."""
    owners = metadata.get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), {})


def claimed_by(kind: str, body: Mapping[str, Any]) -> str | None:
    """Return the key `namespace/name` of the Experiment to which an object belongs that cannot be read.

    Args:
        kind: of the controller that an object of ours has.
        body: the object.
    """
    metadata = body["metadata"]
    controller = controller_of(metadata)
    experiment = (metadata.get("labels") or {}).get(LABEL_EXPERIMENT)
    ours = controller.get("kind") == kind and controller.get("apiVersion") == API_VERSION
    return f"{metadata['namespace']}/{experiment}" if ours and experiment else None


def trial_from(body: Mapping[str, Any]) -> TrialRecord:
    """Read a Trial as the API gives it.

    Raises:
        KeyError, ValueError: it was not written by us.
    """
    metadata, spec, status = body["metadata"], body["spec"], body.get("status") or {}
    state = TrialState(status.get("state") or "Pending")
    progress = progress_from_status(status)
    return TrialRecord(
        owner=f"{metadata['namespace']}/{spec['experiment']}",
        owner_uid=str(controller_of(metadata).get("uid", "")),
        name=metadata["name"],
        uid=metadata["uid"],
        index=spec["index"],
        parameters=spec["parameters"],
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        bracket=spec.get("bracket", 0),
        resource_version=metadata["resourceVersion"],
        state=state,
        reason=status.get("reason", ""),
        message=status.get("message", "") if not state.terminal else "",
        attempt=status.get("attempt", 1),
        failures=status.get("failures", 0),
        disruptions=status.get("disruptions", 0),
        start_time=parse_time(status.get("startTime")),
        completion_time=parse_time(status.get("completionTime")),
        progress=without_reading(progress) if state.terminal else progress,
        rungs=tuple(_rung_from(rung) for rung in status.get("rungs", ())),
        lineage=tuple(
            Lineage(
                resource=each["resource"],
                source=each["from"],
                attempt=each["attempt"],
                parameters=each["parameters"],
                offset=each.get("offset", 0),
                extended=each.get("extended", 0),
            )
            for each in status.get("lineage", ())
        ),
        node=status.get("node", ""),
        image_id=sys.intern(status.get("imageID") or ""),
        devices=tuple(
            DeviceRecord(each["name"], each["count"], each.get("model", "")) for each in status.get("devices", ())
        ),
        accelerator_seconds=status.get("acceleratorSeconds", 0.0),
    )


def trial_status(trial: TrialRecord) -> dict[str, Any]:
    """Write a Trial's status whole."""
    return {
        "state": str(trial.state),
        "reason": str(trial.reason),
        "message": trial.message,
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


def _rung_from(body: Mapping[str, Any]) -> RungRecord:
    return RungRecord(
        resource=body["resource"],
        value=body.get("value"),
        verdict=RungVerdict(body["verdict"]),
        time=datetime.fromisoformat(body["time"]),
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
