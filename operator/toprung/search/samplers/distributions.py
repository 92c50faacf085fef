"""Parameters in Optuna's words: distributions, and values as the numbers that they are of."""

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from toprung.api.base import ParameterValue
from toprung.search.domains import Domain, Double, Int
from toprung.search.units import ordered


def distribution(domain: Domain) -> BaseDistribution:
    """Say in Optuna's words what the positions of a domain are; a logarithmic int is its own position."""
    match domain:
        case Double(count=None):
            return FloatDistribution(domain.low, domain.high, log=domain.log)
        case Int(log=True):
            return IntDistribution(domain.low, domain.high, log=True)
    if not ordered(domain):
        return CategoricalDistribution(range(domain.count or 1))
    return IntDistribution(0, (domain.count or 1) - 1)


def internal(domain: Domain, position: float) -> float:
    """Say a position in Optuna's numbers: a logarithmic int stands for itself, everything else is its position."""
    return domain.low + position if isinstance(domain, Int) and domain.log else position


def external(domain: Domain, drawn: float) -> ParameterValue:
    """Turn what the distribution gave into a value of the domain; the inverse of :func:`internal`."""
    return int(drawn) if isinstance(domain, Int) and domain.log else domain.value(drawn)
