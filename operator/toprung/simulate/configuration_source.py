"""Which recorded configuration a trial of a simulation runs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.objects.trial import TrialRecord
from toprung.planning.scoring import evaluation
from toprung.search.space import Space
from toprung.search.study import Study
from toprung.search.types import Configuration, Evaluation, EvaluationState, Problem
from toprung.search.units import ordered, unit
from toprung.simulate.learning_curves import Table


class Chooser(Protocol):
    """Gives trials their rows of the table."""

    def choose(self, indices: tuple[int, ...], news: Iterable[TrialRecord]) -> Mapping[int, int]:
        """Give the rows of new trials; fewer than indices where the table is exhausted.

        Args:
            indices: of the trials, ascending.
            news: trials that are new, or have changed since the last call.
        """
        ...


@dataclass(slots=True)
class InOrder:
    """Rows in an order of one's own: for comparisons of early stopping, the same configurations for every rule."""

    order: tuple[int, ...]

    def choose(self, indices: tuple[int, ...], news: Iterable[TrialRecord]) -> Mapping[int, int]:  # noqa: ARG002 - as above
        """Give trial i the i-th row."""
        return {index: self.order[index] for index in indices if index < len(self.order)}


class Nearest:
    """The experiment's own sampler; what it proposes becomes the nearest row that no trial has had yet.

    Nearest in the unit cube of the parameters, each on its scale, by Euclid's distance: values of a list without order
    are 1 apart, and so are a parameter that is active and one that is not. The sampler is told the row's parameters, as
    if it had proposed them, so what it learns is true.
    """

    def __init__(self, spec: ExperimentSpec, table: Table, seed: int) -> None:
        self._spec = spec
        self._table = table
        self._study = Study(Problem(f"simulated-{seed}", spec.parameters, spec.initial_trials, spec.algorithm, seed))
        self._space = Space.of(spec.parameters)
        self.points = np.array([self._point(curve.parameters) for curve in table.curves])
        self._left = self.points.T.copy()  # coordinates x rows, so that sums over coordinates are fast; inf where taken

    def choose(self, indices: tuple[int, ...], news: Iterable[TrialRecord]) -> Mapping[int, int]:
        """Ask the sampler, each trial knowing of those before it."""
        self._study.update(evaluation(trial, self._spec) for trial in news)
        rows: dict[int, int] = {}
        for index in indices:
            suggested = self._study.suggest([index]).suggestions
            if not suggested or (row := self._take_nearest(suggested[0].parameters)) is None:
                break
            rows[index] = row
            self._study.update([Evaluation(index, self._table.curves[row].parameters, EvaluationState.RUNNING)])
        return rows

    def _take_nearest(self, configuration: Configuration) -> int | None:
        """Give a row that is left, and move it to infinity; None where none is left."""
        apart = ((self._left - np.array(self._point(configuration))[:, None]) ** 2).sum(axis=0)
        row = int(np.argmin(apart))
        if apart[row] == np.inf:
            return None
        self._left[:, row] = np.inf
        return row

    def _point(self, configuration: Configuration) -> list[float]:
        """Give the coordinates; a list without order has one for each value, whose squared distances add up to 1."""
        point: list[float] = []
        for one in self._space.dimensions:
            active, count = one.name in configuration, one.domain.count or 0
            if ordered(one.domain):
                point.append(unit(one.domain, configuration[one.name]) if active else 0.5)
            else:
                position = one.domain.position(configuration[one.name]) if active else -1
                point.extend(_HALF if each == position else 0.0 for each in range(count))
            if one.condition is not None:
                point.append(float(active))
        return point


_HALF = 0.5**0.5
