"""From pydantic's errors to errors: where in Kubernetes' notation, what was found, what to write instead."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from toprung.api.messages import bounded, shown
from toprung.api.v1alpha1.base import CrossFieldErrors, Model
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
        "trialParameters": "${parameters.NAME} in the template; nothing else is needed",
        "metricsCollectorSpec": "metrics: {stdout: {}}",
        "resumePolicy": "nothing; raise maxTrialCount to go on after the end",
    }
)
"""What authors of Katib's Experiments write -> what to write here."""
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
    """Give the errors behind an error that validating `model` raised; paths start with `prefix`."""
    errors = error.errors(include_url=False)
    own = (details for details in errors if not _echo(details, errors))
    return bounded(error for details in own for error in _field_errors(details, model, prefix))


def unknown_fields(error: ValidationError) -> tuple[Location, ...]:
    """Give where the model met fields that it does not know."""
    return tuple(details["loc"] for details in error.errors() if details["type"] == "extra_forbidden")


def reached_root(error: ValidationError) -> bool:
    """Return whether the rules between the fields of the model itself were checked."""
    return any(not details["loc"] for details in error.errors(include_url=False, include_input=False))


def field_path(prefix: str, location: Location) -> str:
    """Write a location as Kubernetes does: ``spec.parameters[2].min``."""
    path = prefix
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return path


def _echo(details: ErrorDetails, errors: Sequence[ErrorDetails]) -> bool:
    """Whether a list counts as short only because its items are bad."""
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
        return FieldError(path, f"there is no field {shown(name)}; write {KATIB_NAMES[name]}")
    for length in range(len(location) - 2, -1, -1):
        if name in _fields(location[:length], model):
            outer = field_path(prefix, (*location[:length], name))
            return FieldError(path, f"there is no field {shown(name)} here; write {outer} instead")
    known = tuple(_fields(location[:-1], model))
    if FORMER_NAMES.get(name) in known:
        return FieldError(path, f"there is no field {shown(name)}; write {FORMER_NAMES[name]}")
    return FieldError(path, f"there is no field {shown(name)}", name, known)


def _fields(location: Location, model: type[BaseModel]) -> list[str]:
    """Name the fields of the model at a location."""
    current: type[BaseModel] | None = model
    for step in location:
        if isinstance(step, str) and current is not None:
            fields = {field.alias or name: field for name, field in current.model_fields.items()}
            current = _model_in(fields[step].annotation) if step in fields else None
    return [field.alias or name for name, field in current.model_fields.items()] if current else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def _message(details: ErrorDetails, known: Sequence[str]) -> str:
    value, place = details["input"], details["loc"][-1] if details["loc"] else ""
    if details["type"] in _NO_OBJECT:
        fields = (
            f"fields below it: {', '.join(known)}" if known else _EXAMPLES.get(place, "fields below it, as NAME: VALUE")
        )
        return f"{shown(value)} is not an object; write {fields}"
    if details["type"] in _NO_INTEGER and isinstance(value, float) and value.is_integer():
        extreme = "large" if value > 0 else "small"
        return f"{shown(value)} is too {extreme}; write a whole number of at most {_MAX_DIGITS} digits"
    if details["type"] in _TYPES:
        wanted, example = _TYPES[details["type"]]
        return f"{shown(value)} is not {wanted}; write {example(value)}"
    write = _MESSAGES.get(details["type"])
    return write(shown(value), details.get("ctx", {})) if write is not None else f"{shown(value)}: {details['msg']}"


def _text(value: Any) -> str:
    if isinstance(value, list | dict):
        return f"{shown(value[0])} alone" if isinstance(value, list) and _is_one_text(value) else "one text"
    return f"it in quotes: {shown(str(shown(value)))}" if value is not None else "one in quotes"


def _is_one_text(value: list[Any]) -> bool:
    return len(value) == 1 and isinstance(value[0], str)


def _unquoted(pattern: str, example: str) -> Callable[[Any], str]:
    """Return the advice for a value that is quoted although it must not be."""
    compiled = re.compile(pattern)

    def advise(value: Any) -> str:
        quoted = isinstance(value, str) and compiled.fullmatch(value[:_MAX_QUOTED])
        return f"{value} without quotes" if quoted and len(value) < _MAX_QUOTED else example

    return advise


def _whole(value: Any) -> str:
    if isinstance(value, float) and abs(value) < _MAX_WHOLE:
        return " or ".join(dict.fromkeys((str(math.floor(value)), str(math.ceil(value)))))
    return _unquoted("-?[0-9]+", "one such as 3")(value)


_MAX_QUOTED = 20
"""Characters of a quoted number that a message repeats."""
_MAX_WHOLE = 10**15
_MAX_DIGITS = 15
_WHOLE = ("a whole number", _whole)
_NO_INTEGER = ("int_type", "int_from_float")
_NO_OBJECT = ("model_type", "model_attributes_type", "dict_type")
_EXAMPLES: Mapping[str | int, str] = MappingProxyType(
    {
        "template": "{spec: {containers: [{name: train, image: ...}]}}",
        "volume": "a volume source such as {persistentVolumeClaim: {claimName: ckpt}}",
    }
)
"""Field of an object without a fixed list of fields -> what to write there."""
_TYPES: Mapping[str, tuple[str, Callable[[Any], str]]] = MappingProxyType(
    {
        "string_type": ("a text", _text),
        "bool_type": ("true or false", _unquoted("true|false", "true or false")),
        "float_type": ("a number", _unquoted(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?", "one such as 0.1")),
        "int_type": _WHOLE,
        "int_from_float": _WHOLE,
    }
)
"""Type of an error -> what the value must be, and what to write instead of it."""


def _of_type(wanted: str, example: str) -> Callable[[str, Mapping[str, Any]], str]:
    return lambda found, _: f"{found} is not {wanted}; write {example}"


_LIST = _of_type("a list", "it as [a, b], or one - a line")

_MESSAGES: Mapping[str, Callable[[str, Mapping[str, Any]], str]] = MappingProxyType(
    {
        # json.dumps has written it, so that only its depth can be wrong
        "json_invalid": lambda _, __: "Invalid value: is nested too deeply. Remove the inner levels.",
        "missing": lambda _, __: "is missing; write it",
        "literal_error": lambda found, ctx: f"{found} is unknown; write " + ctx["expected"].replace("'", '"'),
        "finite_number": _of_type("finite", "a number such as 0.1"),
        "tuple_type": _LIST,
        "list_type": _LIST,
        "greater_than": lambda found, ctx: f"{found} is too small; write more than {ctx['gt']:g}",
        "greater_than_equal": lambda found, ctx: f"{found} is too small; write at least {ctx['ge']}",
        "less_than_equal": lambda found, ctx: f"{found} is too large; write at most {ctx['le']}",
        "too_short": lambda _, ctx: f"has {ctx['actual_length']} items; write at least {ctx['min_length']}",
        "too_long": lambda _, ctx: f"has more than {ctx['max_length']} items; write at most {ctx['max_length']}",
        "string_too_long": lambda found, ctx: f"{found} is too long; write at most {ctx['max_length']} characters",
        "string_pattern_mismatch": lambda found, ctx: (
            f"{found} is not allowed; write it by the pattern {ctx['pattern']}"
        ),
    }
)
