"""Defines the record of a Trial, and reads and writes it as JSON, with both directions of each field together."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from sys import intern
from typing import Any

from toprung.api.names import LABEL_EXPERIMENT, LABEL_INDEX, MANAGED_BY, trial_name
from toprung.api.v1alpha1.base import API_VERSION, ParameterValue
from toprung.api.v1alpha1.trial import MAX_COLUMN, TrialState
from toprung.metrics.status import progress_from_status, progress_to_status
from toprung.metrics.types import Crossing, Ignored, IgnoredReports, Progress
from toprung.objects.compact import CompactConfiguration
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.owner_references import controller_of, owner_reference
from toprung.objects.placeholders import format_parameter
from toprung.objects.sizes import shortened
from toprung.timestamps import micro_timestamp, parse_time, timestamp

MAX_CAUSE = 240
"""Characters of a failed trial's message that are kept in memory, once for all trials that failed alike."""
_NO_METRICS: Mapping[str, float] = {}
_NO_CROSSINGS: Mapping[int, Crossing] = {}
_NO_IGNORED: Mapping[Ignored, IgnoredReports] = {}


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """Accelerators of one kind that an attempt held; `model` is "" where it is not known."""

    name: str
    count: int
    model: str = ""


class RungVerdict(StrEnum):
    """The values of Trial.status.rungs[].verdict. A stored one never changes, except from Pause to Promote."""

    CONTINUE = "Continue"
    STOP = "Stop"
    PAUSE = "Pause"
    PROMOTE = "Promote"
    EXPLOIT = "Exploit"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class RungRecord:
    """One rung of one trial; values are raw (not normalised), None where there is none or it is not finite.

    Attributes:
        best: of the values up to there; kept for rules that compare curves, like `mean`.
    """

    resource: int
    value: float | None
    verdict: RungVerdict
    time: datetime
    best: float | None = None
    mean: float | None = None


@dataclass(frozen=True, slots=True)
class Lineage:
    """A copy from a better trial (exploit).

    Attributes:
        resource: the last step that it reported before the copy.
        source: name of the Trial that it copied from.
        attempt: the first one that runs with it.
        parameters: the other trial's, perturbed.
        offset: by how much the steps of the other trial's program are above that trial's own.
        extended: resource that was added because the checkpoint was complete when it was copied.
    """

    resource: float
    source: str
    attempt: int
    parameters: Mapping[str, ParameterValue]
    offset: int = 0
    extended: int = 0


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """One Trial. A finished one carries no curve: 100,000 of them must fit in memory.

    Attributes:
        experiment_key: `namespace/name` of the Experiment.
        controller_uid: UID of the Experiment: a Trial of an earlier Experiment of the same name is ignored.
        parameters: those it began with, which never change.
        lineage: the trials that it copied from, in order.
        image_id: digest of the primary container's image in its last attempt.
        devices: what its last attempt held.
    """

    experiment_key: str
    controller_uid: str
    name: str
    uid: str
    index: int
    parameters: Mapping[str, ParameterValue]
    created: datetime
    bracket: int = 0
    resource_version: str = ""
    state: TrialState = TrialState.PENDING
    reason: str = ""
    message: str = ""
    attempt: int = 1
    failures: int = 0
    disruptions: int = 0
    start_time: datetime | None = None
    completion_time: datetime | None = None
    progress: Progress = field(default_factory=Progress)
    rungs: tuple[RungRecord, ...] = ()
    lineage: tuple[Lineage, ...] = ()
    node: str = ""
    image_id: str = ""
    devices: tuple[DeviceRecord, ...] = ()
    accelerator_seconds: float = 0.0

    @property
    def current_parameters(self) -> Mapping[str, ParameterValue]:
        """Return the parameters of its current or next attempt."""
        return self.lineage[-1].parameters if self.lineage else self.parameters

    @property
    def step_offset(self) -> int:
        """Return by how much the steps that its program reports are above its own, after an exploit."""
        return self.lineage[-1].offset + self.lineage[-1].extended if self.lineage else 0

    @property
    def last_exploit_step(self) -> float:
        """Return the last step before its last exploit; 0 without an exploit."""
        return self.lineage[-1].resource if self.lineage else 0

    def parameters_at(self, step: float) -> Mapping[str, ParameterValue]:
        """Return the parameters that produced its report of a step."""
        earlier = (each.parameters for each in reversed(self.lineage) if each.resource < step)
        return next(earlier, self.parameters)


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
        "parameters": _column(trial.current_parameters),
    }


def _device_to(device: DeviceRecord) -> dict[str, Any]:
    return {"name": device.name, "count": device.count, **({"model": device.model} if device.model else {})}


def _column(parameters: Mapping[str, ParameterValue]) -> str:
    """Format a configuration in one line, cut to the limit of the API server."""
    return " ".join(f"{name}={_short(value)}" for name, value in parameters.items())[:MAX_COLUMN]


def _short(value: ParameterValue) -> str:
    """Format a value for a column: spec.parameters has all its digits."""
    return f"{value:.4g}" if isinstance(value, float) else format_parameter(value)


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
