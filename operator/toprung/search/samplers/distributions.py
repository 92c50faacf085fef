"""Parameters in Optuna's words: distributions, and values as the numbers that they are of."""

from math import log

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from toprung.api.v1alpha1.base import ParameterValue
from toprung.search.domains import Domain, Double, Int
from toprung.search.units import ordered, unit


class Positions(CategoricalDistribution):
    """The positions of a list: each is its own internal representation, where Optuna searches the list."""

    def to_internal_repr(self, param_value_in_external_repr: object) -> float:
        """Return the position itself."""
        return float(param_value_in_external_repr)  # type: ignore[arg-type]


_LARGEST, _SMALLEST, _SMALLEST_LOG = 1e300, 1e-300, 1e-9


def distribution(domain: Domain) -> BaseDistribution:
    """Return the distribution of a domain's positions; a logarithmic int is its own position."""
    match domain:
        case Double(count=None) if _extreme(domain):
            return FloatDistribution(0.0, 1.0)
        case Double(count=None):
            return FloatDistribution(domain.low, domain.high, log=domain.log)
        case Int(log=True):
            return IntDistribution(domain.low, domain.high, log=True)
    if not ordered(domain):
        return Positions(range(domain.count or 1))
    return IntDistribution(0, (domain.count or 1) - 1)


def internal(domain: Domain, position: float) -> float:
    """Return the number that Optuna computes with: a logarithmic int itself, of anything else its position."""
    if isinstance(domain, Double) and domain.count is None and _extreme(domain):
        return unit(domain, position)
    return domain.low + position if isinstance(domain, Int) and domain.log else position


def external(domain: Domain, drawn: float) -> ParameterValue:
    """Return the value for what the distribution gave; the inverse of :func:`internal`."""
    if isinstance(domain, Double) and domain.count is None and _extreme(domain):
        return domain.at(drawn)
    return int(drawn) if isinstance(domain, Int) and domain.log else domain.value(drawn)


def _extreme(domain: Double) -> bool:
    """Whether sums of the bounds, or a hundredth of the range, are beyond what a float can be."""
    if domain.log:
        return log(domain.high) - log(domain.low) < _SMALLEST_LOG
    return max(-domain.low, domain.high) > _LARGEST or domain.high - domain.low < _SMALLEST
