"""Experiments as manifests, and the kinds of cases of the tables of valid, invalid and changed ones."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Manifest = dict[str, Any]
Edits = Mapping[str, Any]
"""New values by path. The value REMOVE removes the field."""

REMOVE = object()

BASE: Manifest = {
    "apiVersion": "toprung.dev/v1alpha1",
    "kind": "Experiment",
    "metadata": {"name": "mnist"},
    "spec": {
        "objective": {"metric": "val_accuracy", "type": "maximize", "goal": 0.99, "additionalMetrics": ["train_loss"]},
        "parameters": [
            {"name": "lr", "type": "double", "min": 1.0e-5, "max": 0.1, "scale": "log"},
            {"name": "layers", "type": "int", "min": 1, "max": 4, "step": 1},
            {"name": "batch", "type": "ordinal", "values": [32, 64, 128, 256]},
            {"name": "opt", "type": "categorical", "values": ["sgd", "adam"]},
            {
                "name": "momentum",
                "type": "double",
                "min": 0,
                "max": 0.99,
                "when": {"parameter": "opt", "in": ["sgd"]},
            },
            {"name": "dropout", "type": "double", "min": 0, "max": 0.5, "step": 0.1},
        ],
        "initialTrials": [{"lr": 0.01, "layers": 2, "batch": 64, "opt": "adam"}],
        "algorithm": {"seed": 7, "tpe": {"startupTrials": 10}},
        "earlyStopping": {"asha": {"resource": "epoch", "minResource": 1, "maxResource": 27, "reductionFactor": 3}},
        "parallelTrialCount": 8,
        "maxTrialCount": 200,
        "maxFailedTrialCount": 10,
        "maxDuration": "4h",
        "metrics": {"stdout": {}},
        "checkpoint": {"volume": {"persistentVolumeClaim": {"claimName": "ckpt"}}},
        "podRetention": {"keep": "all", "ttl": "24h"},
        "trialTemplate": {
            "retries": 1,
            "maxTrialDuration": "1h",
            "template": {
                "metadata": {"labels": {"app": "mnist"}},
                "spec": {
                    "containers": [
                        {
                            "name": "train",
                            "image": "registry.example/mnist:1",
                            "command": ["python", "train.py", "--lr", "${parameters.lr}", "--epochs", "${resource}"],
                            "resources": {"limits": {"nvidia.com/gpu": 1}},
                        }
                    ]
                },
            },
        },
    },
}

MINIMAL: Manifest = {
    "apiVersion": "toprung.dev/v1alpha1",
    "kind": "Experiment",
    "metadata": {"name": "minimal"},
    "spec": {
        "objective": {"metric": "loss", "type": "minimize"},
        "parameters": [{"name": "x", "type": "double", "min": -1, "max": 1}],
        "maxTrialCount": 3,
        "trialTemplate": {"template": {"spec": {"containers": [{"name": "train", "image": "busybox"}]}}},
    },
}


@dataclass(frozen=True)
class Good:
    """A manifest that all validators accept."""

    name: str
    edits: Edits = field(default_factory=dict)

    def manifest(self) -> Manifest:
        return edited(BASE, self.edits)


@dataclass(frozen=True)
class Bad:
    """A manifest that is rejected.

    Attributes:
        path: the path of pydantic's error.
        says: a fragment of its message.
        schema: a fragment of the API server's message. None if a schema cannot express the rule and accepts the manifest.
    """

    name: str
    edits: Edits
    path: str
    says: str
    schema: str | None = None

    def manifest(self) -> Manifest:
        return edited(BASE, self.edits)


@dataclass(frozen=True)
class Update:
    """A change of an Experiment that has trials.

    Attributes:
        path: the immutable field that changes, or "" if the change is allowed.
        several: whether the Experiment has several objectives.
    """

    name: str
    edits: Edits
    path: str = ""
    several: bool = False

    def before(self) -> Manifest:
        return edited(BASE, SEVERAL) if self.several else BASE

    def manifest(self) -> Manifest:
        return edited(self.before(), self.edits)


def edited(manifest: Manifest, edits: Edits) -> Manifest:
    """Copy a manifest with changes, such as ``{"spec.parameters[0].min": 3}``. The index after the last appends."""
    result = copy.deepcopy(manifest)
    for path, value in edits.items():
        _put(result, path, value)
    return result


def _put(manifest: Manifest, path: str, value: Any) -> None:
    *parents, last = [int(step) if step.isdigit() else step for step in re.findall(r"[^.\[\]]+", path)]
    node: Any = manifest
    for step in parents:
        node = node[step]
    if value is REMOVE:
        del node[last]
    elif isinstance(node, list) and last == len(node):
        node.append(copy.deepcopy(value))
    else:
        node[last] = copy.deepcopy(value)


SPEC = "spec"
TEMPLATE = "spec.trialTemplate.template"
CONTAINER = f"{TEMPLATE}.spec.containers[0]"
LR, LAYERS, BATCH, OPT, MOMENTUM, DROPOUT = (f"spec.parameters[{i}]" for i in range(6))
NEW = "spec.parameters[6]"


SEVERAL = {
    "spec.objective": REMOVE,
    "spec.objectives": [{"metric": "val_accuracy", "type": "maximize"}, {"metric": "latency", "type": "minimize"}],
}


def ranged(name: str, **more: Any) -> Manifest:
    return {"name": name, "type": "double", "min": 0, "max": 1, **more}


def choice(name: str, *values: Any, **more: Any) -> Manifest:
    return {"name": name, "type": "categorical", "values": list(values), **more}
