"""Rules between the fields of one parameter of the search space."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from toprung.api.v1alpha1.cross_field import CrossFieldRule, duplicate_errors
from toprung.errors import FieldError

Scalar = bool | int | float | str
ValueKey = tuple[bool, Scalar]

STEP_TOLERANCE: Final = 1e-6
"""Largest distance of (max - min) / step from an integer. Binary floating point can't represent decimal fractions."""
MAX_EXACT_INT: Final = 2**53 - 1
"""Largest bound of an int parameter. Two integers or more round to each double above it."""
MAX_HALF_SPAN: Final = 8.9e307
"""Half of the largest max - min. Twice as much is still a double."""

_RANGES = ("double", "int")
_IS_RANGE = "self.type in ['double', 'int']"
_IS_LIST = "self.type in ['ordinal', 'categorical']"


def key_of(value: Scalar) -> ValueKey:
    """Return the key by which values differ: 1 and 1.0 are one JSON number, true is not 1."""
    return isinstance(value, bool), value


def step_index(low: float, step: float, value: float) -> int | None:
    """Count the steps from `low` to `value`; None if the value is not on the grid."""
    steps = (value - low) / step
    if not abs(steps) < MAX_EXACT_INT or abs(steps - round(steps)) >= STEP_TOLERANCE:
        return None
    return round(steps)


def _is_integral(value: float | None) -> bool:
    return value is None or value.is_integer()


def _divides(step: float | None, low: float | None, high: float | None, scale: str, type_: str) -> bool:
    """Return whether a step divides the range; true where another rule is violated that comes first."""
    if step is None or low is None or high is None or scale == "log" or low > high:
        return True
    inexact = type_ == "int" and not all(
        _is_integral(value) and abs(value) <= MAX_EXACT_INT for value in (step, low, high)
    )
    return inexact or step_index(low, step, high) is not None


def _suggest_max(step: float, low: float, high: float, _scale: str, _type: str) -> str:
    steps = (high - low) / step
    if steps < 1:
        return f"Use a step of at most max - min, {high - low:.10g}, or remove step."
    if steps < MAX_EXACT_INT:
        return f"Use max: {low + math.floor(steps) * step:.10g}."
    return "Use a larger step, or remove step."


def _duplicates(values: Sequence[Scalar] | None) -> Iterator[FieldError]:
    return duplicate_errors("values", values or (), key=key_of)


def _integer_rules(field: str) -> tuple[CrossFieldRule, CrossFieldRule]:
    applies = f"self.type != 'int' || !has(self.{field})"
    limit = f"{MAX_EXACT_INT}.0"
    return (
        CrossFieldRule(
            fields=(field, "type"),
            cel=f"{applies} || double(int(self.{field})) == self.{field}",
            holds=lambda value, type_: type_ != "int" or _is_integral(value),
            message="type int requires an integer",
            fix="Use an integer, or type: double.",
            suggest=lambda value, _: f"Use {round(value) or int(field == 'step')}, or type: double.",
        ),
        CrossFieldRule(
            fields=(field, "type"),
            cel=f"{applies} || (self.{field} <= {limit} && self.{field} >= -{limit})",
            holds=lambda value, type_: type_ != "int" or value is None or abs(value) <= MAX_EXACT_INT,
            message="type int requires an absolute value below 2^53",
            fix="Use a smaller value, or type: double.",
        ),
    )


