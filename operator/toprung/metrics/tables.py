"""Tables: a header line, then a row for each report, as CSV or in columns of blanks (fastai).

Every cell of a header is a name, one of them a metric's. In columns of blanks one is a step's. A row has as many cells
as the header: numbers, times or nothing; next to a step also words. Lines of another kind, except progress bars, end
the table, unless the next row continues the steps: it could belong to other output.
"""

import csv
import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from toprung.metrics.line_contents import LineContents, read_cells
from toprung.metrics.numerals import number

MAX_COLUMNS = 256
MAX_WIDTH = 8 * 1024
"""Characters of a row at most."""
_SEPARATORS = ",", ";", "\t"
_NO_VALUE = re.compile(r"(?:[0-9]{1,4}(?::[0-9]{2}){1,2}|None|#na#|--?)?")
_LIKE_NUMBER = re.compile(r"[-+−~(\[]?\.?[0-9]")
_NAME = re.compile(r"[^\s:=]{1,128}(?<![.!?])")
_PHRASE = re.compile(r"[^:=]{1,128}(?<![.!?])")
_BAR = re.compile(r"[0-9]%|it/s|s/it|[█━]")


class TableReader:
    """Reads rows by the last header; the state of one log."""

    def __init__(self, metrics: Collection[str], names: Collection[str]) -> None:
        self._metrics = frozenset(metrics)
        self._steps = {name.lower(): name for name in names if name not in self._metrics}
        self._header: tuple[str, ...] = ()
        self._separator = ""
        self._interrupted = False
        self._repeated = False
        self._last: dict[str, float] = {}
        self._strides: dict[str, tuple[float, ...]] = {}

    def parse(self, text: str) -> LineContents | None:
        """Return the cells of a row that are wanted; None where the line is no row."""
        if not self._header or not text.strip():
            return None
        found = self._row(text) if len(text) <= MAX_WIDTH else None
        if found is None and not _BAR.search(text):
            self.interrupt()
        return found

    def interrupt(self) -> None:
        """Note a line that is no row: rows after it count only if they continue the steps."""
        self._interrupted = True

    def read_header(self, text: str) -> bool:
        """Return whether the line is a header, and keep it."""
        if len(text) > MAX_WIDTH:
            return False
        separator = next((each for each in _SEPARATORS if each in text), "")
        cells = [self._steps.get(cell.lower(), cell) for cell in _split(text, separator)]
        if not 1 < len(cells) <= MAX_COLUMNS or self._metrics.isdisjoint(cells):
            return False
        stepped = not set(self._steps.values()).isdisjoint(cells)
        form = _PHRASE if stepped and separator else _NAME
        if not (separator or stepped) or not all(cell in self._metrics or _is_name(cell, form) for cell in cells):
            return False
        self._repeated = self._header == tuple(cells) and (self._repeated or bool(self._last))
        self._header, self._separator, self._interrupted = tuple(cells), separator, False
        self._last, self._strides = {}, {}
        return True

    def _row(self, text: str) -> LineContents | None:
        cells = _split(text, self._separator)
        numbers = all(_is_cell(cell) for cell in cells)
        if len(cells) != len(self._header):
            return self._ambiguous(text) if len(cells) > 1 and numbers else None
        values = [cell for name, cell in zip(self._header, cells, strict=True) if name in self._metrics]
        if not all(_is_cell(cell) or _LIKE_NUMBER.match(cell) for cell in values):
            return None
        found = self._metrics_and_steps(cells)
        stepped = any(name in self._header for name in self._steps.values())
        if not numbers and not (stepped and self._separator):
            # A part of the line is not a cell: what is rejected is noted, and nothing counts.
            found = LineContents({}, {name: each for name, each in found.rejected.items() if name in self._metrics})
        if not found.values and not found.rejected and not found.ambiguous:
            return None
        if self._interrupted and not self._continues(found):
            return self._ambiguous(text)
        found = replace(found, restarts=self._repeated)
        self._interrupted = self._repeated = False
        self._record_steps(found)
        return found

    def _metrics_and_steps(self, cells: Sequence[str]) -> LineContents:
        steps = dict(reversed([pair for pair in zip(self._header, cells, strict=True) if pair[0] not in self._metrics]))
        wanted = [pair for pair in zip(self._header, cells, strict=True) if pair[0] in self._metrics]
        names = frozenset(self._steps.values())
        return read_cells((*((name, steps[name]) for name in names & steps.keys()), *wanted), names)

    def _continues(self, found: LineContents) -> bool:
        """Return whether a step is as far from the last one as that from the step before; the first is 0 or 1."""
        for name in self._steps.values():
            if name in found.values:
                step, last = found.values[name], self._last.get(name)
                continues = step in (0, 1) if last is None else step - last in self._strides[name]
                if continues:
                    return True
        return False

    def _record_steps(self, found: LineContents) -> None:
        for name in self._steps.values():
            if name in found.values:
                step, last = found.values[name], self._last.get(name)
                self._strides[name] = (1, step) if last is None else (step - last,)
                self._last[name] = step

    def _ambiguous(self, text: str) -> LineContents:
        """Return a line that may be a row or not: it is noted, and does not count."""
        return LineContents(ambiguous={next(name for name in self._header if name in self._metrics): text.strip()[:64]})


def _is_name(cell: str, form: re.Pattern[str]) -> bool:
    return form.fullmatch(cell) is not None and _LIKE_NUMBER.match(cell) is None and number(cell) is None


def _is_cell(cell: str) -> bool:
    return number(cell) is not None or _NO_VALUE.fullmatch(cell) is not None


def _split(text: str, separator: str) -> list[str]:
    if not separator:
        return text.split()
    try:
        return [cell.strip() for cell in next(csv.reader([text], delimiter=separator), [])]
    except csv.Error:
        return []
