"""What of an Experiment's spec may not change once a Trial exists, as CEL and in Python."""

from collections.abc import Iterator
from typing import Any

from toprung.api.errors import Fault
from toprung.api.rules import Rule

IMMUTABLE = (
    "objective.metric",
    "objective.type",
    "objective.strategy",
    "objective.additionalMetrics",
    "parameters",
    "initialTrials",
    "algorithm",
    "earlyStopping",
    "metrics",
    "checkpoint",
    "podRetention",
    "trialTemplate",
)
"""Paths below spec; what is not named here may change at any time."""

ADVICE = "may not change once a trial exists; apply it as a new Experiment"


def immutable_changes(old_spec: dict[str, Any], new_spec: dict[str, Any]) -> tuple[Fault, ...]:
    """Give the immutable fields that differ between two specs, defaults filled in, of an Experiment that has trials."""
    return tuple(_changes(old_spec, new_spec))


def _changes(old_spec: dict[str, Any], new_spec: dict[str, Any]) -> Iterator[Fault]:
    for path in IMMUTABLE:
        old, new = _at(old_spec, path), _at(new_spec, path)
        if path == "parameters":
            # an associative list: its order says nothing
            old, new = (sorted(part or (), key=lambda parameter: str(parameter["name"])) for part in (old, new))
        if old != new:
            yield Fault(f"spec.{path}", ADVICE)


def _at(spec: dict[str, Any], path: str) -> Any:
    node: Any = spec
    for step in path.split("."):
        node = node.get(step) if isinstance(node, dict) else None
    return node


def _transition(path: str) -> Rule:
    *parents, field = path.split(".")
    now = ".".join(("self.spec", *parents, field))
    old = ".".join(("oldSelf.spec", *parents, field))
    untouched = "!has(oldSelf.status) || !has(oldSelf.status.trials) || !has(oldSelf.status.trials.total)"
    same = f"(has({now}) == has({old}) && (!has({now}) || {now} == {old}))"
    return Rule(
        f"{untouched} || oldSelf.status.trials.total == 0 || {same}",
        message=ADVICE,
        path=f".spec.{path}",
        reason="FieldValueForbidden",
    )


TRANSITION_RULES = tuple(_transition(path) for path in IMMUTABLE)
