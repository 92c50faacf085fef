"""Reads tables of recorded learning curves: the value and duration of each step of each configuration."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from math import isfinite

from toprung.api.v1alpha1.base import ParameterValue
from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.errors import TopRungError
from toprung.search.domains import Categorical, Double
from toprung.search.space import Dimension, Space
from toprung.search.types import Configuration

CONFIGURATION, STEP, SECONDS = "configuration", "step", "seconds"
"""Columns of every table; the others are the parameters and the objective's metric."""


class InvalidTable(TopRungError):
    """A table can't be simulated from; the message names line and column."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One configuration, trained once.

    Attributes:
        parameters: active ones only.
        values: the metric after step 1, 2, ...; may be NaN or infinite.
        seconds: duration of each of these steps.
    """

    parameters: Configuration
    values: tuple[float, ...]
    seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Learning curves of one experiment's space."""

    curves: tuple[Curve, ...]

    def best(self, *, maximize: bool) -> float:
        """Return the best finite value of all."""
        finite = [value for curve in self.curves for value in curve.values if isfinite(value)]
        return max(finite) if maximize else min(finite)


def read_table(lines: Iterable[str], spec: ExperimentSpec) -> Table:
    """Read a table from CSV, a line for each step of each configuration, steps in order.

    Columns: `configuration` (lines of one stand together), `step` (1, 2, ...), `seconds`, the objective's metric, and
    every parameter of the space, empty where it is not active. Other columns are ignored.

    Raises:
        InvalidTable: a column is missing, or a line does not fit.
    """
    reader = csv.DictReader(lines)
    needed = (CONFIGURATION, STEP, SECONDS, spec.primary_objective.metric, *(one.name for one in spec.parameters))
    if missing := [name for name in needed if name not in (reader.fieldnames or ())]:
        raise InvalidTable(f"the table has no column {', '.join(missing)}; it has {', '.join(reader.fieldnames or ())}")
    space = Space.of(spec.parameters)
    curves = [
        _curve(space, list(group), spec.primary_objective.metric)
        for _, group in groupby(enumerate(reader, start=2), key=lambda each: each[1][CONFIGURATION])
    ]
    if not curves:
        raise InvalidTable("the table has no lines below its header")
    table = Table(tuple(curves))
    if not any(isfinite(value) for curve in table.curves for value in curve.values):
        raise InvalidTable(f"the table's {spec.primary_objective.metric} is never finite")
    return table


def _curve(space: Space, lines: list[tuple[int, dict[str, str]]], metric: str) -> Curve:
    values, seconds = [], []
    for expected, (line, cells) in enumerate(lines, start=1):
        if _number(line, STEP, cells) != expected:
            where = f"line {line}: expected step {expected} of {CONFIGURATION} {cells[CONFIGURATION]}"
            raise InvalidTable(f"{where}, found {cells[STEP]!r}")
        values.append(_number(line, metric, cells))
        seconds.append(_number(line, SECONDS, cells))
        if not 0 <= seconds[-1] < float("inf"):
            raise InvalidTable(f"line {line}: seconds are {cells[SECONDS]!r}; write what the step took")
    line, cells = lines[0]
    return Curve(_parameters(space, line, cells), tuple(values), tuple(seconds))


def _parameters(space: Space, line: int, cells: Mapping[str, str]) -> Configuration:
    read = {one.name: _read(one, line, cells[one.name]) for one in space.dimensions if cells[one.name]}
    try:
        space.positions(read)
    except ValueError as error:
        raise InvalidTable(f"line {line}: not in the experiment's space: {error}") from error
    return space.exact(read)


def _read(dimension: Dimension, line: int, cell: str) -> ParameterValue:
    """Parse a cell as a value of its domain: a value of a list by its text, any other as a number."""
    domain = dimension.domain
    if isinstance(domain, Categorical):
        written = {str(value): value for value in domain.values}
        if cell not in written:
            raise InvalidTable(f"line {line}: {dimension.name} is {cell!r}, which is none of {', '.join(written)}")
        return written[cell]
    number = _number(line, dimension.name, {dimension.name: cell})
    return number if isinstance(domain, Double) or not number.is_integer() else int(number)


def _number(line: int, column: str, cells: Mapping[str, str | None]) -> float:
    try:
        return float(cells[column] or "")
    except ValueError:
        raise InvalidTable(f"line {line}: {column} is {cells[column]!r}; write a number") from None
