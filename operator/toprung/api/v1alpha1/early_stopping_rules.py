"""Rules between the fields of spec.earlyStopping, and between it and the rest of the spec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toprung.api.v1alpha1.cross_field import CrossFieldRule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toprung.api.v1alpha1.early_stopping import EarlyStopping
    from toprung.api.v1alpha1.objectives import MetricGoal

MAX_LEVELS: Final = 64
"""Largest number of rungs or comparisons of a trial. Each is an entry in its status."""
COMPARING: Final = ("asha", "hyperband", "successiveHalving", "median", "pbt", "plugin")
"""Members of spec.earlyStopping that compare trials; at most one is set."""
_NO_LOGARITHM = "CEL has neither logarithms nor loops over powers, so it can't count rungs"


def rung_count(min_resource: int, max_resource: int, reduction_factor: int) -> int:
    """Count the rungs from minResource to maxResource, both included."""
    count, level = 1, min_resource
    while level < max_resource:
        count, level = count + 1, level * reduction_factor
    return count


def median_interval(max_resource: int, grace_period: int) -> int:
    """Return the smallest interval with fewer than MAX_LEVELS multiples; maxResource is a comparison of its own."""
    return max(0, max_resource - 1 - grace_period) // (MAX_LEVELS - 1) + 1


def _multiples(interval: int, first: int, end: int) -> int:
    """Count the multiples of `interval` in [first, end)."""
    return (end - 1) // interval - (first - 1) // interval


def _required_batch(min_resource: int, max_resource: int, reduction_factor: int) -> int:
    """Return the smallest batch of which one trial reaches the last rung."""
    return int(reduction_factor ** (rung_count(min_resource, max_resource, reduction_factor) - 1))


RUNG_RULES = (
    CrossFieldRule(
        fields=("min_resource", "max_resource"),
        cel="self.minResource <= self.maxResource",
        holds=lambda least, most: least <= most,
        message="must not be above maxResource",
        fix="Swap minResource and maxResource.",
    ),
)
ASHA_RULES = (
    CrossFieldRule(
        fields=("brackets", "min_resource", "max_resource", "reduction_factor"),
        cel=None,
        no_cel=_NO_LOGARITHM,
        holds=lambda brackets, least, most, factor: least > most or brackets <= rung_count(least, most, factor),
        message="must not exceed the number of rungs",
        suggest=lambda _, least, most, factor: f"Use at most {rung_count(least, most, factor)}.",
    ),
)
SUCCESSIVE_HALVING_RULES = (
    CrossFieldRule(
        fields=("trials", "min_resource", "max_resource", "reduction_factor"),
        cel=None,
        no_cel=_NO_LOGARITHM,
        holds=lambda trials, least, most, factor: least > most or trials >= _required_batch(least, most, factor),
        message="is too small for the number of rungs",
        suggest=lambda _, least, most, factor: f"Use at least {_required_batch(least, most, factor)}.",
    ),
)
MEDIAN_RULES = (
    CrossFieldRule(
        fields=("grace_period", "max_resource"),
        cel="self.gracePeriod <= self.maxResource",
        holds=lambda grace, most: grace <= most,
        message="must not be above maxResource",
        fix="Lower gracePeriod.",
    ),
    CrossFieldRule(
        fields=("interval", "max_resource", "grace_period"),
        cel="!has(self.interval) || self.gracePeriod > self.maxResource "
        "|| (self.maxResource - 1) / self.interval - (self.gracePeriod - 1) / self.interval "
        f"< {MAX_LEVELS}",
        holds=lambda interval, most, grace: (
            interval is None or grace > most or _multiples(interval, grace, most) < MAX_LEVELS
        ),
        message=f"results in more than {MAX_LEVELS} comparisons",
        fix="Use a larger interval.",
        suggest=lambda _, most, grace: f"Use at least {median_interval(most, grace)}.",
    ),
)
PBT_RULES = (
    CrossFieldRule(
        fields=("perturbation_interval", "max_resource"),
        cel="self.perturbationInterval < self.maxResource",
        holds=lambda interval, most: interval < most,
        message="must be below maxResource",
        fix="Lower perturbationInterval.",
    ),
    CrossFieldRule(
        fields=("perturbation_interval", "max_resource"),
        cel=f"(self.maxResource - 1) / self.perturbationInterval < {MAX_LEVELS}",
        holds=lambda interval, most: _multiples(interval, 1, most) < MAX_LEVELS,
        message=f"results in more than {MAX_LEVELS} comparisons",
        fix="Use a larger perturbationInterval.",
        suggest=lambda _, most: f"Use at least {(most - 1) // MAX_LEVELS + 1}.",
    ),
)

_COUNT = f"[{', '.join(f'has(self.{name})' for name in COMPARING)}].filter(x, x).size()"
_COMPARING_FIELDS = ("asha", "hyperband", "successive_halving", "median", "pbt", "plugin")
UNION_RULES = (
    CrossFieldRule(
        fields=_COMPARING_FIELDS,
        path="",
        cel=f"{_COUNT} <= 1",
        holds=lambda *members: sum(member is not None for member in members) <= 1,
        message="must not have two rules that compare trials",
        fix=f"Keep one of {', '.join(COMPARING)}.",
    ),
    CrossFieldRule(
        fields=("patience", "threshold", *_COMPARING_FIELDS),
        path="",
        cel=f"{_COUNT} > 0 || has(self.patience) || has(self.threshold)",
        holds=lambda *members: any(member is not None for member in members),
        message="requires a rule",
        fix="Set one, such as asha: {maxResource: 27}, or remove earlyStopping.",
        reason="FieldValueRequired",
    ),
)
"""Rules between the members of spec.earlyStopping."""


def _has(member: str, field: str = "") -> str:
    """Return CEL over a spec: the member, and the field in it, are set."""
    path = f"self.earlyStopping.{member}"
    return f"has(self.earlyStopping) && has({path})" + (f" && has({path}.{field})" if field else "")


def _settings(stopping: EarlyStopping | None, member: str) -> Any:
    return None if stopping is None else stopping.comparing().get(member)


def _resource_rule(member: str) -> CrossFieldRule:
    def holds(
        stopping: EarlyStopping | None, objective: MetricGoal | None, objectives: Sequence[MetricGoal] | None
    ) -> bool:
        metrics = {each.metric for each in (objective, *(objectives or ())) if each is not None}
        settings = _settings(stopping, member)
        return settings is None or settings.resource not in metrics

    resource = f"self.earlyStopping.{member}.resource"
    return CrossFieldRule(
        fields=("early_stopping", "objective", "objectives"),
        path=f"earlyStopping.{member}.resource",
        cel=f"!({_has(member)}) || ((!has(self.objective) || {resource} != self.objective.metric)"
        f" && (!has(self.objectives) || !self.objectives.exists(o, o.metric == {resource})))",
        holds=holds,
        message="must not be an objective",
        fix="Use the name of the step that measures progress, such as epoch.",
    )


def _checkpoint_rule(member: str, *, message: str, fix: str, variant: str = "") -> CrossFieldRule:
    """Return the rule that a member, or one variant of it, requires spec.checkpoint."""

    def holds(checkpoint: object, stopping: EarlyStopping | None) -> bool:
        settings = _settings(stopping, member)
        return checkpoint is not None or settings is None or (bool(variant) and settings.variant != variant)

    used = _has(member)
    if variant:
        used = f"{_has(member, 'variant')} && self.earlyStopping.{member}.variant == '{variant}'"
    return CrossFieldRule(
        fields=("checkpoint", "early_stopping"),
        cel=f"has(self.checkpoint) || !({used})",
        holds=holds,
        message=message,
        fix=fix,
        reason="FieldValueRequired",
    )


def _divides(stopping: EarlyStopping | None, max_trial_count: int) -> bool:
    settings = _settings(stopping, "successiveHalving")
    return settings is None or max_trial_count % settings.trials == 0


def _suggest_count(stopping: EarlyStopping | None, max_trial_count: int) -> str:
    trials = _settings(stopping, "successiveHalving").trials
    return f"Use maxTrialCount: {max_trial_count - max_trial_count % trials or trials}."


EARLY_STOPPING_RULES = (
    *(_resource_rule(member) for member in COMPARING),
    *(
        _checkpoint_rule(
            member,
            variant="promotion",
            message=f"variant promotion of {member} resumes trials from checkpoints",
            fix="Set spec.checkpoint, or use variant: stopping.",
        )
        for member in ("asha", "hyperband")
    ),
    _checkpoint_rule(
        "successiveHalving",
        message="successiveHalving resumes trials from checkpoints",
        fix="Set spec.checkpoint, or use asha.",
    ),
    _checkpoint_rule("pbt", message="pbt copies checkpoints between trials", fix="Set spec.checkpoint."),
    CrossFieldRule(
        fields=("early_stopping", "max_trial_count"),
        path="earlyStopping.successiveHalving.trials",
        cel=f"!({_has('successiveHalving')}) || self.maxTrialCount % self.earlyStopping.successiveHalving.trials == 0",
        holds=_divides,
        message="must divide maxTrialCount, because every batch must be full",
        fix="Use a maxTrialCount that is a multiple of trials.",
        suggest=_suggest_count,
    ),
    CrossFieldRule(
        fields=("parallel_trial_count", "max_trial_count", "early_stopping"),
        cel=f"!({_has('pbt')}) || self.parallelTrialCount == self.maxTrialCount",
        holds=lambda parallel, most, stopping: _settings(stopping, "pbt") is None or parallel == most,
        message="must equal maxTrialCount, because the population of pbt runs at the same time",
        fix="Set both to the size of the population.",
    ),
)
"""Rules between spec.earlyStopping and the rest of the spec."""
