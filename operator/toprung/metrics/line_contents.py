"""The metrics and steps found in one line, before it is known whether the line counts."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from toprung.metrics.numerals import number, numeric


@dataclass(frozen=True, slots=True)
class LineContents:
    """Names and numbers of one line.

    Attributes:
        values: metric or step name -> number; of a metric's name, no other number in the line.
        rejected: metric or step name -> the name with a text that is not a number, as printed.
        ambiguous: metric name -> the name behind another word, or with several values, as printed.
        restarts: whether the line is the first row of a table that begins again.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    rejected: Mapping[str, str] = field(default_factory=dict)
    ambiguous: Mapping[str, str] = field(default_factory=dict)
    restarts: bool = False


@dataclass(frozen=True, slots=True)
class NotANumber:
    """A text that is not a number, though a part of it is; with its name, as printed."""

    text: str


def split_ambiguous(
    read: Mapping[str, Mapping[str, str]], rejected: Mapping[str, str]
) -> tuple[dict[str, float], dict[str, str]]:
    """Return the value of each name that has one, and the texts of each name that has several.

    Args:
        read: name -> its different numbers in a line, by :func:`repr` -> the text of each.
        rejected: name -> a text that is not a number; another value if the name has a number, too.
    """
    values: dict[str, float] = {}
    several: dict[str, str] = {}
    for name, numbers in read.items():
        texts = [*([rejected[name]] if name in rejected else []), *numbers.values()]
        if len(texts) == 1:
            values[name] = float(next(iter(numbers)))
        else:
            several[name] = ", ".join(texts[:2])
    return values, several


def read_cells(cells: Iterable[tuple[str, object]], steps: Collection[str] = ()) -> LineContents:
    """Sort names with their texts or numbers; of other types, and of words, only those of a step are rejected."""
    read: dict[str, dict[str, str]] = {}
    rejected: dict[str, str] = {}
    for name, cell in cells:
        value = number(cell) if isinstance(cell, str) else cell
        if isinstance(value, float):
            read.setdefault(name, {}).setdefault(repr(value), f"{name}: {_shown(cell)}")
        elif isinstance(cell, NotANumber):
            rejected.setdefault(name, cell.text)
        elif name in steps or _is_number_of_some_sort(cell):
            rejected.setdefault(name, f"{name}: {_shown(cell)}")
    values, ambiguous = split_ambiguous(read, rejected)
    return LineContents(values, {name: text for name, text in rejected.items() if name not in ambiguous}, ambiguous)


def _is_number_of_some_sort(cell: object) -> bool:
    return (isinstance(cell, str) and numeric(cell.strip())) or (isinstance(cell, list) and bool(cell))


def _shown(cell: object) -> str:
    if cell is None:
        return "null"
    return (str(cell).strip() or "(empty)")[:64]
