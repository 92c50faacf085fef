"""Setting conditions by the Kubernetes conventions."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from toprung.api.v1alpha1.conditions import ConditionRecord, ConditionType
from toprung.objects.sizes import shortened

Conditions = Mapping[ConditionType, ConditionRecord]


def set_condition(conditions: Conditions, new: ConditionRecord) -> Conditions:
    """Give the conditions with `new` among them; lastTransitionTime stays while the status does."""
    old = conditions.get(new.type)
    if old is not None and old.status == new.status:
        new = replace(new, last_transition_time=old.last_transition_time)
    return {**conditions, new.type: new}


def clear_condition(conditions: Conditions, new: ConditionRecord) -> Conditions:
    """Set a condition to False, but only if it was ever True: one that never held is not mentioned."""
    return set_condition(conditions, new) if new.type in conditions else conditions


def timestamp(moment: datetime) -> str:
    """Write a time as Kubernetes does in metav1.Time: RFC 3339 in UTC, whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def to_json(condition: ConditionRecord) -> dict[str, object]:
    """Give the condition as it stands in the status."""
    return {
        "type": str(condition.type),
        "status": "True" if condition.status else "False",
        "reason": str(condition.reason),
        "message": shortened(condition.message),
        "observedGeneration": condition.observed_generation,
        "lastTransitionTime": timestamp(condition.last_transition_time),
    }
