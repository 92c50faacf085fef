"""Access to the objects of a Pod. Their fields have the types of Kubernetes; null fields are absent."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from podspec.findings import Finding, duplicate

Object = Mapping[str, Any]
Check = Callable[[Object, str], Iterator[Finding]]
"""Checks the values of an object: (object, its path) -> findings."""


class Unknown(str):
    """A string whose content is not known yet, such as one with a placeholder. Its content is not checked."""

    __slots__ = ()


def at(path: str, field: str) -> str:
    """Return the path of a field."""
    return f"{path}.{field}" if path else field


def known(value: Any) -> TypeGuard[Any]:
    """Return whether a value is set and its content is known."""
    return value not in (None, "") and not isinstance(value, Unknown)


def dig(value: Object, *fields: str) -> Any:
    """Return the value under nested fields, None where one of them is absent."""
    found: Any = value
    for field in fields:
        found = found.get(field) if isinstance(found, Mapping) else None
    return found


def items(value: Object, field: str, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the items of a list, each with its path."""
    yield from ((f"{at(path, field)}[{i}]", item) for i, item in enumerate(value.get(field) or ()))


def containers(spec: Object, path: str) -> Iterator[tuple[str, Object]]:
    """Yield the init containers and the containers of a Pod, each with its path."""
    yield from items(spec, "initContainers", path)
    yield from items(spec, "containers", path)


def unique(named: Iterable[tuple[str, Any]]) -> Iterator[Finding]:
    """Check that known values differ: (path, value)."""
    seen = set()
    for path, value in named:
        if known(value):
            if value in seen:
                yield duplicate(path, value)
            seen.add(value)


@dataclass(frozen=True, slots=True)
class Names:
    """The names of the objects of a list; constant time per lookup. Names that are not known match every name."""

    known: tuple[str, ...]
    _set: frozenset[str]
    _complete: bool

    @classmethod
    def of(cls, objects: Iterable[Object]) -> "Names":
        """Return the names of objects."""
        names = [one.get("name") for one in objects]
        found = frozenset(filter(known, names))
        return cls(tuple(sorted(found)), found, not any(isinstance(name, Unknown) for name in names))

    def lack(self, name: Any) -> bool:
        """Return whether a known name is certainly not one of the names."""
        return self._complete and known(name) and name not in self._set
