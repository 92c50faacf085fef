"""The hyperparameters of an Experiment, as its author writes them."""

import math
from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from toprung.api.crd.cel import CelRule, validations
from toprung.api.messages import shown
from toprung.api.v1alpha1.base import Model, ParameterValue
from toprung.errors import FieldError

ParameterName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$", max_length=63)]
ValueKey = tuple[bool, ParameterValue]
Choices = Annotated[tuple[ParameterValue, ...], Field(min_length=1, max_length=256)]


class When(Model):
    """The parameter exists only where another one has one of these values."""

    parameter: ParameterName
    """The name of the parameter that decides; ordinal or categorical."""
    in_: Annotated[Choices, Field(alias="in")]
    """The values of that parameter for which this one is active."""

    @cached_property
    def keys(self) -> frozenset[ValueKey]:
        """The keys of the values, for membership."""
        return frozenset(map(key_of, self.in_))


STEP_TOLERANCE = 1e-6
"""How far (max - min) / step may be from a whole number, for decimal fractions that binary cannot hold."""
MAX_EXACT_INT = 2**53
"""Largest bound of an int parameter: beyond it a double skips integers."""

MAX_HALF_SPAN = 8.9e307
"""Half of the largest max - min: twice as much is still a double."""

_RULES = (
    CelRule(
        "self.type in ['ordinal', 'categorical'] || (has(self.min) && has(self.max))",
        message="a range needs both min and max; write them, or type: categorical with values",
        reason="FieldValueRequired",
    ),
    CelRule(
        # values hold any scalar, so that the schema gives them no type and CEL sees them through dyn() alone
        "self.type in ['double', 'int'] || has(dyn(self).values)",
        message="an ordinal or categorical parameter needs values, such as values: [32, 64]; or write type: double",
        path=".values",
        reason="FieldValueRequired",
    ),
    CelRule(
        "self.type in ['ordinal', 'categorical'] || !has(dyn(self).values)",
        message="a range takes min and max, not values; write type: ordinal or type: categorical to list values",
        path=".values",
    ),
    CelRule(
        "self.type in ['double', 'int'] "
        "|| (!has(self.min) && !has(self.max) && !has(self.step) && self.scale != 'log')",
        message="an ordinal or categorical parameter takes values only; remove min, max, step and scale",
    ),
    CelRule(
        "!has(self.min) || !has(self.max) || self.min <= self.max",
        message="min must not be above max; swap them",
        path=".min",
    ),
    CelRule(
        f"!has(self.min) || !has(self.max) || self.max / 2.0 - self.min / 2.0 <= {MAX_HALF_SPAN!r}",
        message="max - min is above the largest number; write bounds that are closer together",
        path=".max",
    ),
    CelRule(
        "self.type != 'int' || !has(self.min) || double(int(self.min)) == self.min",
        message="the bounds of an int parameter are whole numbers; write type: double for fractions",
        path=".min",
    ),
    CelRule(
        "self.type != 'int' || !has(self.max) || double(int(self.max)) == self.max",
        message="the bounds of an int parameter are whole numbers; write type: double for fractions",
        path=".max",
    ),
    CelRule(
        "self.type != 'int' || !has(self.step) || double(int(self.step)) == self.step",
        message="the step of an int parameter is a whole number; write type: double for fractions",
        path=".step",
    ),
    CelRule(
        "self.scale != 'log' || !has(self.min) || self.min > 0.0",
        message="scale log needs min above 0; write a small positive min, or scale: linear",
        path=".min",
    ),
    CelRule(
        "self.scale != 'log' || !has(self.step)",
        message="step does not go with scale log; remove step, or write scale: linear",
        path=".step",
    ),
    CelRule(
        "!has(self.step) || !has(self.min) || !has(self.max) || "
        "[(double(self.max) - double(self.min)) / double(self.step)]"
        ".all(n, n - double(int(n + 0.5)) < 0.000001 && n - double(int(n + 0.5)) > -0.000001)",
        message="step must divide max - min; choose a max that is min + a multiple of step",
        path=".step",
    ),
)


