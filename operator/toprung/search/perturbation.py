"""Perturbs configurations for population based training.

Source: Jaderberg et al., *Population Based Training of Neural Networks* (arXiv:1711.09846): perturb by a factor, or
resample from the prior.
"""

from toprung.api.v1alpha1.base import ParameterValue
from toprung.search.domains import Categorical, Domain, Double, Int
from toprung.search.space import Dimension, Space
from toprung.search.types import Configuration
from toprung.seeds import derive

_BITS = 64


def explore(
    space: Space, configuration: Configuration, seed: int, *, resample_probability: float, factors: tuple[float, ...]
) -> Configuration:
    """Return a configuration of the space near another one.

    Numbers are multiplied by one of the factors, clipped to their bounds and rounded to their steps, where they move
    by at least one step. Values of a list become a neighbor, or stay if there is none. Parameters that become
    active are drawn from the prior, as are others with probability `resample_probability`.

    Args:
        space: of the configuration.
        configuration: active parameters only.
        seed: the choices depend only on it and the other arguments.
        resample_probability: probability that a parameter is drawn from the prior.
        factors: above 0; one is drawn for each number.
    """

    def choose(dimension: Dimension) -> ParameterValue:
        name, domain = dimension.name, dimension.domain
        if name not in configuration or _unit(seed, name, "resample") < resample_probability:
            return domain.at(_unit(seed, name, "value"))
        draw = derive(seed, name, "perturb")
        return _perturbed(domain, configuration[name], factors[draw % len(factors)], up=bool(draw >> (_BITS - 1)))

    return space.complete(choose)


def _perturbed(domain: Domain, value: ParameterValue, factor: float, *, up: bool) -> ParameterValue:
    match domain:
        case Double() | Int():
            return _scaled(domain, float(value), factor)
        case Categorical():
            return domain.value(_clipped(domain.position(value) + (1 if up else -1), domain.count))
    raise TypeError(f"no such kind of domain: {domain!r}")


def _scaled(domain: Double | Int, number: float, factor: float) -> ParameterValue:
    if domain.count is None:
        return domain.value(number * factor)
    step = domain.step or 1
    old, new = (
        round((min(max(each, domain.low), domain.high) - domain.low) / step) for each in (number, number * factor)
    )
    if new == old and factor != 1:
        new = old + (1 if (factor > 1) == (number >= 0) else -1)
    return domain.value(_clipped(new, domain.count))


def _clipped(position: float, count: int) -> float:
    return min(max(position, 0), count - 1)


def _unit(seed: int, *names: object) -> float:
    """Return a number in [0, 1)."""
    return (derive(seed, *names) >> 11) / 2**53
