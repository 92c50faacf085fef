"""Fields of a spec that are immutable once a Trial exists, as CEL rules of the CRD."""

from toprung.api.crd.cel import CelRule

IMMUTABLE = (
    "objective.metric",
    "objective.type",
    "objective.strategy",
    "objective.additionalMetrics",
    "objectives",
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
"""Paths below spec. You can change all other fields at any time."""

_ORDERED = {"parameters": "name", "objectives": "metric"}
"""Lists of type map and their keys. For the API server they are equal in any order. Here the order counts: samplers
draw parameters in order, and the first objective is the primary one."""

ADVICE = "immutable once a trial exists. Create a new Experiment."
TEMPLATE = "trialTemplate"
TEMPLATE_ADVICE = "immutable once the program of a trial has started. Create a new Experiment."
"""You can correct a wrong image or command until then, because no result depends on it."""


def advice_on(path: str) -> str:
    """Return why a path below spec is immutable, and how to change it."""
    return TEMPLATE_ADVICE if path == TEMPLATE else ADVICE


def _transition(path: str) -> CelRule:
    *parents, field = path.split(".")
    # dyn: the values of configurations have no type
    now, old = (f"dyn({'.'.join((owner, 'spec', *parents))}).{field}" for owner in ("self", "oldSelf"))
    untouched = "!has(oldSelf.status) || !has(oldSelf.status.trials) || !has(oldSelf.status.trials.total)"
    if path == TEMPLATE:
        untouched += " || !has(oldSelf.status.programStarted) || !oldSelf.status.programStarted"
    key = _ORDERED.get(path)
    ordered = f" && {now}.map(p, p.{key}) == {old}.map(p, p.{key})" if key else ""
    same = f"(has({now}) == has({old}) && (!has({now}) || ({now} == {old}{ordered})))"
    if parents:  # one spec may have objectives instead, which is a change of its own
        same = f"(!has(self.spec.{parents[0]}) || !has(oldSelf.spec.{parents[0]}) || {same})"
    return CelRule(
        f"{untouched} || oldSelf.status.trials.total == 0 || {same}",
        message=advice_on(path),
        path=f".spec.{path}",
        reason="FieldValueForbidden",
    )


TRANSITION_RULES = tuple(_transition(path) for path in IMMUTABLE)
