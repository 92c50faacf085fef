"""Translates pydantic's errors to field errors in Kubernetes' notation."""

import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from toprung.api.messages import bounded, shown, use_quotes
from toprung.api.names import EXPERIMENT_NAME
from toprung.api.v1alpha1.base import CrossFieldErrors, model_of
from toprung.api.v1alpha1.early_stopping import STEP_NAME
from toprung.api.v1alpha1.objectives import METRIC_NAME
from toprung.api.v1alpha1.parameters import PARAMETER_NAME
from toprung.errors import FieldError

Location = tuple[int | str, ...]

KATIB_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "objectiveMetricName": "metric",
        "additionalMetricNames": "additionalMetrics",
        "algorithmName": "the algorithm's own member, such as tpe: {}",
        "algorithmSettings": "the settings in the algorithm's own member, such as tpe: {startupTrials: 10}",
        "parameterType": "type",
        "feasibleSpace": "min and max, or values, in the parameter itself",
        "list": "values",
        "distribution": "scale: log",
        "trialSpec": "template, with a Pod template",
        "trialParameters": "${parameters.NAME} in the template",
        "metricsCollectorSpec": "metrics: {stdout: {}}",
        "resumePolicy": "a higher maxTrialCount to continue after the end",
    }
)
"""Name of a field in an Experiment of Katib -> its equivalent."""
FORMER_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "candidates": "eiCandidates",
        "factors": "perturbationFactors",
        "interval": "perturbationInterval",
        "noProgress": "stopWhenNoProgress",
        "quantile": "quantileFraction",
        "tilt": "rungSkew",
    }
)
"""Name of a field in an earlier version -> its name in this version."""


def translate(error: ValidationError, model: type[BaseModel], prefix: str) -> tuple[FieldError, ...]:
    """Return the field errors of an error that validating `model` raised; paths start with `prefix`."""
    errors = error.errors(include_url=False)
    own = (details for details in errors if not _is_consequence(details, errors))
    return bounded(error for details in own for error in _field_errors(details, model, prefix))


def unknown_fields(error: ValidationError) -> tuple[Location, ...]:
    """Return the locations of unknown fields."""
    return tuple(details["loc"] for details in error.errors() if details["type"] == "extra_forbidden")


def reached_root(error: ValidationError) -> bool:
    """Return whether the rules between the fields of the outermost model were checked."""
    return any(not details["loc"] for details in error.errors(include_url=False, include_input=False))


def field_path(prefix: str, location: Location) -> str:
    """Format a location in Kubernetes' notation: ``spec.parameters[2].min``."""
    path = prefix
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return path


def _is_consequence(details: ErrorDetails, errors: Sequence[ErrorDetails]) -> bool:
    """Return whether a list is too short only because its items are invalid."""
    location = details["loc"]
    below = (other for other in errors if len(other["loc"]) > len(location))
    return details["type"] == "too_short" and any(other["loc"][: len(location)] == location for other in below)


def _field_errors(details: ErrorDetails, model: type[BaseModel], prefix: str) -> Iterator[FieldError]:
    location = tuple(step for step in details["loc"] if step != "[key]")
    path = field_path(prefix, location)
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, CrossFieldErrors):
        for error in cause.errors:
            yield error.prefixed(f"{path}.") if error.path else FieldError(path, error.message)
    elif isinstance(cause, ValueError):
        yield FieldError(path, str(cause))
    elif details["type"] == "extra_forbidden":
        yield _unknown(path, location, model, prefix)
    else:
        yield FieldError(path, _message(details, _fields(location, model)))


def _unknown(path: str, location: Location, model: type[BaseModel], prefix: str) -> FieldError:
    name = str(location[-1])
    if name in KATIB_NAMES:
        return FieldError(path, f"unknown field {shown(name)}. Use {KATIB_NAMES[name]}.")
    for length in range(len(location) - 2, -1, -1):
        if name in _fields(location[:length], model):
            outer = field_path(prefix, (*location[:length], name))
            return FieldError(path, f"unknown field {shown(name)}. Move it to {outer}.")
    known = tuple(_fields(location[:-1], model))
    if FORMER_NAMES.get(name) in known:
        return FieldError(path, f"unknown field {shown(name)}. Use {FORMER_NAMES[name]}.")
    return FieldError(path, f"unknown field {shown(name)}", name, known)


