"""Domains of parameters: four frozen kinds, all reachable from the unit interval.

A *position* is the number that stands for a value: the value itself for a continuous double, the index of the value for
everything else. Models compute with positions. Two configurations are equal if their positions are.
"""

import math
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Protocol

from toprung.api.messages import shown
from toprung.api.v1alpha1.base import ParameterValue
from toprung.api.v1alpha1.parameter_rules import key_of, step_index
from toprung.api.v1alpha1.parameters import Parameter

_SHOWN = 10
"""Number of values of a list that a message names."""


class Domain(Protocol):
    """The values of one parameter."""

    @property
    def count(self) -> int | None:
        """Return the number of values; None for a continuum."""
        ...

    def value(self, position: float) -> ParameterValue:
        """Return the value at a position, of the exact type of the manifest."""
        ...

    def position(self, value: ParameterValue) -> float:
        """Return the position of a value; the inverse of :meth:`value`.

        Raises:
            ValueError: the value is not in the domain.
        """
        ...

    def at(self, unit: float) -> ParameterValue:
        """Return the value at a quantile of the prior, `unit` in [0, 1): even on the scale, all indices alike."""
        ...


@dataclass(frozen=True)
class Double:
    """A range of floats, continuous or min, min + step, ..., on a linear or a log scale."""

    low: float
    high: float
    log: bool = False
    step: float | None = None

    @cached_property
    def count(self) -> int | None:
        """Return the number of values."""
        if self.low == self.high:
            return 1
        if self.step is None:
            return None
        return (step_index(self.low, self.step, self.high) or 0) + 1

    @cached_property
    def _decimals(self) -> tuple[Decimal, Decimal]:
        """Low and step as they were written, so that 3 x 0.1 is 0.3."""
        return Decimal(repr(self.low)), Decimal(repr(self.step or 0.0))

    def value(self, position: float) -> float:
        """Return the float at a position, clipped to the range in case of rounding errors."""
        if self.count is None:
            return min(max(float(position), self.low), self.high)
        low, step = self._decimals
        return min(float(low + int(position) * step), self.high)

    def position(self, value: ParameterValue) -> float:
        """Return the float itself, or the number of the step."""
        number = _number(value)
        if not self.low <= number <= self.high:
            raise ValueError(f"{value!r} is not within {self.low!r} and {self.high!r}")
        if self.count is None:
            return number
        if self.step is None:
            return 0
        if (steps := step_index(self.low, self.step, number)) is None:
            raise ValueError(f"{number!r} is not {self.low!r} plus a multiple of {self.step!r}")
        return steps

    def at(self, unit: float) -> float:
        """Return the value at a quantile, uniform over the range or over its logarithm."""
        if self.count is not None:
            return self.value(_index(unit, self.count))
        if self.log:
            return self.value(math.exp(_between(math.log(self.low), math.log(self.high), unit)))
        return self.value(_between(self.low, self.high, unit))


@dataclass(frozen=True)
class Int:
    """A range of ints, every one or min, min + step, ..., on a linear or a log scale."""

    low: int
    high: int
    log: bool = False
    step: int = 1

    @property
    def count(self) -> int:
        """Return the number of values."""
        return (self.high - self.low) // self.step + 1

    def value(self, position: float) -> int:
        """Return the int at a position."""
        return self.low + int(position) * self.step

    def position(self, value: ParameterValue) -> int:
        """Return the number of the step."""
        number = _number(value)
        if not self.low <= number <= self.high or number != int(number) or (int(number) - self.low) % self.step:
            raise ValueError(f"{value!r} is not one of {self.low}, {self.low + self.step}, ... up to {self.high}")
        return (int(number) - self.low) // self.step

    def at(self, unit: float) -> int:
        """Return the value at a quantile, even over the ints, or over the logarithm with half an int at both ends."""
        if not self.log:
            return self.value(_index(unit, self.count))
        number = round(math.exp(_between(math.log(self.low - 0.5), math.log(self.high + 0.5), unit)))
        return min(max(number, self.low), self.high)


