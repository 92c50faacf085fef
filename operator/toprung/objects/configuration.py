"""Stores configurations in little memory, and formats them: values that many trials share are kept once."""

from array import array
from collections.abc import Iterator, Mapping
from functools import lru_cache

from toprung.api.v1alpha1.base import ParameterValue

SHARED = 16384
"""Different values that are kept once for all trials; a categorical has at most 256 of them."""
LONGEST_SHARED = 1024
"""Characters of such a value; longer ones, which no Experiment can have, are kept with their trial alone."""


@lru_cache(maxsize=SHARED, typed=True)
def _interned(value: ParameterValue) -> ParameterValue:
    return value


def _shared(value: ParameterValue) -> ParameterValue:
    return value if isinstance(value, str) and len(value) > LONGEST_SHARED else _interned(value)


@lru_cache(maxsize=1024)
def _layout(names: tuple[str, ...], floats: tuple[bool, ...]) -> Mapping[str, int]:
    """Return where each value is: n is the n-th float, and -1-n the n-th other value."""
    layout: dict[str, int] = {}
    counts = [0, 0]
    for name, is_float in zip(names, floats, strict=True):
        layout[name] = counts[True] if is_float else -1 - counts[False]
        counts[is_float] += 1
    return layout


_NO_FLOATS = array("d")


class CompactConfiguration(Mapping[str, ParameterValue]):
    """An immutable configuration that takes 8 bytes a value; equal to any mapping of the same items."""

    __slots__ = ("_floats", "_layout", "_others")

    def __init__(self, parameters: Mapping[str, ParameterValue]) -> None:
        """Copy the parameters."""
        kinds = tuple(isinstance(value, float) for value in parameters.values())
        self._layout = _layout(tuple(parameters), kinds)
        floats = [value for value in parameters.values() if isinstance(value, float)]
        self._floats = array("d", floats) if floats else _NO_FLOATS
        self._others = tuple(_shared(value) for value in parameters.values() if not isinstance(value, float))

    def __getitem__(self, name: str) -> ParameterValue:
        """Return the value of a parameter."""
        place = self._layout[name]
        return self._floats[place] if place >= 0 else self._others[-1 - place]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._layout)

    def __len__(self) -> int:
        """Return the number of parameters."""
        return len(self._layout)

    def __eq__(self, other: object) -> bool:
        """Compare the items."""
        if isinstance(other, CompactConfiguration) and self._layout is other._layout:
            return self._floats == other._floats and self._others == other._others
        return dict(self) == dict(other) if isinstance(other, Mapping) else NotImplemented

    __hash__ = None  # type: ignore[assignment] # like a dict

    def __reduce__(self) -> tuple[type[dict[str, ParameterValue]], tuple[dict[str, ParameterValue]]]:
        """Pickle as a dict: another process does not need this class."""
        return dict, (dict(self),)

    def __repr__(self) -> str:
        """Show the items."""
        return repr(dict(self))


def format_parameter(value: ParameterValue) -> str:
    """Format a parameter's value as programs expect it on a command line: true, 64, 0.001, adam."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def format_configuration(parameters: Mapping[str, ParameterValue]) -> str:
    """Format a configuration in one line, with numbers of four digits, such as lr=0.0031 batch=64."""
    return " ".join(f"{name}={_rounded(value)}" for name, value in parameters.items())


def _rounded(value: ParameterValue) -> str:
    return f"{value:.4g}" if isinstance(value, float) else format_parameter(value)
