"""Tables and experiments for tests of the simulator."""

from random import Random
from typing import Any

from support.specs import experiment_spec
from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.simulate.learning_curves import Curve, Table

RULES = {
    "none": None,
    "stopping": {"asha": {"variant": "stopping", "minResource": 1, "reductionFactor": 3}},
    "promotion": {"asha": {"variant": "promotion", "minResource": 1, "reductionFactor": 3}},
    "hyperband": {"hyperband": {"variant": "promotion", "minResource": 1, "reductionFactor": 3}},
    "halving": {"successiveHalving": {"trials": 9, "minResource": 1, "reductionFactor": 3}},
    "median": {"median": {}},
    "patience": {"patience": {"steps": 2}},
}
"""spec.earlyStopping of each rule, without the resource."""
STEPS = 9


def spec(rule: str, **changes: Any) -> ExperimentSpec:
    """Return an experiment whose trials run for nine epochs under a rule."""
    stopping = RULES[rule]
    if stopping is not None and rule != "patience":
        ((name, settings),) = stopping.items()
        stopping = {name: {"resource": "epoch", "maxResource": STEPS, **settings}}
    fields = {
        "earlyStopping": stopping,
        "checkpoint": {"volume": {"emptyDir": {}}},
        "parallelTrialCount": 3,
        "maxTrialCount": 27,
        **changes,
    }
    return experiment_spec(**fields)


def table(seed: int, *, size: int = 30, steps: int = STEPS) -> Table:
    """Return random curves that rise to their own limits. A few break down, and some end at the same moment."""
    random = Random(seed)
    curves = []
    for _ in range(size):
        limit, pace, seconds = random.random(), random.uniform(0.1, 0.9), random.choice((1.0, 2.0, 0.75))
        values = [limit * (1 - pace**step) + random.gauss(0, 0.02) for step in range(1, steps + 1)]
        broken = random.randrange(steps) if random.random() < 0.1 else steps
        shown = (value if step < broken else float("nan") for step, value in enumerate(values))
        curves.append(Curve({"lr": random.uniform(0.0001, 0.1)}, tuple(shown), (seconds,) * steps))
    return Table(tuple(curves))
