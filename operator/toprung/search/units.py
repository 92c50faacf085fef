"""Configurations as points of the unit cube, for models that compute with plain numbers."""

import math

from toprung.api.v1alpha1.base import ParameterValue
from toprung.search.domains import Categorical, Domain, Double, Int, Ordinal


def ordered(domain: Domain) -> bool:
    """Whether values of the domain can be nearer or farther: everything but a list without order."""
    return not isinstance(domain, Categorical) or isinstance(domain, Ordinal)


def unit(domain: Domain, value: ParameterValue) -> float:
    """Give the place of a value in [0, 1], even on the domain's scale; the middle of what `Domain.at` gives it for.

    Raises:
        ValueError: the value is not one of the domain's.
    """
    position = domain.position(value)
    match domain:
        case Double(count=None):
            return _between(domain.low, domain.high, position, log=domain.log)
        case Int(log=True):
            return _between(domain.low - 0.5, domain.high + 0.5, domain.low + position, log=True)
    return (position + 0.5) / (domain.count or 1)


def _between(low: float, high: float, number: float, *, log: bool) -> float:
    if log:
        low, high, number = math.log(low), math.log(high), math.log(number)
    if low == high:  # neighbouring floats may have the same logarithm
        return 0.5
    return min(max((number - low) / (high - low), 0.0), 1.0)
