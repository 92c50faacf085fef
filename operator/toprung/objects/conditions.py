"""Sets, reads and writes the conditions of an Experiment."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from toprung.api.v1alpha1.conditions import ConditionRecord, ConditionType, Reason
from toprung.objects.sizes import shortened
from toprung.timestamps import timestamp

Conditions = Mapping[ConditionType, ConditionRecord]


@dataclass(frozen=True, slots=True)
class BlockReason:
    """The reason why a trial or an Experiment cannot proceed, quoting the component that reported it."""

    reason: Reason
    message: str


def set_condition(conditions: Conditions, new: ConditionRecord) -> Conditions:
    """Return the conditions with `new` set; lastTransitionTime changes only with the status."""
    old = conditions.get(new.type)
    if old is not None and old.status == new.status:
        new = replace(new, last_transition_time=old.last_transition_time)
    return {**conditions, new.type: new}


def clear_condition(conditions: Conditions, new: ConditionRecord) -> Conditions:
    """Set a condition to False, but only if it was ever True: one that was never true is omitted."""
    return set_condition(conditions, new) if new.type in conditions else conditions


def condition_from(body: Mapping[str, Any]) -> ConditionRecord | None:
    """Read a condition; None for a type that TopRung does not write."""
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


def to_json(condition: ConditionRecord) -> dict[str, object]:
    """Return the condition as JSON."""
    return {
        "type": str(condition.type),
        "status": "True" if condition.status else "False",
        "reason": str(condition.reason),
        "message": shortened(condition.message),
        "observedGeneration": condition.observed_generation,
        "lastTransitionTime": timestamp(condition.last_transition_time),
    }
