"""What one line contains, before it is known whether it counts."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from toprung.metrics.numerals import number, numeric


@dataclass(frozen=True, slots=True)
class Found:
    """Names and numbers of one line.

    Attributes:
        values: metric or step name -> number; the first of a name in a line.
        rejected: metric or step name -> the name with a text that is not a number, as printed.
        ambiguous: metric name -> the name behind another word, with its value, as printed.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    rejected: Mapping[str, str] = field(default_factory=dict)
    ambiguous: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A text that is not a number, though a part of it is; with its name, as printed."""

    text: str


def found_in(cells: Iterable[tuple[str, object]], steps: Collection[str] = ()) -> Found:
    """Sort names with their texts or numbers; of other types, and of words, only those of a step are rejected."""
    values: dict[str, float] = {}
    rejected: dict[str, str] = {}
    for name, cell in cells:
        value = number(cell) if isinstance(cell, str) else cell
        if isinstance(value, float):
            values.setdefault(name, value)
        elif isinstance(cell, Rejected):
            rejected.setdefault(name, cell.text)
        elif name in steps or (isinstance(cell, str) and numeric(cell.strip())):
            rejected.setdefault(name, f"{name}: {_shown(cell)}")
    return Found(values, {name: text for name, text in rejected.items() if name not in values})


def _shown(cell: object) -> str:
    if cell is None:
        return "null"
    return (str(cell).strip() or "(empty)")[:64]