PARAMETER_RULES = (
    CrossFieldRule(
        fields=("type", "min", "max"),
        path="",
        cel=f"{_IS_LIST} || (has(self.min) && has(self.max))",
        holds=lambda type_, low, high: type_ not in _RANGES or None not in (low, high),
        message="type double and type int require min and max",
        fix="Add them, or use type: categorical with values.",
        reason="FieldValueRequired",
    ),
    CrossFieldRule(
        fields=("values", "type"),
        # dyn: values are any scalars, so the schema gives them no type
        cel=f"{_IS_RANGE} || has(dyn(self).values)",
        holds=lambda values, type_: type_ in _RANGES or values is not None,
        message="type ordinal and type categorical require values",
        fix="Add a list such as values: [32, 64], or use type: double.",
        reason="FieldValueRequired",
    ),
    CrossFieldRule(
        fields=("values", "type"),
        cel=f"{_IS_LIST} || !has(dyn(self).values)",
        holds=lambda values, type_: type_ not in _RANGES or values is None,
        message="type double and type int do not use values",
        fix="Remove values, or use type: ordinal or type: categorical.",
        reason="FieldValueForbidden",
    ),
    *(
        CrossFieldRule(
            fields=(field, "type"),
            cel=f"{_IS_RANGE} || !has(self.{field})",
            holds=lambda value, type_: type_ in _RANGES or value is None,
            message=f"type ordinal and type categorical do not use {field}",
            fix=f"Remove {field}, or use type: double.",
            reason="FieldValueForbidden",
        )
        for field in ("min", "max", "step")
    ),
    CrossFieldRule(
        fields=("scale", "type"),
        cel=f"{_IS_RANGE} || self.scale != 'log'",
        holds=lambda scale, type_: type_ in _RANGES or scale != "log",
        message="type ordinal and type categorical do not use scale",
        fix="Remove scale, or use type: double.",
        reason="FieldValueForbidden",
    ),
    CrossFieldRule(
        fields=("min", "max"),
        cel="!has(self.min) || !has(self.max) || self.min <= self.max",
        holds=lambda low, high: low is None or high is None or low <= high,
        message="must not be above max",
        fix="Swap min and max.",
    ),
    CrossFieldRule(
        fields=("max", "min"),
        cel=f"!has(self.min) || !has(self.max) || self.max / 2.0 - self.min / 2.0 <= {MAX_HALF_SPAN!r}",
        holds=lambda high, low: low is None or high is None or high / 2 - low / 2 <= MAX_HALF_SPAN,
        message="max - min must not exceed the largest number",
        fix="Use bounds that are closer together.",
    ),
    *(rule for field in ("min", "max", "step") for rule in _integer_rules(field)),
    CrossFieldRule(
        fields=("min", "scale"),
        cel="self.scale != 'log' || !has(self.min) || self.min > 0.0",
        holds=lambda low, scale: scale != "log" or low is None or low > 0,
        message="scale log requires min above 0",
        fix="Use a small positive min, or scale: linear.",
    ),
    CrossFieldRule(
        fields=("step", "scale"),
        cel="self.scale != 'log' || !has(self.step)",
        holds=lambda step, scale: scale != "log" or step is None,
        message="scale log does not use step",
        fix="Remove step, or use scale: linear.",
        reason="FieldValueForbidden",
    ),
    CrossFieldRule(
        fields=("step", "min", "max", "scale", "type"),
        cel="!has(self.step) || !has(self.min) || !has(self.max) || self.scale == 'log' || self.min > self.max "
        "|| (self.type == 'int' && [self.step, self.min, self.max]"
        f".exists(n, n > {MAX_EXACT_INT}.0 || n < -{MAX_EXACT_INT}.0 || double(int(n)) != n)) "
        "|| [(double(self.max) - double(self.min)) / double(self.step)]"
        f".all(n, n - double(int(n + 0.5)) < {STEP_TOLERANCE:f} && n - double(int(n + 0.5)) > -{STEP_TOLERANCE:f})",
        holds=_divides,
        message="must divide max - min",
        fix="Use a max that is min plus a multiple of step.",
        suggest=_suggest_max,
    ),
    CrossFieldRule(
        fields=("values",),
        cel=None,
        no_cel="the schema gives values no type, and comparing untyped values exceeds the cost budget",
        find_errors=_duplicates,
        message="values must be unique",
        fix="Remove the duplicates.",
    ),
)
