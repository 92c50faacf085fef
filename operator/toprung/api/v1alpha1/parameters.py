"""The search space of an Experiment: its parameters."""

from functools import cached_property
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from toprung.api.v1alpha1.base import Model, ParameterValue
from toprung.api.v1alpha1.cross_field import CrossFieldRule
from toprung.api.v1alpha1.parameter_rules import PARAMETER_RULES, ValueKey, key_of

PARAMETER_NAME = r"^[A-Za-z_][A-Za-z0-9_.-]*$"
ParameterName = Annotated[str, Field(pattern=PARAMETER_NAME, max_length=63)]
Choices = Annotated[tuple[ParameterValue, ...], Field(min_length=1, max_length=256)]
ParameterAssignments = Annotated[dict[ParameterName, ParameterValue], Field(max_length=64)]
"""Name of a parameter -> its value in one configuration."""


class When(Model):
    """The condition under which a parameter is active: another parameter has one of the listed values."""

    parameter: ParameterName
    """Name of the other parameter. It has type ordinal or categorical."""
    in_: Annotated[Choices, Field(alias="in")]
    """Values of the other parameter for which this parameter is active."""

    @cached_property
    def keys(self) -> frozenset[ValueKey]:
        """Return the keys of the values, for membership."""
        return frozenset(map(key_of, self.in_))


class Parameter(Model):
    """One dimension of the search space. Types double and int use min and max; ordinal and categorical use values."""

    RULES: ClassVar[tuple[CrossFieldRule, ...]] = PARAMETER_RULES

    name: ParameterName
    """Name of the parameter. The template refers to it as ${parameters.NAME}."""
    type: Literal["double", "int", "ordinal", "categorical"]
    """double and int are ranges. ordinal is an ordered list of values. categorical is an unordered list of values."""
    min: float | None = None
    """Smallest value, inclusive."""
    max: float | None = None
    """Largest value, inclusive."""
    scale: Literal["linear", "log"] = "linear"
    """log searches evenly over orders of magnitude, and requires min above 0."""
    step: Annotated[float | None, Field(gt=0)] = None
    """Distance between two values: min, min + step, min + 2 step and so on. Must divide max - min. Not used with scale
    log."""
    values: Choices | None = None
    """Values of an ordinal or categorical parameter."""
    when: When | None = None
    """Makes the parameter conditional. A configuration contains it only while the condition holds."""

    @cached_property
    def keys(self) -> frozenset[ValueKey]:
        """Return the keys of the values of an ordinal or categorical parameter, for membership."""
        return frozenset(map(key_of, self.values or ()))

    @property
    def is_range(self) -> bool:
        """Return whether the parameter has min and max instead of values."""
        return self.type in ("double", "int")
