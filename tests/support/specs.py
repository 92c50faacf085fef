"""Experiment specs for tests."""

from typing import Any

from toprung.api.loader import load_experiment
from toprung.api.v1alpha1.experiment import ExperimentSpec

MAIN = {"name": "main", "image": "img", "command": ["train", "--lr", "${parameters.lr}"]}
POD = {"spec": {"containers": [MAIN]}}
POD_WITH_GPU = {"spec": {"containers": [{**MAIN, "resources": {"limits": {"nvidia.com/gpu": 1}}}]}}


def manifest(**spec: Any) -> dict[str, Any]:
    """Return an Experiment's manifest. Keyword arguments replace fields of the spec. None removes them."""
    fields = {
        "objective": {"metric": "acc", "type": "maximize"},
        "parameters": [{"name": "lr", "type": "double", "min": 0.0001, "max": 0.1, "scale": "log"}],
        "algorithm": {"seed": 7, "random": {}},
        "parallelTrialCount": 2,
        "maxTrialCount": 6,
        "trialTemplate": {"template": POD},
        **spec,
    }
    return {
        "apiVersion": "toprung.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": {"name": "exp", "namespace": "team"},
        "spec": {name: value for name, value in fields.items() if value is not None},
    }


def experiment_spec(**spec: Any) -> ExperimentSpec:
    """Return a valid spec. See `manifest`."""
    return load_experiment(manifest(**spec)).spec


ASHA = {"asha": {"resource": "epoch", "minResource": 1, "maxResource": 9, "reductionFactor": 3, "variant": "stopping"}}
PROMOTION = {"asha": {"maxResource": 9, "variant": "promotion"}}
PBT = {"pbt": {"maxResource": 8, "perturbationInterval": 2, "resampleProbability": 0}}
