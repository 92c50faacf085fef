"""Defines the record of an Experiment, and reads its stored status, which any user may have edited."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from toprung.api.messages import shown
from toprung.api.v1alpha1.conditions import ConditionRecord
from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.objects.conditions import condition_from
from toprung.seeds import derive
from toprung.timestamps import parse_time

CORRECTION = (
    "Correct it: kubectl edit experiment NAME --subresource=status. Until then the experiment is not reconciled."
)
UNREADABLE = {"type": "", "status": "", "reason": ""}
"""Stands for a condition that cannot be read. No status that the operator writes has it: the next one differs."""


@dataclass(frozen=True, slots=True)
class ExperimentRecord:
    """One Experiment with a valid spec.

    Attributes:
        spec: the present one; of an Experiment that became invalid after it had trials, the last valid one.
        invalid: why the present spec is invalid, "" where it is valid. No trial starts then; those that run continue.
        ignored: the fields of the spec that this version does not know, one per line.
        status: the status as it is in the cluster, to see whether it has to be written.
        conditions: the same status's conditions.
        created_count: trials that were ever created, as far as the status records: an index is never used twice.
    """

    namespace: str
    name: str
    uid: str
    generation: int
    created: datetime
    spec: ExperimentSpec
    status: Mapping[str, object] = field(default_factory=dict)
    conditions: tuple[ConditionRecord, ...] = ()
    start_time: datetime | None = None
    completion_time: datetime | None = None
    created_count: int = 0
    invalid: str = ""
    ignored: str = ""

    @property
    def key(self) -> str:
        """Return the owner key of its Trials and Pods."""
        return f"{self.namespace}/{self.name}"

    @property
    def seed(self) -> int:
        """Return the seed of its sampler and early-stopping rule; without spec.algorithm.seed the UID determines it."""
        seed = self.spec.algorithm.seed
        return seed if seed is not None else derive(0, "experiment", self.uid)


@dataclass(frozen=True, slots=True)
class StoredStatus:
    """The readable part of a status.

    Attributes:
        fields: the status as it is stored; an unreadable condition is `UNREADABLE`.
        conditions: the readable ones of the operator's types.
        created_count: trials that were ever created.
        error: which field cannot be read, and how to correct it; "" where all can.
    """

    fields: Mapping[str, Any]
    conditions: tuple[ConditionRecord, ...]
    start_time: datetime | None = None
    completion_time: datetime | None = None
    created_count: int = 0
    error: str = ""


def read_status(status: Any) -> StoredStatus:
    """Read a stored status; no content raises an error."""
    if not isinstance(status, Mapping):
        return StoredStatus({}, (), error="" if status is None else _invalid_value("status", status, "an object"))
    stored = status.get("conditions") or ()
    listed = stored if isinstance(stored, list | tuple) else (stored,)
    fields = {**status, "conditions": [each if _is_readable(each) else UNREADABLE for each in listed]}
    conditions = tuple(_conditions(listed))
    try:
        return StoredStatus(
            fields,
            conditions,
            _time_of(status, "startTime"),
            _time_of(status, "completionTime"),
            _created_count_of(status),
        )
    except ValueError as error:
        return StoredStatus(fields, conditions, error=str(error))


def _conditions(listed: Any) -> Iterator[ConditionRecord]:
    for each in listed:
        if _is_readable(each) and (condition := condition_from(each)) is not None:
            yield condition


def _is_readable(condition: Any) -> bool:
    if not isinstance(condition, Mapping):
        return False
    texts = ("type", "status", "reason", "message")
    try:
        time = datetime.fromisoformat(condition["lastTransitionTime"])
    except (KeyError, TypeError, ValueError):
        return False
    return time.tzinfo is not None and all(isinstance(condition.get(name), str) for name in texts)


def _time_of(status: Mapping[str, Any], name: str) -> datetime | None:
    """Read a time of the status.

    Raises:
        ValueError: it is not a time.
    """
    value = status.get(name)
    try:
        time = parse_time(value)
    except (TypeError, ValueError):
        time = None
    if value is not None and (time is None or time.tzinfo is None):
        raise ValueError(_invalid_value(f"status.{name}", value, "a time such as 2026-01-31T12:00:00Z"))
    return time


def _created_count_of(status: Mapping[str, Any]) -> int:
    """Read how many trials were created.

    Raises:
        ValueError: it is not a count.
    """
    trials = {} if status.get("trials") is None else status["trials"]
    if not isinstance(trials, Mapping):
        raise ValueError(_invalid_value("status.trials", trials, "an object"))  # noqa: TRY004 - the value of a user
    total = trials.get("total", 0)
    if type(total) is not int or total < 0:
        raise ValueError(_invalid_value("status.trials.total", total, "a non-negative integer"))
    return total


def _invalid_value(path: str, value: Any, wanted: str) -> str:
    return f"{path}: Invalid value: {shown(value)}. Must be {wanted}. {CORRECTION}"
