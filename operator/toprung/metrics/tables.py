"""Tables: a header line, then a row for each report, as CSV or in columns of blanks (fastai).

A header has the name of a metric and no number. A row has as many cells as the header. In columns of blanks every cell
of a row is a number, a duration or empty, so that prose under a word such as "loss" is no row.
"""

import csv
import re
from collections.abc import Collection

from toprung.metrics.found import Found, found_in
from toprung.metrics.numerals import number, numeric

MAX_COLUMNS = 256
MAX_WIDTH = 8 * 1024
"""Characters of a row at most."""
_SEPARATORS = ",", ";", "\t"
_BLANK_CELL = re.compile(r"[0-9]{1,4}(?::[0-9]{2}){1,2}|None|#na#|--?")


class TableReader:
    """Reads rows by the last header; the state of one log."""

    def __init__(self, metrics: Collection[str], names: Collection[str]) -> None:
        self._metrics = metrics
        self._names = names
        self._steps = frozenset(names) - frozenset(metrics)
        self._header: tuple[str, ...] = ()
        self._separator = ""

    def parse(self, text: str) -> Found | None:
        """Return the cells of a row that are wanted; None where the line is no row."""
        if not self._header or len(text) > MAX_WIDTH:
            return None
        cells = _split(text, self._separator)
        if len(cells) != len(self._header):
            return None
        if not self._separator and not all(number(cell) is not None or _BLANK_CELL.fullmatch(cell) for cell in cells):
            return None
        wanted = ((name, cell) for name, cell in zip(self._header, cells, strict=True) if name in self._names)
        row = found_in(wanted, self._steps)
        return row if row.values or row.rejected else None

    def learn(self, text: str) -> bool:
        """Return whether the line is a header, and keep it."""
        if len(text) > MAX_WIDTH:
            return False
        separator = next((each for each in _SEPARATORS if each in text), "")
        cells = _split(text, separator)
        if not 1 < len(cells) <= MAX_COLUMNS or any(numeric(cell) or not cell or "=" in cell for cell in cells):
            return False
        if not any(name in cells for name in self._metrics):
            return False
        self._header, self._separator = tuple(cells), separator
        return True


def _split(text: str, separator: str) -> list[str]:
    if not separator:
        return text.split()
    try:
        return [cell.strip() for cell in next(csv.reader([text], delimiter=separator), [])]
    except csv.Error:
        return []
