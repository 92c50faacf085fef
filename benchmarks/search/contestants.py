"""Defines the contestants and the tables: TopRung's rules and samplers, the recorded tables, and lcdb's."""

import csv
import gzip
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from statistics import fmean
from typing import Any

import yaml

from toprung.api.loader import load_experiment
from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.simulate.learning_curves import Curve, Table, read_table

TABLES = Path(__file__).parents[1] / "data"

OURS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "toprung asha stopping": ("asha", {"variant": "stopping"}),
    "toprung asha promotion": ("asha", {"variant": "promotion"}),
    "toprung hyperband stopping": ("hyperband", {"variant": "stopping"}),
    "toprung hyperband promotion": ("hyperband", {"variant": "promotion"}),
    "toprung halving": ("successiveHalving", {"trials": 40}),
    "toprung median": ("median", {}),
}
"""Name -> field of earlyStopping and the settings that differ between rules."""

SAMPLERS: Mapping[str, Mapping[str, Any]] = {name: {name: {}} for name in ("random", "qmc", "tpe", "cmaes", "gp")}
"""Name -> spec.algorithm."""


@dataclass(slots=True)
class Source:
    """A table with its experiment.

    Attributes:
        last: the last step of every curve.
        best: the best value of all; larger is better.
        step: mean seconds of a step.
    """

    manifest: Mapping[str, Any]
    table: Table
    last: int = field(init=False)
    best: float = field(init=False)
    step: float = field(init=False)

    def __post_init__(self) -> None:
        self.last = len(self.table.curves[0].values)
        self.best = self.table.best(maximize=True)
        self.step = fmean(second for curve in self.table.curves for second in curve.seconds)

    def spec(self, workers: int, rule: tuple[str, Mapping[str, Any]], goal: float, **changes: Any) -> ExperimentSpec:
        """Return the experiment with a rule. It ends when the goal is reached."""
        name, settings = rule
        common: dict[str, Any] = {"resource": "epoch", "maxResource": self.last}
        if name != "median":
            common |= {"minResource": 1, "reductionFactor": 3}
        fields = self.manifest["spec"]
        configurations = len(self.table.curves)
        return load_experiment(
            {
                **self.manifest,
                "spec": {
                    **fields,
                    "objective": {**fields["objective"], "goal": goal},
                    "parallelTrialCount": workers,
                    "maxTrialCount": configurations - configurations % settings.get("trials", 1),
                    "earlyStopping": {name: {**common, **settings}},
                    "checkpoint": {"volume": {"emptyDir": {}}},
                    **changes,
                },
            }
        ).spec


def recorded(name: str) -> Source:
    """Load a table of record_curves.py. NAME-MORE without a manifest of its own belongs to the experiment NAME."""
    own, shared = TABLES / f"{name}.yaml", TABLES / f"{name.partition('-')[0]}.yaml"
    manifest = yaml.safe_load((own if own.exists() else shared).read_text())
    with gzip.open(TABLES / f"{name}.csv.gz", "rt") as lines:
        return Source(manifest, read_table(lines, load_experiment(manifest).spec))


RECORDED: Mapping[str, Callable[[], Source]] = {
    name: partial(recorded, name) for name in ("mnist", "mnist-2000", "digits", "digits-2000")
}
GRIDS: Mapping[str, Callable[[], Source]] = {"digits-grid": partial(recorded, "digits-grid")}
"""Tables of whole finite spaces, for samplers: each suggestion is a row itself, not the nearest one."""

ANCHORS = 15
"""Sizes of the training set: 16, 23, 32, ... 2048."""
LCDB_DATASETS = ("28", "44", "41164")


def from_lcdb(dataset: str) -> Source:
    """Return lcdb's accuracy curves of an OpenML data set that have all anchors, learner by learner."""
    curves = [
        Curve({"curve": number}, tuple(values[:ANCHORS]), tuple(seconds[:ANCHORS]))
        for number, (values, seconds) in enumerate(_complete(dataset))
    ]
    parameters = [{"name": "curve", "type": "int", "min": 0, "max": len(curves) - 1}]
    manifest = yaml.safe_load((TABLES / "digits.yaml").read_text())
    manifest["spec"] |= {"parameters": parameters, "objective": {"metric": "accuracy", "type": "maximize"}}
    return Source(manifest, Table(tuple(curves)))


def _complete(dataset: str) -> Iterator[tuple[list[float], list[float]]]:
    package = find_spec("lcdb")
    if package is None or not package.submodule_search_locations:
        return
    path = Path(package.submodule_search_locations[0], "database-accuracy.csv")
    with path.open() as lines:
        ours = (line for number, line in enumerate(lines) if number == 0 or line.startswith(f"{dataset},"))
        rows = csv.DictReader(ours)
        for _, group in groupby(rows, key=lambda row: (row["learner"], row["outer_seed"], row["inner_seed"])):
            points = list(group)
            values = [float(point["score_valid"] or "nan") for point in points]
            seconds = [float(point["traintime"] or "nan") for point in points]
            if len(points) >= ANCHORS and all(map(_finite, [*values[:ANCHORS], *seconds[:ANCHORS]])):
                yield values, seconds


def _finite(value: float) -> bool:
    return abs(value) < float("inf")


def lcdb_sources() -> Mapping[str, Callable[[], Source]]:
    """Return the data sets by name; none, with a message, if the package is not installed."""
    if find_spec("lcdb") is None:
        print("left out: lcdb is not installed")
        return {}
    return {f"lcdb {name}": partial(from_lcdb, name) for name in LCDB_DATASETS}


LCDB = lcdb_sources()