def _fields(location: Location, model: type[BaseModel]) -> list[str]:
    """Return the names of the fields of the model at a location."""
    current: type[BaseModel] | None = model
    for step in location:
        if isinstance(step, str) and current is not None:
            fields = {field.alias or name: field for name, field in current.model_fields.items()}
            current = model_of(fields[step].annotation) if step in fields else None
    return [field.alias or name for name, field in current.model_fields.items()] if current else []


def _message(details: ErrorDetails, known: Sequence[str]) -> str:
    value, place = details["input"], details["loc"][-1] if details["loc"] else ""
    if details["type"] == "missing":
        return f"Required value: add {place}: {_REQUIRED[place]}." if place in _REQUIRED else "Required value: add it."
    if details["type"] in _NOT_AN_OBJECT:
        fields = f"the fields {', '.join(known)}" if known else _EXAMPLES.get(place, "NAME: VALUE for each field")
        return f"Invalid value: {shown(value)}: must be an object. Use {fields}."
    if details["type"] in _NOT_AN_INTEGER and isinstance(value, float) and value.is_integer():
        extreme = "large" if value > 0 else "small"
        return f"Invalid value: {shown(value)}: is too {extreme}. Use an integer of at most {_MAX_DIGITS} digits."
    if details["type"] in _TYPES:
        required, example = _TYPES[details["type"]]
        return f"Invalid value: {shown(value)}: must be {required}. {example(value)}"
    format_message = _MESSAGES.get(details["type"])
    return (
        format_message(shown(value), details.get("ctx", {}))
        if format_message is not None
        else f"Invalid value: {shown(value)}: {details['msg']}"
    )


def _string_fix(value: Any) -> str:
    if isinstance(value, list | dict):
        return f"Use {shown(value[0])}." if isinstance(value, list) and _is_one_string(value) else "Use one string."
    return use_quotes(value) if value is not None else "Use a string in quotes."


def _is_one_string(value: list[Any]) -> bool:
    return len(value) == 1 and isinstance(value[0], str)


def _unquoted(pattern: str, example: str) -> Callable[[Any], str]:
    """Return a function that suggests a fix for a value that must not be quoted."""
    compiled = re.compile(pattern)

    def advise(value: Any) -> str:
        if not isinstance(value, str) or len(value) >= _MAX_QUOTED or not compiled.fullmatch(value):
            return f"Use {example}."
        if value[-1].isdigit() and not math.isfinite(float(value)):
            return f"Use a number of at most {sys.float_info.max:.1e}."
        return f"Use {value} without quotes."

    return advise


def _integer_fix(value: Any) -> str:
    if isinstance(value, float) and abs(value) < _MAX_EXACT:
        return f"Use {' or '.join(dict.fromkeys((str(math.floor(value)), str(math.ceil(value)))))}."
    return _unquoted("-?[0-9]+", "a number such as 3")(value)


