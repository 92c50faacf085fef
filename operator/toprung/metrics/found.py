"""What one line contains, before it is known whether it counts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from toprung.metrics.numerals import number, numeric


@dataclass(frozen=True, slots=True)
class Found:
    """Names and numbers of one line.

    Attributes:
        values: metric or step name -> number; the first of a name in a line.
        rejected: metric or step name -> text that begins like a number and is not one.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    rejected: Mapping[str, str] = field(default_factory=dict)


def found_in(cells: Iterable[tuple[str, object]]) -> Found:
    """Sort names with their texts or numbers; other types are ignored."""
    values: dict[str, float] = {}
    rejected: dict[str, str] = {}
    for name, cell in cells:
        value = number(cell) if isinstance(cell, str) else cell
        if isinstance(value, float):
            values.setdefault(name, value)
        elif isinstance(cell, str) and numeric(cell.strip()):
            rejected.setdefault(name, cell.strip()[:64])
    return Found(values, {name: text for name, text in rejected.items() if name not in values})
