"""Rules between the fields of an Experiment's spec.

The checks run on the fields that are readable, so that an error in one field does not hide errors in others.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from toprung.api.names import EXPERIMENT_NAME, MAX_EXPERIMENT_NAME
from toprung.api.v1alpha1.algorithms import Algorithm
from toprung.api.v1alpha1.cross_field import CrossFieldRule, duplicate_errors, validate_rules
from toprung.api.v1alpha1.early_stopping_rules import EARLY_STOPPING_RULES
from toprung.api.v1alpha1.space_rules import SPACE_RULES, first_by_name, validate_configuration
from toprung.api.v1alpha1.template_rules import PRIMARY_CONTAINER, validate_primary_container, validate_references
from toprung.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from toprung.api.v1alpha1.base import ParameterValue
    from toprung.api.v1alpha1.early_stopping import EarlyStopping
    from toprung.api.v1alpha1.objectives import MetricGoal
    from toprung.api.v1alpha1.parameters import Parameter
    from toprung.api.v1alpha1.trial_template import TrialTemplate

SEVERAL_OBJECTIVES = tuple(name for name in Algorithm.members() if name != "cmaes")
"""Members of `algorithm` that support several objectives. A plug-in reads them from the evaluations."""


def _is_positive(duration: timedelta | None) -> bool:
    return duration is None or duration > timedelta()


def _duplicate_objectives(objectives: Sequence[MetricGoal] | None) -> Iterator[FieldError]:
    metrics = [objective.metric for objective in objectives or ()]
    return duplicate_errors("objectives", metrics, ".metric")


def _initial_trial_errors(
    initial_trials: Sequence[Mapping[str, ParameterValue]] | None,
    parameters: Mapping[int, Parameter],
    unreadable: frozenset[str],
) -> Iterator[FieldError]:
    if not parameters and not unreadable:
        return
    by_name = first_by_name(parameters)
    for i, configuration in enumerate(initial_trials or ()):
        for error in validate_configuration(configuration, by_name, unreadable):
            yield error.prefixed(f"initialTrials[{i}].")


def _reference_errors(
    trial_template: TrialTemplate, parameters: Mapping[int, Parameter], unreadable: frozenset[str], fields: Fields
) -> Iterator[FieldError]:
    if not parameters and not unreadable:
        return
    stopping: EarlyStopping | None = fields.get("early_stopping")
    errors = validate_references(
        trial_template.template,
        names=frozenset(parameter.name for parameter in parameters.values()) | unreadable,
        conditional=frozenset(parameter.name for parameter in parameters.values() if parameter.when),
        has_resource="early_stopping" not in fields or (stopping is not None and stopping.rule is not None),
    )
    for error in errors:
        yield error.prefixed("trialTemplate.template.")


def _primary_container_errors(trial_template: TrialTemplate) -> Iterator[FieldError]:
    for error in validate_primary_container(trial_template.template, trial_template.primary_container):
        yield error.prefixed("trialTemplate.")


Fields = dict[str, Any]
"""Name of a field of ExperimentSpec -> its value; `parameters` is index -> Parameter and always present."""

_DURATION = "must be above 0"
_DURATION_FIX = "Use a duration such as 30m or 4h, or remove the field."

EXPERIMENT_RULES = (
    CrossFieldRule(
        fields=("objective", "objectives"),
        path="objective",
        cel="has(self.objective) != has(self.objectives)",
        holds=lambda objective, objectives: (objective is None) != (objectives is None),
        message="exactly one of objective and objectives is required",
        fix="Set one of them, such as objective: {metric: loss, type: minimize}.",
    ),
    CrossFieldRule(
        fields=("algorithm", "objectives"),
        path="algorithm.cmaes",
        cel="!has(self.objectives) || !has(self.algorithm) || !has(self.algorithm.cmaes)",
        holds=lambda algorithm, objectives: objectives is None or algorithm.cmaes is None,
        message="cmaes supports one objective",
        fix=f"For several objectives, use one of {', '.join(SEVERAL_OBJECTIVES)}.",
        reason="FieldValueForbidden",
    ),
    CrossFieldRule(
        fields=("parallel_trial_count", "max_trial_count"),
        cel="self.parallelTrialCount <= self.maxTrialCount",
        holds=lambda parallel, most: parallel <= most,
        message="must not be above maxTrialCount",
        fix="Lower it, or raise maxTrialCount.",
    ),
    CrossFieldRule(
        fields=("max_failed_trial_count", "max_trial_count"),
        cel="!has(self.maxFailedTrialCount) || self.maxFailedTrialCount < self.maxTrialCount",
        holds=lambda failed, most: failed is None or failed < most,
        message="must be below maxTrialCount",
        fix="Lower it, or remove it.",
    ),
    CrossFieldRule(
        fields=("initial_trials", "max_trial_count"),
        # dyn: the values of configurations have no type
        cel="!has(dyn(self).initialTrials) || dyn(self).initialTrials.size() <= self.maxTrialCount",
        holds=lambda initial, most: len(initial or ()) <= most,
        message="must not have more configurations than maxTrialCount",
        fix="Remove some, or raise maxTrialCount.",
        suggest=lambda initial, most: f"Remove {len(initial) - most}, or raise maxTrialCount.",
    ),
    CrossFieldRule(
        fields=("max_duration",),
        cel="!has(self.maxDuration) || duration(self.maxDuration) > duration('0s')",
        holds=_is_positive,
        message=_DURATION,
        fix=_DURATION_FIX,
    ),
    *(
        CrossFieldRule(
            fields=("trial_template",),
            path=f"trialTemplate.{camel}",
            cel=f"!has(self.trialTemplate.{camel}) || duration(self.trialTemplate.{camel}) > duration('0s')",
            holds=lambda template, name=name: _is_positive(getattr(template, name)),
            message=_DURATION,
            fix=_DURATION_FIX,
        )
        for name, camel in (("max_trial_duration", "maxTrialDuration"), ("silence_timeout", "silenceTimeout"))
    ),
    CrossFieldRule(
        fields=("trial_template",),
        path="trialTemplate.primaryContainer",
        cel="!has(self.trialTemplate.primaryContainer) || self.trialTemplate.template.spec.containers"
        ".exists(c, c.name == self.trialTemplate.primaryContainer)",
        find_errors=_primary_container_errors,
        message=PRIMARY_CONTAINER,
        fix="Use the name of one of them.",
    ),
    *EARLY_STOPPING_RULES,
    CrossFieldRule(
        fields=("objectives",),
        cel=None,
        no_cel="the schema has x-kubernetes-list-map-keys: [metric]",
        find_errors=_duplicate_objectives,
        message="objectives must be unique",
    ),
    CrossFieldRule(
        fields=("initial_trials", "parameters", "unreadable"),
        cel=None,
        no_cel="the schema gives values no type, and comparing untyped values exceeds the cost budget",
        find_errors=_initial_trial_errors,
        message="initialTrials must lie in the search space",
    ),
    CrossFieldRule(
        fields=("trial_template", "parameters", "unreadable", "fields"),
        cel=None,
        no_cel="the schema does not describe the strings of a Pod template",
        find_errors=_reference_errors,
        message="placeholders must refer to parameters",
    ),
)
"""Rules of the spec. Those between parameters are SPACE_RULES."""

NAME_RULE = CrossFieldRule(
    fields=("name",),
    path="",
    cel=f"size(self.metadata.name) <= {MAX_EXPERIMENT_NAME} && self.metadata.name.matches('{EXPERIMENT_NAME}')",
    holds=lambda name: len(name) <= MAX_EXPERIMENT_NAME and re.fullmatch(EXPERIMENT_NAME, name) is not None,
    message="must be a DNS label of at most 48 characters, because names of Pods begin with it",
    fix="Use a-z, 0-9 and -, no dot, and no - at the start or end.",
)
WARM_START_RULE = CrossFieldRule(
    fields=("warm_start", "name"),
    path="spec.warmStart.experiments",
    cel="!has(self.spec.warmStart) || !(self.metadata.name in self.spec.warmStart.experiments)",
    holds=lambda warm_start, name: warm_start is None or name not in warm_start.experiments,
    message="must not contain the Experiment itself",
    fix="Remove it.",
)


def validate(fields: Mapping[str, Any], unreadable: frozenset[str] = frozenset()) -> Iterator[FieldError]:
    """Check the rules of the spec; paths are relative to it.

    Args:
        fields: the readable fields by their Python names; `parameters` is index -> Parameter.
        unreadable: names of the parameters that are not readable.
    """
    context = {**fields, "unreadable": unreadable, "fields": fields}
    yield from validate_rules((*EXPERIMENT_RULES, *SPACE_RULES), context)
