"""Rules between the parameters of a search space, and between the space and a configuration."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from toprung.api.crd.cel import CelRule
from toprung.api.messages import shown
from toprung.api.names import parameter_variable
from toprung.api.v1alpha1.base import ParameterValue
from toprung.api.v1alpha1.parameters import Parameter, key_of, step_index
from toprung.errors import FieldError

_MAX_LISTED = 8
"""Values that a message lists."""

RULES = (
    CelRule(
        "self.all(p, !has(p.when) || self.exists(q, q.name == p.when.parameter && q.name != p.name "
        "&& q.type in ['ordinal', 'categorical']))",
        message="when.parameter must name another parameter of type ordinal or categorical",
        reason="FieldValueInvalid",
    ),
    CelRule(
        "self.all(p, !has(p.when) || !self.exists(q, q.name == p.when.parameter && has(q.when) "
        "&& q.when.parameter == p.name))",
        message="two parameters depend on each other by when; remove one of the two",
    ),
)


def validate_space(
    parameters: Mapping[int, Parameter], unreadable: frozenset[str] = frozenset()
) -> Iterator[FieldError]:
    """Check the parameters against each other.

    Args:
        parameters: index in spec.parameters -> parameter; those that could not be read are left out.
        unreadable: names of those, so that references to them count as good.
    """
    yield from _name_errors(parameters)
    by_name = first_by_name(parameters)
    for i, parameter in parameters.items():
        if parameter.when is not None and parameter.when.parameter not in unreadable:
            for error in _when_errors(parameter, by_name):
                yield error.prefixed(f"parameters[{i}].when.")
    yield from _circle_errors(parameters, by_name)


def first_by_name(parameters: Mapping[int, Parameter]) -> Mapping[str, Parameter]:
    """Give the parameters by name; where a name is there twice, the first."""
    return {parameter.name: parameter for _, parameter in sorted(parameters.items(), reverse=True)}


def validate_configuration(
    configuration: Mapping[str, ParameterValue],
    parameters: Mapping[str, Parameter],
    unreadable: frozenset[str] = frozenset(),
) -> Iterator[FieldError]:
    """Check that a configuration, which may leave parameters out, lies in the space; paths are parameters' names."""
    known = tuple(sorted(parameters.keys() | unreadable))
    for name, value in configuration.items():
        if name in unreadable:
            continue
        if name not in parameters:
            yield FieldError(name, f"no parameter is called {shown(name)}", name, known)
        elif message := value_error(parameters[name], value) or _inactive(parameters[name], configuration):
            yield FieldError(name, message)


def value_error(parameter: Parameter, value: ParameterValue) -> str:
    """Say why a parameter can't have a value; "" where it can."""
    if not parameter.is_range:
        values = parameter.values or ()
        if key_of(value) in parameter.keys:
            return ""
        return f"{shown(value)} is not one of {_listed(values)}"
    if isinstance(value, bool | str) or (parameter.type == "int" and value != int(value)):
        kind = "whole number" if parameter.type == "int" else "number"
        return f"{shown(value)} is not a {kind}; parameter {parameter.name} has type {parameter.type}"
    return _range_error(parameter, value)


def _range_error(parameter: Parameter, value: float) -> str:
    low, high = parameter.min, parameter.max
    if low is None or high is None:
        return ""
    if not low <= value <= high:
        return f"{shown(value)} is outside {low:g} to {high:g}; write a value between them, or widen the range"
    if parameter.step is not None and step_index(low, parameter.step, value) is None:
        near = low + round((value - low) / parameter.step) * parameter.step
        return f"{shown(value)} is not min + a multiple of step {parameter.step:g}; write {near:.10g}"
    return ""


def _inactive(parameter: Parameter, configuration: Mapping[str, ParameterValue]) -> str:
    when = parameter.when
    if when is None:
        return ""
    need = f"{when.parameter}: {_listed(when.in_)}"
    if when.parameter not in configuration:
        return f"{parameter.name} exists only with {need}; write {when.parameter} as well"
    value = configuration[when.parameter]
    if key_of(value) in when.keys:
        return ""
    return f"{parameter.name} exists only with {need}, not with {shown(value)}; remove it"


def _name_errors(parameters: Mapping[int, Parameter]) -> Iterator[FieldError]:
    names: dict[str, int] = {}
    variables: dict[str, int] = {}
    for i, parameter in parameters.items():
        name, variable = parameter.name, parameter_variable(parameter.name)
        path = f"parameters[{i}].name"
        if name in names:
            yield FieldError(path, f"{shown(name)} is the name of parameters[{names[name]}] too; rename one of them")
        elif variable in variables:
            both = f"{shown(name)} and {shown(parameters[variables[variable]].name)}"
            yield FieldError(path, f"{both} would both be the variable {variable}; rename one of them")
        names.setdefault(name, i)
        variables.setdefault(variable, i)


def _when_errors(parameter: Parameter, by_name: Mapping[str, Parameter]) -> Iterator[FieldError]:
    when = parameter.when
    if when is None or when.parameter == parameter.name:
        return
    decider = by_name.get(when.parameter)
    if decider is None:
        others = tuple(sorted(by_name.keys() - {parameter.name}))
        yield FieldError("parameter", f"no parameter is called {shown(when.parameter)}", when.parameter, others)
        return
    if decider.is_range:
        found = f"{shown(decider.name)} has type {decider.type}"
        yield FieldError("parameter", f"{found}; name an ordinal or categorical parameter")
        return
    for i, value in enumerate(when.in_):
        if message := value_error(decider, value):
            yield FieldError(f"in[{i}]", f"{message}, the values of {decider.name}")


def _circle_errors(parameters: Mapping[int, Parameter], by_name: Mapping[str, Parameter]) -> Iterator[FieldError]:
    reported: set[str] = set()
    for i, parameter in parameters.items():
        circle = _circle(parameter.name, by_name)
        if circle and parameter.name not in reported:
            reported.update(circle)
            way = " -> ".join((*circle, parameter.name))
            yield FieldError(f"parameters[{i}].when.parameter", f"depends on itself ({way}); remove one of these when")


def _circle(start: str, by_name: Mapping[str, Parameter]) -> Sequence[str]:
    """Follow `when` from a parameter; give the way if it leads back."""
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