_MAX_QUOTED = 20
"""Characters of a quoted number that a message repeats."""
_MAX_EXACT = 10**15
_MAX_DIGITS = 15
_INTEGER = ("an integer", _integer_fix)
_NOT_AN_INTEGER = ("int_type", "int_from_float")
_NOT_AN_OBJECT = ("model_type", "model_attributes_type", "dict_type")
_EXAMPLES: Mapping[str | int, str] = MappingProxyType(
    {
        "template": "{spec: {containers: [{name: train, image: ...}]}}",
        "volume": "a volume source such as {persistentVolumeClaim: {claimName: ckpt}}",
    }
)
"""Name of a field without a fixed list of fields -> an example."""
_REQUIRED: Mapping[str | int, str] = MappingProxyType(
    {
        "experiments": "[NAME]",
        "in": "[VALUE]",
        "maxResource": "27",
        "maxTrialCount": "50",
        "metric": "val_loss",
        "name": "NAME",
        "parameter": "NAME",
        "parameters": "[{name: lr, type: double, min: 0.001, max: 0.1}]",
        "perturbationInterval": "4",
        "step": "10",
        "steps": "10",
        "template": "{spec: {containers: [{name: train, image: ...}]}}",
        "trialTemplate": "{template: {spec: {containers: [{name: train, image: ...}]}}}",
        "trials": "27",
        "value": "0.5",
        "volume": "{persistentVolumeClaim: {claimName: ckpt}}",
    }
)
"""Name of a required field -> an example."""
_TYPES: Mapping[str, tuple[str, Callable[[Any], str]]] = MappingProxyType(
    {
        "string_type": ("a string", _string_fix),
        "bool_type": ("true or false", _unquoted("true|false", "true or false")),
        "float_type": ("a number", _unquoted(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?", "a number such as 0.1")),
        "int_type": _INTEGER,
        "int_from_float": _INTEGER,
    }
)
"""Type of a pydantic error -> what the value must be, and a function that suggests a fix."""


def _of_type(required: str, example: str) -> Callable[[str, Mapping[str, Any]], str]:
    return lambda found, _: f"Invalid value: {found}: must be {required}. Use {example}."


_LIST = _of_type("a list", "[a, b], or one - ITEM for each line")
_PATTERNS: Mapping[str, str] = MappingProxyType(
    {
        PARAMETER_NAME: "must consist of A-Z, a-z, 0-9, '_', '.' or '-', and must start with a letter or '_'. "
        "Use a name such as learning_rate.",
        METRIC_NAME: "must consist of A-Z, a-z, 0-9, spaces or _./:@%()#'+*-, must start with a letter or '_', and "
        "must not end with a space. Use a name such as val_loss.",
        STEP_NAME: "must consist of A-Z, a-z, 0-9 or _./:@-, and must start with a letter or '_'. "
        "Use a name such as epoch.",
        EXPERIMENT_NAME: "must consist of a-z, 0-9 or '-', and must start and end with a letter or digit. "
        "Use the name of an Experiment in this namespace.",
        "^/": "must be an absolute path. Use a path such as /checkpoints.",
    }
)
"""Pattern of a field -> the strings that match it, and how to fix a string that does not."""


def _items(count: int) -> str:
    return f"{count} item{'s' * (count != 1)}"


_MESSAGES: Mapping[str, Callable[[str, Mapping[str, Any]], str]] = MappingProxyType(
    {
        # the text comes from json.dumps, so only its depth can be wrong
        "json_invalid": lambda _, __: "Invalid value: must not be nested this deeply. Remove the inner levels.",
        "literal_error": lambda found, ctx: (
            f"Unsupported value: {found}. Use " + ctx["expected"].replace("'", '"') + "."
        ),
        "finite_number": _of_type("finite", "a number such as 0.1"),
        "tuple_type": _LIST,
        "list_type": _LIST,
        "greater_than": lambda found, ctx: (
            f"Invalid value: {found}: must be greater than {ctx['gt']:g}. Use a larger number."
        ),
        "greater_than_equal": lambda found, ctx: (
            f"Invalid value: {found}: must be at least {shown(ctx['ge'])}. Use {shown(ctx['ge'])} or more."
        ),
        "less_than_equal": lambda found, ctx: (
            f"Invalid value: {found}: must be at most {shown(ctx['le'])}. Use {shown(ctx['le'])} or less."
        ),
        "less_than": lambda found, ctx: (
            f"Invalid value: {found}: must be less than {ctx['lt']:g}. Use a smaller number."
        ),
        "too_short": lambda _, ctx: f"Invalid value: must have at least {_items(ctx['min_length'])}. Add one.",
        "too_long": lambda _, ctx: f"Too many: must have at most {_items(ctx['max_length'])}. Remove some.",
        "string_too_short": lambda _, __: 'Invalid value: "": must not be empty. Use a name, or remove the field.',
        "string_too_long": lambda found, ctx: (
            f"Too long: {found} must have at most {ctx['max_length']} characters. Shorten it."
        ),
        "string_pattern_mismatch": lambda found, ctx: f"Invalid value: {found}: {_PATTERNS[ctx['pattern']]}",
    }
)