class Parameter(Model):
    """One dimension of the search space.

    ``double`` and ``int`` take min and max, and scale or step; ``ordinal`` and ``categorical`` take values.
    """

    model_config = ConfigDict(json_schema_extra=validations(*_RULES))

    name: ParameterName
    """What the template calls it: ${parameters.NAME}."""
    type: Literal["double", "int", "ordinal", "categorical"]
    """double and int are ranges; ordinal is a list of values in order; categorical is a list with no order."""
    min: float | None = None
    """The smallest value, itself included."""
    max: float | None = None
    """The largest value, itself included."""
    scale: Literal["linear", "log"] = "linear"
    """log spreads the search evenly over orders of magnitude; min must then be above 0."""
    step: Annotated[float | None, Field(gt=0)] = None
    """Values are min, min + step, min + 2 step, ...; must divide max - min. Not with scale log."""
    values: Choices | None = None
    """What an ordinal or categorical parameter may be."""
    when: When | None = None
    """Makes the parameter conditional: it is absent where the condition does not hold."""

    @cached_property
    def keys(self) -> frozenset[ValueKey]:
        """The keys of the values of an ordinal or categorical parameter, for membership."""
        return frozenset(map(key_of, self.values or ()))

    @property
    def is_range(self) -> bool:
        """Whether it has min and max, not a list of values."""
        return self.type in ("double", "int")

    def cross_field_errors(self) -> Iterable[FieldError]:
        """Check the fields against each other."""
        if not self.is_range:
            yield from _listed_errors(self)
            return
        if self.values is not None:
            yield FieldError(
                "values", f"type {self.type} takes min and max; write type: ordinal or categorical for values"
            )
        if self.min is None or self.max is None:
            missing = "min and max" if self.min is self.max else "min" if self.min is None else "max"
            yield FieldError("", f"type {self.type} needs {missing}; write it, or type: categorical with values")
            return
        yield from _range_errors(self, self.min, self.max)


def key_of(value: ParameterValue) -> ValueKey:
    """Give what values are told apart by: 1 and 1.0 are one JSON number, true is not 1."""
    return isinstance(value, bool), value


def step_index(low: float, step: float, value: float) -> int | None:
    """Count the steps from `low` to `value`; None where the value is not on the grid."""
    steps = (value - low) / step
    if not abs(steps) < MAX_EXACT_INT or abs(steps - round(steps)) >= STEP_TOLERANCE:
        return None
    return round(steps)


def _listed_errors(parameter: Parameter) -> Iterable[FieldError]:
    for field in ("min", "max", "step"):
        if (value := getattr(parameter, field)) is not None:
            yield FieldError(
                field, f"{value:g} means nothing for type {parameter.type}; remove it, or write type: double"
            )
    if parameter.scale == "log":
        yield FieldError("scale", f"log means nothing for type {parameter.type}; remove it, or write type: double")
    if parameter.values is None:
        yield FieldError("values", f"type {parameter.type} needs a list of values, such as values: [32, 64]")
    seen = set()
    for i, value in enumerate(parameter.values or ()):
        if key_of(value) in seen:
            yield FieldError(f"values[{i}]", f"{shown(value)} is there already; remove it")
        seen.add(key_of(value))


def _range_errors(parameter: Parameter, low: float, high: float) -> Iterable[FieldError]:
    if high / 2 - low / 2 > MAX_HALF_SPAN:
        span = f"max - min is above the largest number, {MAX_HALF_SPAN * 2:.4g}"
        yield FieldError("max", f"Invalid value: {span}. Write bounds that are closer together.")
    if low > high:
        yield FieldError("min", f"{low:g} is above max {high:g}; swap them")
    if parameter.scale == "log" and low <= 0:
        yield FieldError("min", f"{low:g} has no logarithm; write a small positive min, or scale: linear")
    whole = tuple(_whole_errors(parameter)) if parameter.type == "int" else ()
    yield from whole
    if parameter.step is not None and low <= high and not whole:
        yield from _step_errors(parameter, low, high, parameter.step)


def _whole_errors(parameter: Parameter) -> Iterable[FieldError]:
    for field in ("min", "max", "step"):
        value = getattr(parameter, field)
        if value is not None and not value.is_integer():
            yield FieldError(field, f"{value:g} is not a whole number; write {round(value)}, or type: double")
        elif value is not None and abs(value) > MAX_EXACT_INT:
            yield FieldError(field, f"{value:g} is beyond 2^53; write a smaller bound, or type: double")


def _step_errors(parameter: Parameter, low: float, high: float, step: float) -> Iterable[FieldError]:
    if parameter.scale == "log":
        yield FieldError("step", f"{step:g} does not go with scale log; remove step, or write scale: linear")
    elif step_index(low, step, high) is None:
        steps = (high - low) / step
        fitting = f"; write max: {low + math.floor(steps) * step:.10g}" if 1 <= steps < MAX_EXACT_INT else ""
        yield FieldError("step", f"{step:g} does not divide max - min = {high - low:g}{fitting}")
