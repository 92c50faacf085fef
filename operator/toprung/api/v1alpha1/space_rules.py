"""Rules between the parameters of a search space, and between the space and a configuration."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from toprung.api.messages import shown, use_quotes
from toprung.api.names import parameter_variable
from toprung.api.v1alpha1.base import ParameterValue
from toprung.api.v1alpha1.cross_field import CrossFieldRule
from toprung.api.v1alpha1.parameter_rules import key_of, step_index
from toprung.api.v1alpha1.parameters import Parameter
from toprung.errors import FieldError

_MAX_LISTED = 8
"""Values that a message lists."""
_DECIDER = "must be the name of another parameter of type ordinal or categorical"
_BOOLEANS = ("true", "false")
"""JSON forms of the keys that YAML reads as booleans."""
_TWO = 2
_CYCLE_OF_TWO = "two parameters must not depend on each other by when"
_LONG_CYCLE = "parameters must not form a cycle by when"


def first_by_name(parameters: Mapping[int, Parameter]) -> Mapping[str, Parameter]:
    """Return the parameters by name; of duplicates, the first."""
    return {parameter.name: parameter for _, parameter in sorted(parameters.items(), reverse=True)}


def validate_configuration(
    configuration: Mapping[str, ParameterValue],
    parameters: Mapping[str, Parameter],
    unreadable: frozenset[str] = frozenset(),
) -> Iterator[FieldError]:
    """Check that a configuration lies in the space. It may omit parameters. Paths are names of parameters."""
    known = tuple(sorted(parameters.keys() | unreadable))
    for name, value in configuration.items():
        if name in unreadable:
            continue
        if name not in parameters:
            yield _unknown_name(name, known)
        elif message := value_error(parameters[name], value) or _inactive(parameters[name], configuration):
            yield FieldError(name, message)


def _unknown_name(name: str, known: tuple[str, ...]) -> FieldError:
    message = f"Invalid value: no parameter is named {shown(name)}"
    if name in _BOOLEANS:
        return FieldError(name, f"{message}. {use_quotes(name == 'true')}")
    return FieldError(name, message, name, known)


def value_error(parameter: Parameter, value: ParameterValue) -> str:
    """Return why a value is invalid for a parameter; "" if it is valid."""
    if not parameter.is_range:
        if key_of(value) in parameter.keys:
            return ""
        supported = f"{parameter.name} has the values {_listed(parameter.values or ())}"
        return f"Unsupported value: {shown(value)}: {supported}. Use one of them."
    if isinstance(value, bool | str) or (parameter.type == "int" and value != int(value)):
        kind = "an integer" if parameter.type == "int" else "a number"
        return f"Invalid value: {shown(value)}: {parameter.name} has type {parameter.type}. Use {kind}."
    return _range_error(parameter, value)


def _range_error(parameter: Parameter, value: float) -> str:
    low, high = parameter.min, parameter.max
    if low is None or high is None:
        return ""
    if not low <= value <= high:
        return f"Invalid value: {shown(value)}: must be between min {low:g} and max {high:g}. Change it, min or max."
    if parameter.step is not None and step_index(low, parameter.step, value) is None:
        near = low + round((value - low) / parameter.step) * parameter.step
        return (
            f"Invalid value: {shown(value)}: must be min plus a multiple of step {parameter.step:g}. Use {near:.10g}."
        )
    return ""


def _inactive(parameter: Parameter, configuration: Mapping[str, ParameterValue]) -> str:
    """Return why a parameter is not active in a configuration; "" if it is."""
    when = parameter.when
    if when is None:
        return ""
    condition = f"{parameter.name} is active only with {when.parameter}: {_listed(when.in_)}"
    if when.parameter not in configuration:
        return f"Invalid value: {condition}. Add {when.parameter}."
    if key_of(configuration[when.parameter]) in when.keys:
        return ""
    return f"Forbidden: {condition}, not with {shown(configuration[when.parameter])}. Remove it."


def _name_errors(parameters: Mapping[int, Parameter]) -> Iterator[FieldError]:
    names: set[str] = set()
    variables: dict[str, str] = {}
    for i, parameter in parameters.items():
        name, variable = parameter.name, parameter_variable(parameter.name)
        path = f"parameters[{i}].name"
        if name in names:
            yield FieldError(path, f"Duplicate value: {shown(name)}. Rename one of the parameters.")
        elif variable in variables:
            other = f"{shown(variables[variable])} has the same environment variable {variable}"
            yield FieldError(path, f"Invalid value: {shown(name)}: {other}. Rename one of the parameters.")
        names.add(name)
        variables.setdefault(variable, name)


def _decider_errors(parameters: Mapping[int, Parameter], unreadable: frozenset[str]) -> Iterator[FieldError]:
    by_name = first_by_name(parameters)
    for i, parameter in parameters.items():
        when = parameter.when
        if when is None or when.parameter in unreadable:
            continue
        path, decider = f"parameters[{i}].when.parameter", by_name.get(when.parameter)
        if decider is None or decider.is_range or when.parameter == parameter.name:
            others = tuple(
                sorted(name for name, other in by_name.items() if not other.is_range and name != parameter.name)
            )
            yield FieldError(path, f"Invalid value: {shown(when.parameter)}: {_DECIDER}", when.parameter, others)


def _decider_value_errors(parameters: Mapping[int, Parameter]) -> Iterator[FieldError]:
    by_name = first_by_name(parameters)
    for i, parameter in parameters.items():
        decider = by_name.get(parameter.when.parameter) if parameter.when is not None else None
        if parameter.when is None or decider is None or decider.is_range:
            continue
        for k, value in enumerate(parameter.when.in_):
            if message := value_error(decider, value):
                yield FieldError(f"parameters[{i}].when.in[{k}]", message)


def _cycle_errors(parameters: Mapping[int, Parameter], *, long: bool) -> Iterator[FieldError]:
    """Return the cycles of two parameters, or those of more."""
    by_name = first_by_name(parameters)
    reported: set[str] = set()
    for i, parameter in parameters.items():
        cycle = _cycle(parameter.name, by_name)
        wanted = len(cycle) > _TWO if long else len(cycle) == _TWO
        if wanted and parameter.name not in reported:
            reported.update(cycle)
            path = f"parameters[{i}].when.parameter"
            names = " -> ".join((*cycle, parameter.name))
            message = _LONG_CYCLE if long else _CYCLE_OF_TWO
            yield FieldError(path, f"Invalid value: {shown(cycle[1])}: {message} ({names}). Remove one when.")


def _cycle(start: str, by_name: Mapping[str, Parameter]) -> Sequence[str]:
    """Follow `when` from a parameter; return the names on the way if it leads back."""
    way = [start]
    while (parameter := by_name.get(way[-1])) is not None and parameter.when is not None:
        following = parameter.when.parameter
        if following == start:
            return way
        if following in way:
            return ()
        way.append(following)
    return ()


def _listed(values: Iterable[ParameterValue]) -> str:
    first = list(islice(values, _MAX_LISTED + 1))
    return ", ".join(map(shown, first[:_MAX_LISTED])) + (", ..." if len(first) > _MAX_LISTED else "")


SPACE_RULES = (
    CrossFieldRule(
        fields=("parameters",),
        cel=None,
        no_cel="the schema has x-kubernetes-list-map-keys: [name]; CEL has no function for the environment variable",
        find_errors=_name_errors,
        message="names must be unique",
    ),
    CrossFieldRule(
        fields=("parameters", "unreadable"),
        path="",
        cel="self.all(p, !has(p.when) || self.exists(q, q.name == p.when.parameter && q.name != p.name "
        "&& q.type in ['ordinal', 'categorical']))",
        find_errors=_decider_errors,
        message=f"when.parameter {_DECIDER}",
        fix="Rename it, or remove when.",
    ),
    CrossFieldRule(
        fields=("parameters",),
        cel=None,
        no_cel="the schema gives values no type, and comparing untyped values exceeds the cost budget",
        find_errors=_decider_value_errors,
        message="when.in must list values of when.parameter",
    ),
    CrossFieldRule(
        fields=("parameters",),
        path="",
        cel="self.all(p, !has(p.when) || !self.exists(q, q.name == p.when.parameter && q.name != p.name "
        "&& has(q.when) && q.when.parameter == p.name))",
        find_errors=lambda parameters: _cycle_errors(parameters, long=False),
        message=_CYCLE_OF_TWO,
        fix="Remove one when.",
    ),
    CrossFieldRule(
        fields=("parameters",),
        cel=None,
        no_cel="each step of a cycle multiplies the cost by the number of parameters, which exceeds the cost budget",
        find_errors=lambda parameters: _cycle_errors(parameters, long=True),
        message=_LONG_CYCLE,
    ),
)
"""Rules between the parameters. `self` of their CEL is the list of parameters."""