@dataclass(frozen=True)
class Categorical:
    """A list of values without order."""

    values: tuple[ParameterValue, ...]

    @property
    def count(self) -> int:
        """Return the number of values."""
        return len(self.values)

    def value(self, position: float) -> ParameterValue:
        """Return the object of the list."""
        return self.values[int(position)]

    @cached_property
    def _indices(self) -> dict[tuple[bool, ParameterValue], int]:
        return {key_of(choice): index for index, choice in enumerate(self.values)}

    def position(self, value: ParameterValue) -> int:
        """Return the index. 1 equals 1.0, as in JSON, but 1 does not equal true."""
        index = self._indices.get(key_of(value))
        if index is None:
            raise ValueError(f"{shown(value)} is not one of {_listed(self.values)}")
        return index

    def at(self, unit: float) -> ParameterValue:
        """Return the value at a quantile; all values have equal shares."""
        return self.values[_index(unit, self.count)]


@dataclass(frozen=True)
class Ordinal(Categorical):
    """A list of values in order: models see the index as a number."""


def domain_of(parameter: Parameter) -> Domain:
    """Build the domain of one parameter of a valid Experiment."""
    if parameter.type == "ordinal":
        return Ordinal(parameter.values or ())
    if parameter.type == "categorical":
        return Categorical(parameter.values or ())
    low, high, log = parameter.min or 0.0, parameter.max or 0.0, parameter.scale == "log"
    if parameter.type == "int":
        return Int(int(low), int(high), log, int(parameter.step or 1))
    return Double(float(low), float(high), log, parameter.step)


def gridded(domain: Domain, points: int) -> Domain:
    """Divide a range without step that has more than `points` values into `points`, even on its scale, with ends."""
    match domain:
        case Double(count=None):
            return Ordinal(tuple(_even(domain, points)))
        case Int(step=1) if domain.count > points:
            return Ordinal(tuple(dict.fromkeys(round(number) for number in _even(domain, points))))
    return domain


def ordered(domain: Domain) -> bool:
    """Return whether the values have an order: every domain except a categorical one."""
    return not isinstance(domain, Categorical) or isinstance(domain, Ordinal)


def unit(domain: Domain, value: ParameterValue) -> float:
    """Return the place of a value in [0, 1], even on its scale: the middle of the units that `Domain.at` maps to it.

    Raises:
        ValueError: the value is not in the domain.
    """
    position = domain.position(value)
    match domain:
        case Double(count=None):
            return _fraction(domain.low, domain.high, position, log=domain.log)
        case Int(log=True):
            return _fraction(domain.low - 0.5, domain.high + 0.5, domain.low + position, log=True)
    return (position + 0.5) / (domain.count or 1)


def _fraction(low: float, high: float, number: float, *, log: bool) -> float:
    if log:
        low, high, number = math.log(low), math.log(high), math.log(number)
    if low == high:  # neighboring floats may have the same logarithm
        return 0.5
    return min(max((number - low) / (high - low), 0.0), 1.0)


def _even(domain: Double | Int, points: int) -> list[float]:
    """Return numbers from low to high; short ones where the scale is linear and the decimals allow it."""
    fractions = [k / (points - 1) for k in range(1, points - 1)]
    if domain.log:
        inner = [float(f"{math.exp(_between(math.log(domain.low), math.log(domain.high), f)):.6g}") for f in fractions]
    else:
        inner = [float(f"{_between(domain.low, domain.high, f):.12g}") for f in fractions]
    return [domain.low, *(min(max(number, domain.low), domain.high) for number in inner), domain.high]


def _listed(values: tuple[ParameterValue, ...]) -> str:
    """Format the first few values, since a list may have 256 long ones."""
    return ", ".join([*map(shown, values[:_SHOWN]), *(["..."] if len(values) > _SHOWN else [])])


def _index(unit: float, count: int) -> int:
    return min(int(unit * count), count - 1)


def _between(low: float, high: float, unit: float) -> float:
    return low + unit * (high - low)


def _number(value: ParameterValue) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is not a number")  # noqa: TRY004 - one kind of error for every wrong value
    return value
