"""Assigns recorded configurations to the trials of a simulation."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.objects.trial import TrialRecord
from toprung.planning.scoring import evaluation
from toprung.search.domains import ordered, unit
from toprung.search.space import Space
from toprung.search.study import Study
from toprung.search.types import Configuration, Evaluation, EvaluationState, Problem
from toprung.simulate.learning_curves import Table


class ConfigurationSource(Protocol):
    """Assigns rows of a table to trials."""

    def choose(self, indices: tuple[int, ...], changed: Iterable[TrialRecord]) -> Mapping[int, int]:
        """Return the row of each new trial; fewer rows than indices if the table is exhausted.

        Args:
            indices: of the new trials, ascending.
            changed: trials that are new or have changed since the last call.
        """
        ...


@dataclass(slots=True)
class InOrder:
    """Rows in a fixed order, so that comparisons of early-stopping rules use the same configurations.

    Attributes:
        order: trial i runs row order[i].
    """

    order: tuple[int, ...]

    def choose(self, indices: tuple[int, ...], changed: Iterable[TrialRecord]) -> Mapping[int, int]:  # noqa: ARG002 - as above
        """Return the next rows of the order."""
        return {index: self.order[index] for index in indices if index < len(self.order)}


class Nearest:
    """The experiment's sampler: each suggestion is replaced by the nearest row that no trial has.

    The distance is Euclidean in the unit cube of the parameters, each on its scale. Two categorical values have the
    distance 1, and so have an active and an inactive parameter. The sampler observes the parameters of the row, as if
    it had suggested them.
    """

    def __init__(self, spec: ExperimentSpec, table: Table, seed: int) -> None:
        self._spec = spec
        self._table = table
        self._study = Study(Problem(f"simulated-{seed}", spec.parameters, spec.initial_trials, spec.algorithm, seed))
        self._space = Space.of(spec.parameters)
        self.points = np.array([self._point(curve.parameters) for curve in table.curves])
        self._left = self.points.T.copy()  # shape (coordinates, rows), for fast sums; inf if taken

    def choose(self, indices: tuple[int, ...], changed: Iterable[TrialRecord]) -> Mapping[int, int]:
        """Request one suggestion per trial; earlier trials of the batch count as running."""
        self._study.update(evaluation(trial, self._spec) for trial in changed)
        rows: dict[int, int] = {}
        for index in indices:
            suggested = self._study.suggest([index]).suggestions
            if not suggested or (row := self._take_nearest(suggested[0].parameters)) is None:
                break
            rows[index] = row
            self._study.update([Evaluation(index, self._table.curves[row].parameters, EvaluationState.RUNNING)])
        return rows

    def _take_nearest(self, configuration: Configuration) -> int | None:
        """Return the nearest untaken row and mark it as taken; None if all are taken."""
        apart = ((self._left - np.array(self._point(configuration))[:, None]) ** 2).sum(axis=0)
        row = int(np.argmin(apart))
        if apart[row] == np.inf:
            return None
        self._left[:, row] = np.inf
        return row

    def _point(self, configuration: Configuration) -> list[float]:
        """Return the coordinates; a categorical parameter has one per value, whose squared distances add up to 1."""
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
