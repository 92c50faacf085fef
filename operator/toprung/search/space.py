"""The search space: parameters, which of them are active, and how many configurations there are."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from itertools import accumulate
from math import isnan, nan, prod
from struct import Struct

from toprung.api.v1alpha1.base import ParameterValue
from toprung.api.v1alpha1.parameter_rules import key_of
from toprung.api.v1alpha1.parameters import Parameter
from toprung.search.domains import Domain, Ordinal, domain_of, gridded
from toprung.search.types import Configuration

Key = Hashable
"""Identifies a configuration: a digest of the positions of the active parameters, floats to the last bit."""
_SHORT = 2**15
"""Number of values below which a position takes two bytes."""


@dataclass(frozen=True)
class Activation:
    """A condition that holds if the parent is active and has one of the values."""

    parent: str
    values: tuple[ParameterValue, ...]

    def holds(self, configuration: Configuration) -> bool:
        """Return whether the condition holds in a configuration that has all ancestors of the parent."""
        return self.parent in configuration and self.allows(configuration[self.parent])

    def allows(self, value: ParameterValue) -> bool:
        """Return whether the condition allows this value of the parent."""
        return key_of(value) in self._keys

    @cached_property
    def _keys(self) -> frozenset[tuple[bool, ParameterValue]]:
        return frozenset(map(key_of, self.values))


@dataclass(frozen=True, slots=True)
class Dimension:
    """One parameter of the space."""

    name: str
    domain: Domain
    condition: Activation | None = None

    def active(self, configuration: Configuration) -> bool:
        """Return whether the parameter is active in this configuration."""
        return self.condition is None or self.condition.holds(configuration)


@dataclass(frozen=True)
class Space:
    """A forest of parameters: each depends on at most one other.

    Attributes:
        dimensions: parents before their children.
    """

    dimensions: tuple[Dimension, ...]

    @classmethod
    def of(cls, parameters: tuple[Parameter, ...]) -> "Space":
        """Build the space of the parameters of a valid Experiment."""
        parents = {parameter.name: parameter.when.parameter for parameter in parameters if parameter.when}
        dimensions = [
            Dimension(p.name, domain_of(p), Activation(p.when.parameter, p.when.in_) if p.when else None)
            for p in parameters
        ]
        return cls(tuple(sorted(dimensions, key=lambda dimension: _depth(dimension.name, parents))))

    def complete(self, choose: Callable[[Dimension], ParameterValue]) -> Configuration:
        """Build a configuration: choose a value for each active parameter, parents first."""
        configuration: dict[str, ParameterValue] = {}
        for dimension in self.dimensions:
            if dimension.active(configuration):
                configuration[dimension.name] = choose(dimension)
        return configuration

    def active(self, configuration: Configuration) -> tuple[str, ...]:
        """Return the names of the parameters that have a value and are active."""
        kept: dict[str, ParameterValue] = {}
        for dimension in self.dimensions:
            if dimension.name in configuration and dimension.active(kept):
                kept[dimension.name] = configuration[dimension.name]
        return tuple(kept)

    def positions(self, configuration: Configuration) -> Mapping[str, float]:
        """Return the position of each parameter. This also validates the configuration.

        Raises:
            ValueError: a value is outside its domain, an active parameter is missing, or a parameter is not active or
                not known.
        """
        found = {}
        for dimension in self.dimensions:
            if dimension.active(configuration):
                found[dimension.name] = _position(dimension, configuration)
        if surplus := configuration.keys() - found.keys():
            raise ValueError(f"{', '.join(sorted(surplus))}: no such parameter, or not active beside the others")
        return found

    def key(self, configuration: Configuration) -> Key | None:
        """Return the key of a configuration, unique in the space; None if it lies outside the space."""
        try:
            return digest(self.packed(configuration))
        except ValueError:
            return None

    def packed(self, configuration: Configuration) -> bytes:
        """Return the positions of all dimensions in a few bytes each; NaN or -1 for one that is not active.

        Raises:
            ValueError: the configuration is not in the space.
        """
        found = self.positions(configuration)
        row = (found[one.name] + 0 if one.name in found else idle for one, idle in self._idle)  # -0.0 + 0 is 0.0
        return self._row.pack(*row)

    def unpacked(self, row: bytes) -> dict[str, ParameterValue]:
        """Return the configuration: the inverse of :meth:`packed`."""
        positions = zip(self.dimensions, self._row.unpack(row), strict=True)
        return {
            one.name: one.domain.value(position)
            for one, position in positions
            if position >= 0 or _is_real(one, position)
        }

    def unpacked_value(self, row: bytes, name: str) -> ParameterValue:
        """Return one value of a packed configuration.

        Raises:
            KeyError: the parameter is not active, or not known.
        """
        dimension, struct, offset = self._columns[name]
        position = struct.unpack_from(row, offset)[0]
        if not position >= 0 and not _is_real(dimension, position):
            raise KeyError(name)
        return dimension.domain.value(position)

    @cached_property
    def _columns(self) -> dict[str, tuple[Dimension, Struct, int]]:
        structs = [Struct(f"<{letter}") for letter in self._row.format[1:]]
        offsets = accumulate((struct.size for struct in structs), initial=0)
        return {
            one.name: (one, struct, offset)
            for one, struct, offset in zip(self.dimensions, structs, offsets, strict=False)
        }

    @cached_property
    def _idle(self) -> tuple[tuple[Dimension, float], ...]:
        """The dimensions, with the placeholder for the position of an inactive one."""
        return tuple((one, nan if one.domain.count is None else -1) for one in self.dimensions)

    @cached_property
    def _row(self) -> Struct:
        return Struct("<" + "".join(_format(one.domain.count) for one in self.dimensions))

    def exact(self, values: Configuration) -> Configuration:
        """Return values with their exact types, which a conversion to JSON may have changed.

        Raises:
            ValueError: a value is outside its domain.
        """
        named = (one for one in self.dimensions if one.name in values)
        return {one.name: one.domain.value(_position(one, values)) for one in named}

    def fixed(self, values: Configuration) -> "Space":
        """Return the part of the space in which the named parameters have these values."""
        return Space(
            tuple(
                replace(one, domain=Ordinal((values[one.name],))) if one.name in values else one
                for one in self.dimensions
            )
        )

    def gridded(self, points: int) -> "Space":
        """Return the space with every range divided into finitely many values."""
        return Space(tuple(replace(one, domain=gridded(one.domain, points)) for one in self.dimensions))

    @cached_property
    def groups(self) -> tuple[tuple[Dimension, ...], ...]:
        """The groups of dimensions with the same condition, which are always active together; parents first."""
        conditions = dict.fromkeys(dimension.condition for dimension in self.dimensions)
        return tuple(tuple(one for one in self.dimensions if one.condition == each) for each in conditions)

    @cached_property
    def size(self) -> int | None:
        """The number of configurations; None if a continuous parameter makes it infinite."""
        sizes = [self._sizes[root.name] for root in self._roots]
        return None if None in sizes else prod(size for size in sizes if size is not None)

    @cached_property
    def repeats(self) -> bool:
        """Return whether two draws may be equal, because no continuous parameter is always active."""
        return all(one.domain.count is not None for one in self._roots)

    def endless(self, dimension: Dimension) -> tuple[ParameterValue, ...]:
        """Return the values of a parent with infinitely many configurations; empty if there are none."""
        if dimension.domain.count is None or self._sizes[dimension.name] is not None:
            return ()
        below = ((value, self._below(dimension, value)) for value in _values(dimension))
        return tuple(value for value, each in below if any(self._sizes[one.name] is None for one in each))

    def combination(self, rank: int) -> Configuration:
        """Return the configuration of that rank, 0 <= rank < size, in mixed radix, without building any other."""
        found: dict[str, ParameterValue] = {}
        self._unrank(self._roots, rank, found)
        return {one.name: found[one.name] for one in self.dimensions if one.name in found}

    def _unrank(self, siblings: tuple[Dimension, ...], rank: int, found: dict[str, ParameterValue]) -> None:
        for dimension in siblings:
            rank, own = divmod(rank, self._sizes[dimension.name] or 1)
            if dimension.name not in self._children:
                found[dimension.name] = dimension.domain.value(own)
                continue
            bounds = list(accumulate(self._weights(dimension), initial=0))
            position = next(k for k, bound in enumerate(bounds[1:]) if own < bound)
            found[dimension.name] = value = dimension.domain.value(position)
            self._unrank(self._below(dimension, value), own - bounds[position], found)

    @cached_property
    def _roots(self) -> tuple[Dimension, ...]:
        return tuple(one for one in self.dimensions if one.condition is None)

    @cached_property
    def _children(self) -> dict[str, tuple[Dimension, ...]]:
        parents = dict.fromkeys(one.condition.parent for one in self.dimensions if one.condition)
        return {
            parent: tuple(one for one in self.dimensions if one.condition and one.condition.parent == parent)
            for parent in parents
        }

    def _below(self, dimension: Dimension, value: ParameterValue) -> tuple[Dimension, ...]:
        children = self._children.get(dimension.name, ())
        return tuple(one for one in children if one.condition and one.condition.allows(value))

    @cached_property
    def _sizes(self) -> dict[str, int | None]:
        """The number of configurations in the subtree of each dimension; children are counted before their parents."""
        sizes: dict[str, int | None] = {}
        for dimension in reversed(self.dimensions):
            sizes[dimension.name] = dimension.domain.count
            if dimension.name in self._children:
                below = [one for value in _values(dimension) for one in self._below(dimension, value)]
                infinite = any(sizes[one.name] is None for one in below)
                sizes[dimension.name] = None if infinite else sum(self._count_below(dimension, sizes))
        return sizes

    def _weights(self, dimension: Dimension) -> Iterator[int]:
        return self._count_below(dimension, self._sizes)

    def _count_below(self, dimension: Dimension, sizes: Mapping[str, int | None]) -> Iterator[int]:
        """Yield the number of configurations of the children for each value of a parent."""
        for value in _values(dimension):
            yield prod(sizes[one.name] or 1 for one in self._below(dimension, value))


def digest(row: bytes) -> Key:
    """Return the key of a packed configuration."""
    return blake2b(row, digest_size=16).digest()


def _depth(name: str, parents: Mapping[str, str]) -> int:
    return 1 + _depth(parents[name], parents) if name in parents else 0


def _format(count: int | None) -> str:
    """Return the format of a position among that many values, for :mod:`struct`."""
    if count is None:
        return "d"
    return "h" if count < _SHORT else "q"


def _is_real(dimension: Dimension, position: float) -> bool:
    """Return whether a packed position below 0 is a value of a continuum."""
    return dimension.domain.count is None and not isnan(position)


def _values(dimension: Dimension) -> Iterator[ParameterValue]:
    return map(dimension.domain.value, range(dimension.domain.count or 0))


def _position(dimension: Dimension, configuration: Configuration) -> float:
    if dimension.name not in configuration:
        raise ValueError(f"{dimension.name} is missing")
    try:
        return dimension.domain.position(configuration[dimension.name])
    except ValueError as error:
        raise ValueError(f"{dimension.name}: {error}") from None
