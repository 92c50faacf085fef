"""What of an Experiment's spec may not change once a Trial exists, as CEL and in Python."""

from typing import Any

from toprung.api.errors import Fault
from toprung.api.experiment import ExperimentSpec
from toprung.api.rules import Rule

IMMUTABLE = (
    "objective.metric",
    "objective.type",
    "objective.strategy",
    "objective.additionalMetrics",
    "parameters",
    "initialTrials",
    "warmStart",
    "algorithm",
    "earlyStopping",
    "metrics",
    "checkpoint",
    "podRetention",
    "trialTemplate",
)
"""Paths below spec; what is not named here may change at any time."""

ADVICE = "may not change once a trial exists; apply it as a new Experiment"


def immutable_changes(old: ExperimentSpec, new: ExperimentSpec) -> tuple[Fault, ...]:
    """Give the immutable fields that differ between two specs of an Experiment that has trials."""
    before, after = (spec.model_dump(mode="json", by_alias=True) for spec in (old, new))
    return tuple(Fault(f"spec.{path}", ADVICE) for path in IMMUTABLE if _at(before, path) != _at(after, path))


def _at(spec: dict[str, Any], path: str) -> Any:
    node: Any = spec
    for step in path.split("."):
        node = node[step]
    return sorted(node) if path == "objective.additionalMetrics" else node


def _transition(path: str) -> Rule:
    *parents, field = path.split(".")
    # dyn, because CEL sees no list of configurations: their values have no type
    now, old = (f"dyn({'.'.join((owner, 'spec', *parents))}).{field}" for owner in ("self", "oldSelf"))
    untouched = "!has(oldSelf.status) || !has(oldSelf.status.trials) || !has(oldSelf.status.trials.total)"
    # an associative list is equal in any order, but samplers draw parameter after parameter
    ordered = f" && {now}.map(p, p.name) == {old}.map(p, p.name)" if path == "parameters" else ""
    same = f"(has({now}) == has({old}) && (!has({now}) || ({now} == {old}{ordered})))"
    return Rule(
        f"{untouched} || oldSelf.status.trials.total == 0 || {same}",
        message=ADVICE,
        path=f".spec.{path}",
        reason="FieldValueForbidden",
    )


TRANSITION_RULES = tuple(_transition(path) for path in IMMUTABLE)
