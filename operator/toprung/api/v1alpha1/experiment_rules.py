"""Rules between the fields of an Experiment's spec.

They take the fields that could be read, so that a error in one does not hide those between the others.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from toprung.api.crd.cel import CelRule
from toprung.api.messages import shown
from toprung.api.v1alpha1.algorithms import Algorithm
from toprung.api.v1alpha1.early_stopping import SPEC_RULES as STOPPING_RULES
from toprung.api.v1alpha1.early_stopping import validate_early_stopping
from toprung.api.v1alpha1.space_rules import first_by_name, validate_configuration, validate_space
from toprung.api.v1alpha1.template_rules import validate_primary_container, validate_references
from toprung.errors import FieldError

Fields = Mapping[str, Any]
"""Name of a field of ExperimentSpec -> its value; `parameters`, always there, is index -> Parameter."""

FOR_SEVERAL = tuple(name for name in Algorithm.members() if name != "cmaes")
"""Members of `algorithm` that take several objectives; a plug-in finds them in the evaluations."""

RULES = (
    CelRule(
        "self.parallelTrialCount <= self.maxTrialCount",
        message="parallelTrialCount is above maxTrialCount; lower it, or raise maxTrialCount",
        path=".parallelTrialCount",
    ),
    CelRule(
        "!has(self.maxFailedTrialCount) || self.maxFailedTrialCount < self.maxTrialCount",
        message="maxFailedTrialCount must be below maxTrialCount; lower it, or remove it",
        path=".maxFailedTrialCount",
    ),
    CelRule(
        "!has(dyn(self).initialTrials) || dyn(self).initialTrials.size() <= self.maxTrialCount",
        message="initialTrials has more configurations than maxTrialCount; remove some, or raise maxTrialCount",
        path=".initialTrials",
    ),
    CelRule(
        "!has(self.maxDuration) || duration(self.maxDuration) > duration('0s')",
        message="maxDuration must be above 0; write it like 4h, or remove it",
        path=".maxDuration",
    ),
    CelRule(
        "!has(self.trialTemplate.maxTrialDuration) || duration(self.trialTemplate.maxTrialDuration) > duration('0s')",
        message="maxTrialDuration must be above 0; write it like 30m, or remove it",
        path=".trialTemplate.maxTrialDuration",
    ),
    CelRule(
        "!has(self.trialTemplate.silenceTimeout) || duration(self.trialTemplate.silenceTimeout) > duration('0s')",
        message="silenceTimeout must be above 0; write it like 30m, or remove it",
        path=".trialTemplate.silenceTimeout",
    ),
    CelRule(
        "has(self.objective) != has(self.objectives)",
        message="set exactly one of objective and objectives",
        path=".objective",
    ),
    CelRule(
        "!has(self.objectives) || !has(self.algorithm) || !has(self.algorithm.cmaes)",
        message=f"cmaes takes one objective; for several write one of {', '.join(FOR_SEVERAL)}",
        path=".algorithm.cmaes",
    ),
    *STOPPING_RULES,
)


def validate(fields: Fields, unreadable: frozenset[str] = frozenset()) -> Iterator[FieldError]:
    """Check the fields against each other; paths are relative to the spec.

    Args:
        fields: those that could be read.
        unreadable: names of parameters that could not.
    """
    yield from _objective_errors(fields)
    yield from _count_errors(fields)
    yield from _surplus_errors(fields)
    yield from _duration_errors(fields)
    yield from validate_early_stopping(fields)
    yield from _template_errors(fields, unreadable)
    if fields["parameters"] or unreadable:
        yield from validate_space(fields["parameters"], unreadable)
        yield from _initial_errors(fields, unreadable)


def _objective_errors(fields: Fields) -> Iterator[FieldError]:
    one, several = fields.get("objective", ()), fields.get("objectives", ())
    if one is None and several is None:
        yield FieldError("objective", "is missing; write {metric: ..., type: minimize}, or several under objectives")
    if one and several:
        yield FieldError("objective", "stands beside objectives; keep one of them")
    for i, aim in enumerate(several or ()):
        if aim.metric in (other.metric for other in several[:i]):
            yield FieldError(f"objectives[{i}].metric", f"{shown(aim.metric)} is there already; write each metric once")
    algorithm = fields.get("algorithm")
    if several and algorithm is not None and algorithm.cmaes is not None:
        message = f"takes one objective; for {len(several)} write one of {', '.join(FOR_SEVERAL)}"
        yield FieldError("algorithm.cmaes", message)


def _count_errors(fields: Fields) -> Iterator[FieldError]:
    most = fields.get("max_trial_count")
    parallel, failed = fields.get("parallel_trial_count"), fields.get("max_failed_trial_count")
    if most is not None and parallel is not None and parallel > most:
        yield FieldError("parallelTrialCount", f"{parallel} is above maxTrialCount {most}; write at most {most}")
    if most is not None and failed is not None and failed >= most:
        yield FieldError("maxFailedTrialCount", f"{failed} is never passed by {most} trials; write less, or remove it")


def _surplus_errors(fields: Fields) -> Iterator[FieldError]:
    most, initial = fields.get("max_trial_count"), fields.get("initial_trials") or ()
    if most is not None and len(initial) > most:
        found = f"{len(initial)} configurations are more than maxTrialCount {most}"
        yield FieldError(
            "initialTrials", f"Invalid value: {found}. Remove {len(initial) - most}, or raise maxTrialCount."
        )


def _duration_errors(fields: Fields) -> Iterator[FieldError]:
    template = fields.get("trial_template")
    durations = {
        "maxDuration": fields.get("max_duration"),
        "trialTemplate.maxTrialDuration": template.max_trial_duration if template else None,
        "trialTemplate.silenceTimeout": template.silence_timeout if template else None,
    }
    for path, duration in durations.items():
        if duration is not None and duration <= timedelta():
            yield FieldError(path, "0 leaves no time to run; write it like 30m or 4h, or remove it")


def _initial_errors(fields: Fields, unreadable: frozenset[str]) -> Iterator[FieldError]:
    by_name = first_by_name(fields["parameters"])
    for i, configuration in enumerate(fields.get("initial_trials") or ()):
        for error in validate_configuration(configuration, by_name, unreadable):
            yield error.prefixed(f"initialTrials[{i}].")


def _template_errors(fields: Fields, unreadable: frozenset[str]) -> Iterator[FieldError]:
    if (trial_template := fields.get("trial_template")) is None:
        return
    errors: list[FieldError] = []
    if (parameters := fields["parameters"].values()) or unreadable:
        errors += validate_references(
            trial_template.template,
            names=frozenset(parameter.name for parameter in parameters) | unreadable,
            conditional=frozenset(parameter.name for parameter in parameters if parameter.when),
            has_resource=_has_resource(fields),
        )
    for error in errors:
        yield error.prefixed("trialTemplate.template.")
    for error in validate_primary_container(trial_template.template, trial_template.primary_container):
        yield error.prefixed("trialTemplate.")


def _has_resource(fields: Fields) -> bool:
    """Whether trials have a budget, or may have one as far as could be read."""
    if "early_stopping" not in fields:
        return True
    return fields["early_stopping"] is not None and fields["early_stopping"].rule is not None
