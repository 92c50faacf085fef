"""The hyperparameters of an Experiment, as its author writes them."""

from typing import Annotated, Literal

from pydantic import Field

from toprung.api.base import Model, ParameterValue

ParameterName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$", max_length=63)]
Choices = Annotated[tuple[ParameterValue, ...], Field(min_length=1, max_length=256)]


class When(Model):
    """The parameter exists only where another one has one of these values."""

    parameter: ParameterName
    """The name of the parameter that decides; ordinal or categorical."""
    in_: Annotated[Choices, Field(alias="in")]
    """The values of that parameter for which this one is active."""


class Parameter(Model):
    """One dimension of the search space.

    ``double`` and ``int`` take min and max, and scale or step; ``ordinal`` and ``categorical`` take values.
    """

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
