"""One table of valid and invalid Experiments, for all validators: pydantic, the CRD's schema, a real API server."""

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


DECIDER = "decider".ljust(63, "_")
LARGEST = [
    choice(DECIDER, *range(256)),
    *(
        choice(f"p{i}".ljust(63, "_"), *range(256), when={"parameter": DECIDER, "in": list(range(256))})
        for i in range(63)
    ),
]
"""A space as large as the schema allows, for CEL's cost budget."""

GOOD = [
    Good(
        "as large as may be",
        {
            "spec.parameters": LARGEST,
            "spec.initialTrials": [{DECIDER: i, LARGEST[1]["name"]: i} for i in range(256)],
            "spec.maxTrialCount": 256,
            f"{CONTAINER}.command": [f"${{parameters.{DECIDER}}}"],
        },
    ),
    Good("as documented"),
    Good("no early stopping", {"spec.earlyStopping": REMOVE, f"{CONTAINER}.command": ["train", "${trial.name}"]}),
    Good("grid", {"spec.algorithm": {"grid": {"points": 5}}}),
    Good("gp", {"spec.algorithm": {"gp": {"startupTrials": 20, "maxObservations": 500}}}),
    Good("cmaes", {"spec.algorithm": {"cmaes": {"populationSize": 12, "sigma": 0.3}}}),
    Good("nsga2", {"spec.algorithm": {"nsga2": {"populationSize": 50, "mutationProbability": 0.1}}}),
    Good(
        "sampler plug-in",
        {"spec.algorithm": {"plugin": {"name": "mine", "settings": {"neighbours": [1, 2], "deep": {"er": True}}}}},
    ),
    Good("warm start", {"spec.warmStart": {"experiments": ["mnist-1", "mnist-2"]}}),
    Good("two objectives", SEVERAL),
    Good(
        "four objectives",
        {"spec.objective": None, "spec.objectives": [{"metric": name, "type": "minimize"} for name in "abcd"]},
    ),
    Good("a plug-in for two objectives", {**SEVERAL, "spec.algorithm": {"plugin": {"name": "mine"}}}),
    Good("every default", {"spec": MINIMAL["spec"]}),
    Good("values of several types", {NEW: choice("mixed", 1, 2.5, "three", True)}),
    Good("one is not true", {NEW: choice("mixed", 1, True, "1")}),
    Good("one number", {NEW: ranged("x", min=3, max=3)}),
    Good("one number on a grid", {NEW: ranged("x", type="int", min=3, max=3, step=2)}),
    Good("one value", {NEW: choice("x", "a")}),
    Good("as many initial trials as trials", {"spec.initialTrials": [{}] * 200}),
    Good("the largest span", {NEW: ranged("x", min=-8e307, max=8e307)}),
    Good("negative range", {NEW: ranged("x", min=-3.5, max=-1)}),
    Good("decimal step", {NEW: ranged("x", min=0.1, max=0.7, step=0.1)}),
    Good("negative steps", {NEW: ranged("x", type="int", min=-10, max=10, step=5)}),
    Good(
        "nested when",
        {
            NEW: choice("nesterov", True, when={"parameter": "opt", "in": ["sgd"]}),
            "spec.parameters[7]": ranged("decay", when={"parameter": "nesterov", "in": [True]}),
        },
    ),
    Good("initial trial on the step grid", {"spec.initialTrials": [{"dropout": 0.3}, {"opt": "sgd", "momentum": 0.9}]}),
    Good("parallel equals max", {"spec.parallelTrialCount": 200}),
    Good("a shell's variables", {f"{CONTAINER}.command": ["sh", "-c", "cd ${HOME} && train --lr ${parameters.lr}"]}),
    Good("pattern with both groups", {"spec.metrics.stdout.pattern": r"(?P<name>\w+): (?P<value>\S+)"}),
    Good(
        "patterns with steps",
        {
            "spec.metrics.stdout.patterns": [
                r"(?P<name>\w+): (?P<value>\S+)",
                r"(?P<step>\d+) (?P<name>\w+)=(?P<value>\S+)",
            ]
        },
    ),
    Good("format of metric lines", {"spec.metrics.stdout.format": "json"}),
    Good("metric with a blank and a quote", {"spec.objective.metric": "valid_0's auc"}),
    Good("parts of a duration", {"spec.maxDuration": "1h30m", "spec.podRetention.ttl": "0s"}),
    Good("nulls are unset", {"spec.objective.goal": None, "spec.algorithm.random": None, "spec.maxDuration": None}),
    Good(
        "a sidecar", {f"{TEMPLATE}.spec.initContainers": [{"name": "logger", "image": "x", "restartPolicy": "Always"}]}
    ),
    Good(
        "primary container",
        {
            f"{TEMPLATE}.spec.containers[1]": {"name": "shipper", "image": "x"},
            "spec.trialTemplate.primaryContainer": "shipper",
            "spec.trialTemplate.silenceTimeout": "30m",
        },
    ),
    Good(
        "the Pod's own fields",
        {
            f"{TEMPLATE}.metadata": {"labels": None, "annotations": {"a.b/c": "any text"}},
            f"{TEMPLATE}.spec.volumes": [
                {"name": "data", "persistentVolumeClaim": {"claimName": "d"}},
                {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
            ],
            f"{TEMPLATE}.spec.terminationGracePeriodSeconds": 60,
            f"{TEMPLATE}.spec.nodeSelector": {"gpu": "a100", "zone": "${parameters.opt}"},
            f"{TEMPLATE}.spec.tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
            f"{CONTAINER}.env": [
                {"name": "A", "value": "1"},
                {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            ],
            f"{CONTAINER}.ports": [{"containerPort": 80}],
            f"{CONTAINER}.args": None,
            f"{CONTAINER}.volumeMounts": [{"name": "data", "mountPath": "/data"}],
            f"{CONTAINER}.readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 3},
        },
    ),
    Good(
        "quantities",
        {
            f"{CONTAINER}.resources": {
                "limits": {
                    "example.com/widget": "2k",
                    "cpu": 0.5,
                    "memory": "${parameters.batch}Mi",
                    "ephemeral-storage": "1e9",
                },
                "requests": {"example.com/widget": 2000, "cpu": "500m"},
            }
        },
    ),
    Good("empty lists of the template", {f"{TEMPLATE}.spec.volumes": None, f"{CONTAINER}.volumeMounts": None}),
    Good("the longest name", {"metadata.name": "a" * 48}),
    Good("one rung", {"spec.earlyStopping.asha.minResource": 27}),
    Good("promotion asked for", {"spec.earlyStopping.asha.variant": "promotion"}),
    Good("stopping without checkpoint", {"spec.earlyStopping.asha.variant": "stopping", "spec.checkpoint": REMOVE}),
    Good("a variant by default", {"spec.checkpoint": REMOVE}),
    Good("the textbook's ASHA", {"spec.earlyStopping.asha.rungSkew": 0}),
    Good("hyperband", {"spec.earlyStopping": {"hyperband": {"maxResource": 81, "variant": "promotion"}}}),
    Good("successive halving", {"spec.earlyStopping": {"successiveHalving": {"maxResource": 9, "trials": 20}}}),
    Good("median", {"spec.earlyStopping": {"median": {"maxResource": 1000, "gracePeriod": 5, "minTrials": 3}}}),
    Good("the largest number of comparisons", {"spec.earlyStopping": {"median": {"maxResource": 64, "interval": 1}}}),
    Good(
        "a population",
        {"spec.earlyStopping": {"pbt": {"perturbationInterval": 3, "maxResource": 27}}, "spec.parallelTrialCount": 200},
    ),
    Good("patience beside a rule", {"spec.earlyStopping.patience": {"steps": 5, "minDelta": 0.001}}),
    Good(
        "patience and threshold alone",
        {
            "spec.earlyStopping": {"patience": {"steps": 5}, "threshold": {"step": 3, "value": 0.2}},
            f"{CONTAINER}.command": ["train"],
        },
    ),
    Good("a plug-in rule", {"spec.earlyStopping": {"plugin": {"name": "mine", "settings": {"a": [1, {"b": 2}]}}}}),
]

BAD = [
    # single parameters
    Bad("min above max", {f"{LR}.min": 0.5}, f"{LR}.min", "0.5: must not be above max. Swap min and max.", "must not be above max. Swap min and max."),
    Bad("span above the largest number", {f"{LR}.min": -1e308, f"{LR}.max": 1e308, f"{LR}.scale": "linear", "spec.initialTrials": []}, f"{LR}.max", "1e+308: max - min must not exceed the largest number. Use bounds that are closer together.", "max - min must not exceed the largest number. Use bounds that are closer together."),
    Bad("more initial trials than trials", {"spec.initialTrials": [{}] * 201}, "spec.initialTrials", "must not have more configurations than maxTrialCount. Remove 1, or raise maxTrialCount.", "must not have more configurations than maxTrialCount. Remove some, or raise maxTrialCount."),
    Bad("range without min", {f"{LR}.min": REMOVE}, LR, "type double and type int require min and max. Add them, or use type: categorical with values.", "type double and type int require min and max. Add them, or use type: categorical with values."),
    Bad("range without both", {f"{DROPOUT}.min": REMOVE, f"{DROPOUT}.max": REMOVE, f"{DROPOUT}.step": REMOVE}, DROPOUT, "type double and type int require min and max. Add them, or use type: categorical with values.", "type double and type int require min and max. Add them, or use type: categorical with values."),
    Bad("range with values", {f"{LR}.values": [1, 2]}, f"{LR}.values", "type double and type int do not use values. Remove values, or use type: ordinal or type: categorical.", "type double and type int do not use values. Remove values, or use type: ordinal or type: categorical."),
    Bad("log at zero", {f"{LR}.min": 0}, f"{LR}.min", "0: scale log requires min above 0. Use a small positive min, or scale: linear.", "scale log requires min above 0. Use a small positive min, or scale: linear."),
    Bad("log with step", {f"{LR}.step": 0.01}, f"{LR}.step", "scale log does not use step. Remove step, or use scale: linear.", "scale log does not use step. Remove step, or use scale: linear."),
    Bad("step that does not divide", {f"{DROPOUT}.step": 0.3}, f"{DROPOUT}.step", "0.3: must divide max - min. Use max: 0.3.", "must divide max - min. Use a max that is min plus a multiple of step."),
    Bad("step above the range", {f"{DROPOUT}.step": 3}, f"{DROPOUT}.step", "3: must divide max - min. Use a step of at most max - min, 0.5, or remove step.", "must divide max - min. Use a max that is min plus a multiple of step."),
    Bad("step of zero", {f"{DROPOUT}.step": 0}, f"{DROPOUT}.step", "0: must be greater than 0. Use a larger number.", "should be greater than 0"),
    Bad("fraction as int bound", {f"{LAYERS}.min": 0.5}, f"{LAYERS}.min", "0.5: type int requires an integer. Use 0, or type: double.", "type int requires an integer. Use an integer, or type: double."),
    Bad("fraction as int step", {f"{LAYERS}.step": 1.5}, f"{LAYERS}.step", "1.5: type int requires an integer. Use 2, or type: double.", "type int requires an integer. Use an integer, or type: double."),
    Bad("int bound too large", {f"{LAYERS}.max": 1e17 + 1}, f"{LAYERS}.max", "1e+17: type int requires an absolute value below 2^53. Use a smaller value, or type: double.", "type int requires an absolute value below 2^53. Use a smaller value, or type: double."),
    Bad("choice without values", {f"{OPT}.values": REMOVE}, f"{OPT}.values", "type ordinal and type categorical require values. Add a list such as values: [32, 64], or use type: double.", "type ordinal and type categorical require values. Add a list such as values: [32, 64], or use type: double."),
    Bad("choice of nothing", {f"{OPT}.values": []}, f"{OPT}.values", "must have at least 1 item. Add one.", "should have at least 1 items"),
    Bad("choice with min", {f"{BATCH}.min": 1}, f"{BATCH}.min", "type ordinal and type categorical do not use min. Remove min, or use type: double.", "type ordinal and type categorical do not use min. Remove min, or use type: double."),
    Bad("choice with max", {f"{BATCH}.max": 256}, f"{BATCH}.max", "type ordinal and type categorical do not use max. Remove max, or use type: double.", "type ordinal and type categorical do not use max. Remove max, or use type: double."),
    Bad("choice with step", {f"{BATCH}.step": 32}, f"{BATCH}.step", "type ordinal and type categorical do not use step. Remove step, or use type: double.", "type ordinal and type categorical do not use step. Remove step, or use type: double."),
    Bad("choice with log scale", {f"{OPT}.scale": "log"}, f"{OPT}.scale", "type ordinal and type categorical do not use scale. Remove scale, or use type: double.", "type ordinal and type categorical do not use scale. Remove scale, or use type: double."),
    Bad("a value twice", {f"{BATCH}.values": [32, 64, 32.0]}, f"{BATCH}.values[2]", "32. Remove it."),
    Bad("a list as value", {f"{BATCH}.values": [32, [64]]}, f"{BATCH}.values[1]", "[64]: must be a number, string or boolean. Use one value, such as 0.1 or adam."),
    Bad("unknown type", {f"{LR}.type": "float"}, f"{LR}.type", '"float". Use "double", "int", "ordinal" or "categorical".', "Unsupported value"),
    Bad("quoted number", {f"{LR}.min": "0.001"}, f"{LR}.min", '"0.001": must be a number. Use 0.001 without quotes.', "must be of type number"),
    Bad("name with a blank", {f"{DROPOUT}.name": "drop out"}, f"{DROPOUT}.name", '"drop out": must consist of A-Z, a-z, 0-9, \'_\', \'.\' or \'-\', and must start', "should match"),
    Bad("parameter name too long", {f"{DROPOUT}.name": "d" * 64}, f"{DROPOUT}.name", "at most 63", "Too long"),
    Bad("no parameter", {"spec.parameters": []}, "spec.parameters", "must have at least 1 item. Add one.", "should have at least 1 items"),
    # several parameters
    Bad("a name twice", {f"{DROPOUT}.name": "lr"}, f"{DROPOUT}.name", '"lr". Rename one of the parameters.', "Duplicate value"),
    Bad("names equal as variables", {f"{DROPOUT}.name": "LR"}, f"{DROPOUT}.name", "TOPRUNG_PARAMETER_LR"),
    Bad("when refers to nothing", {f"{MOMENTUM}.when.parameter": "optt"}, f"{MOMENTUM}.when.parameter", '"optt": must be the name of another parameter of type ordinal or categorical. Did you mean opt?', "when.parameter must be the name of another parameter of type ordinal or categorical. Rename it, or remove when."),
    Bad("when refers to a range", {f"{MOMENTUM}.when": {"parameter": "lr", "in": [0.1]}}, f"{MOMENTUM}.when.parameter", '"lr": must be the name of another parameter of type ordinal or categorical. Use one of batch, opt.', "when.parameter must be the name of another parameter of type ordinal or categorical. Rename it, or remove when."),
    Bad("when refers to itself", {NEW: choice("a", "x", when={"parameter": "a", "in": ["x"]})}, f"{NEW}.when.parameter", '"a": must be the name of another parameter of type ordinal or categorical. Use one of batch, opt.', "when.parameter must be the name of another parameter of type ordinal or categorical. Rename it, or remove when."),
    Bad("when in a circle", {NEW: choice("a", "x", when={"parameter": "b", "in": ["y"]}), "spec.parameters[7]": choice("b", "y", when={"parameter": "a", "in": ["x"]})}, f"{NEW}.when.parameter", "a -> b -> a", "depend on each other"),
    Bad("when in a circle of three", {NEW: choice("a", 1, when={"parameter": "b", "in": [1]}), "spec.parameters[7]": choice("b", 1, when={"parameter": "c", "in": [1]}), "spec.parameters[8]": choice("c", 1, when={"parameter": "a", "in": [1]})}, f"{NEW}.when.parameter", "a -> b -> c -> a"),
    Bad("when with a value that is none", {f"{MOMENTUM}.when.in": ["sgd", "rmsprop"]}, f"{MOMENTUM}.when.in[1]", '"rmsprop": opt has the values "sgd", "adam". Use one of them.'),
    # initial trials
    Bad("initial trial out of range", {"spec.initialTrials[0].lr": 1}, "spec.initialTrials[0].lr", "1: must be between min 1e-05 and max 0.1. Change it, min or max."),
    Bad("initial trial of no value", {"spec.initialTrials[0].batch": 33}, "spec.initialTrials[0].batch", "33: batch has the values 32, 64, 128, 256. Use one of them."),
    Bad("initial trial off the step grid", {"spec.initialTrials[0].dropout": 0.25}, "spec.initialTrials[0].dropout", "multiple of step 0.1"),
    Bad("initial trial of another type", {"spec.initialTrials[0].layers": 1.5}, "spec.initialTrials[0].layers", "1.5: layers has type int. Use an integer."),
    Bad("initial trial with text for a number", {"spec.initialTrials[0].lr": "0.01"}, "spec.initialTrials[0].lr", '"0.01": lr has type double. Use a number.'),
    Bad("initial trial of an unknown parameter", {"spec.initialTrials[0].lrr": 0.1}, "spec.initialTrials[0].lrr", 'no parameter is named "lrr". Did you mean lr?'),
    Bad("initial trial with an inactive parameter", {"spec.initialTrials[0].momentum": 0.1}, "spec.initialTrials[0].momentum", 'momentum is active only with opt: "sgd", not with "adam". Remove it.'),
    Bad("initial trial that does not say what decides", {"spec.initialTrials": [{"momentum": 0.1}]}, "spec.initialTrials[0].momentum", 'momentum is active only with opt: "sgd". Add opt.'),
    Bad("initial trial that is a list", {"spec.initialTrials[0]": [1]}, "spec.initialTrials[0]", "[1]: must be an object. Use NAME: VALUE for each field.", "must be of type object"),
    # objective, algorithm, early stopping, metrics
    Bad("no objective", {"spec.objective": REMOVE}, "spec.objective", "exactly one of objective and objectives is required. Set one of them, such as objective: {metric: loss, type: minimize}.", "exactly one of objective and objectives is required. Set one of them, such as objective: {metric: loss, type: minimize}."),
    Bad("one objective and several", {"spec.objectives": SEVERAL["spec.objectives"]}, "spec.objective", "exactly one of objective and objectives is required. Set one of them, such as objective: {metric: loss, type: minimize}.", "exactly one of objective and objectives is required. Set one of them, such as objective: {metric: loss, type: minimize}."),
    Bad("several objectives that are one", {**SEVERAL, "spec.objectives": SEVERAL["spec.objectives"][:1]}, "spec.objectives", "must have at least 2 items. Add one.", "should have at least 2 items"),
    Bad("five objectives", {**SEVERAL, "spec.objectives": [{"metric": name, "type": "minimize"} for name in "abcde"]}, "spec.objectives", "must have at most 4 items.", "must have at most 4 items"),
    Bad("one of several twice", {**SEVERAL, "spec.objectives": [{"metric": "a", "type": "minimize"}, {"metric": "a", "type": "maximize"}]}, "spec.objectives[1].metric", '"a". Remove it.', "Duplicate value"),
    Bad("a goal of several", {**SEVERAL, "spec.objectives": [{"metric": "a", "type": "minimize", "goal": 1}, {"metric": "b", "type": "maximize"}]}, "spec.objectives[0].goal", 'unknown field "goal". Use one of metric, type.', "unknown field"),
    Bad("an algorithm of one objective for two", {**SEVERAL, "spec.algorithm": {"cmaes": {}}}, "spec.algorithm.cmaes", "cmaes supports one objective. For several objectives, use one of random, grid, qmc, gp, nsga2, plugin, tpe.", "cmaes supports one objective. For several objectives, use one of random, grid, qmc, gp, nsga2, plugin, tpe."),
    Bad("resource is the second objective", {**SEVERAL, "spec.earlyStopping.asha.resource": "latency"}, "spec.earlyStopping.asha.resource", "must not be an objective. Use the name of the step that measures progress, such as epoch.", "must not be an objective. Use the name of the step that measures progress, such as epoch."),
    Bad("unknown direction", {"spec.objective.type": "max"}, "spec.objective.type", '"maximize"', "Unsupported value"),
    Bad("Katib's field", {"spec.objective.objectiveMetricName": "x"}, "spec.objective.objectiveMetricName", 'unknown field "objectiveMetricName". Use metric.', "unknown field"),
    Bad("objective as additional metric", {"spec.objective.additionalMetrics": ["val_accuracy"]}, "spec.objective.additionalMetrics", "must not contain the metric of the objective. Remove it.", "must not contain the metric of the objective. Remove it."),
    Bad("additional metric twice", {"spec.objective.additionalMetrics": ["a", "a"]}, "spec.objective.additionalMetrics[1]", '"a". Remove it.', "Duplicate value"),
    Bad("two algorithms", {"spec.algorithm.random": {}}, "spec.algorithm", "exactly one of random, grid, qmc, gp, cmaes, nsga2, plugin, tpe is required. Set one of them, such as tpe: {}.", "exactly one of random, grid, qmc, gp, cmaes, nsga2, plugin, tpe is required. Set one of them, such as tpe: {}."),
    Bad("no algorithm", {"spec.algorithm": {"seed": 1}}, "spec.algorithm", "exactly one of random, grid, qmc, gp, cmaes, nsga2, plugin, tpe is required. Set one of them, such as tpe: {}.", "exactly one of random, grid, qmc, gp, cmaes, nsga2, plugin, tpe is required. Set one of them, such as tpe: {}."),
    Bad("unknown algorithm", {"spec.algorithm": {"tpa": {}}}, "spec.algorithm.tpa", 'unknown field "tpa". Did you mean tpe?', "unknown field"),
    Bad("setting out of bounds", {"spec.algorithm.tpe.eiCandidates": 0}, "spec.algorithm.tpe.eiCandidates", "0: must be at least 1. Use 1 or more.", "should be greater than or equal to 1"),
    Bad("unknown setting", {"spec.algorithm.tpe.startupTrial": 3}, "spec.algorithm.tpe.startupTrial", 'unknown field "startupTrial". Did you mean startupTrials?', "unknown field"),
    Bad("warm start from nothing", {"spec.warmStart": {"experiments": []}}, "spec.warmStart.experiments", "must have at least 1 item. Add one.", "should have at least 1 items"),
    Bad("warm start from itself", {"spec.warmStart": {"experiments": ["other", "mnist"]}}, "spec.warmStart.experiments", "must not contain the Experiment itself. Remove it.", "must not contain the Experiment itself. Remove it."),
    Bad("warm start twice from one", {"spec.warmStart": {"experiments": ["a", "a"]}}, "spec.warmStart.experiments[1]", '"a". Remove it.', "Duplicate value"),
    Bad("warm start of another namespace", {"spec.warmStart": {"experiments": ["team/mnist"]}}, "spec.warmStart.experiments[0]", '"team/mnist": must consist of a-z, 0-9 or \'-\', and must start and end', "should match"),
    Bad("generation of none", {"spec.algorithm": {"cmaes": {"populationSize": 1}}}, "spec.algorithm.cmaes.populationSize", "1: must be at least 4. Use 4 or more.", "should be greater than or equal to 4"),
    Bad("step size beyond the range", {"spec.algorithm": {"cmaes": {"sigma": 2}}}, "spec.algorithm.cmaes.sigma", "2: must be at most 1. Use 1 or less.", "should be less than or equal to 1"),
    Bad("more than a Gaussian process can take", {"spec.algorithm": {"gp": {"maxObservations": 5000}}}, "spec.algorithm.gp.maxObservations", "5000: must be at most 1000.", "should be less than or equal to 1000"),
    Bad("certain beyond doubt", {"spec.algorithm": {"nsga2": {"crossoverProbability": 1.5}}}, "spec.algorithm.nsga2.crossoverProbability", "1.5: must be at most 1. Use 1 or less.", "should be less than or equal to 1"),
    Bad("sampler plug-in without a name", {"spec.algorithm": {"plugin": {"settings": {}}}}, "spec.algorithm.plugin.name", "add name: NAME.", "Required value"),
    Bad("no early stopping rule", {"spec.earlyStopping": {}}, "spec.earlyStopping", "requires a rule. Set one, such as asha: {maxResource: 27}, or remove earlyStopping.", "requires a rule. Set one, such as asha: {maxResource: 27}, or remove earlyStopping."),
    Bad("two early stopping rules", {"spec.earlyStopping.median": {"maxResource": 9}}, "spec.earlyStopping", "must not have two rules that compare trials. Keep one of asha, hyperband, successiveHalving, median, pbt, plugin.", "must not have two rules that compare trials. Keep one of asha, hyperband, successiveHalving, median, pbt, plugin."),
    Bad("unknown early stopping rule", {"spec.earlyStopping": {"successive_halving": {"maxResource": 9}}}, "spec.earlyStopping.successive_halving", 'unknown field "successive_halving". Did you mean successiveHalving?', "unknown field"),
    Bad("unknown setting of a rule", {"spec.earlyStopping.asha.eta": 4}, "spec.earlyStopping.asha.eta", 'unknown field "eta". Use one of resource, minResource, maxResource, reductionFactor, variant, brackets, rungSkew.', "unknown field"),
    Bad("unknown variant", {"spec.earlyStopping.asha.variant": "pausing"}, "spec.earlyStopping.asha.variant", '"promotion" or "stopping"', "Unsupported value"),
    Bad("promotion without checkpoint", {"spec.earlyStopping.asha.variant": "promotion", "spec.checkpoint": REMOVE}, "spec.checkpoint", "variant promotion of asha resumes trials from checkpoints. Set spec.checkpoint, or use variant: stopping.", "variant promotion of asha resumes trials from checkpoints. Set spec.checkpoint, or use variant: stopping."),
    Bad("hyperband's promotion without checkpoint", {"spec.earlyStopping": {"hyperband": {"maxResource": 9, "variant": "promotion"}}, "spec.checkpoint": REMOVE}, "spec.checkpoint", "variant promotion of hyperband resumes trials from checkpoints. Set spec.checkpoint, or use variant: stopping.", "variant promotion of hyperband resumes trials from checkpoints. Set spec.checkpoint, or use variant: stopping."),
    Bad("hyperband's first rung above the last", {"spec.earlyStopping": {"hyperband": {"maxResource": 9, "minResource": 10}}}, "spec.earlyStopping.hyperband.minResource", "10: must not be above maxResource. Swap minResource and maxResource.", "must not be above maxResource. Swap minResource and maxResource."),
    Bad("halving without checkpoint", {"spec.earlyStopping": {"successiveHalving": {"maxResource": 9, "trials": 20}}, "spec.checkpoint": REMOVE}, "spec.checkpoint", "successiveHalving resumes trials from checkpoints. Set spec.checkpoint, or use asha.", "successiveHalving resumes trials from checkpoints. Set spec.checkpoint, or use asha."),
    Bad("batches that do not fill", {"spec.earlyStopping": {"successiveHalving": {"maxResource": 9, "trials": 27}}}, "spec.earlyStopping.successiveHalving.trials", "must divide maxTrialCount, because every batch must be full. Use maxTrialCount: 189.", "must divide maxTrialCount, because every batch must be full. Use a maxTrialCount that is a multiple of trials."),
    Bad("batches too small", {"spec.earlyStopping": {"successiveHalving": {"maxResource": 9, "trials": 8}}}, "spec.earlyStopping.successiveHalving.trials", "8: is too small for the number of rungs. Use at least 9."),
    Bad("grace beyond the end", {"spec.earlyStopping": {"median": {"maxResource": 9, "gracePeriod": 10}}}, "spec.earlyStopping.median.gracePeriod", "10: must not be above maxResource. Lower gracePeriod.", "must not be above maxResource. Lower gracePeriod."),
    Bad("too many comparisons", {"spec.earlyStopping": {"median": {"maxResource": 65, "interval": 1}}}, "spec.earlyStopping.median.interval", "1: results in more than 64 comparisons. Use at least 2.", "results in more than 64 comparisons. Use a larger interval."),
    Bad("patience of nothing", {"spec.earlyStopping.patience": {"steps": 0}}, "spec.earlyStopping.patience.steps", "0: must be at least 1. Use 1 or more.", "should be greater than or equal to 1"),
    Bad("negative patience", {"spec.earlyStopping.patience": {"steps": 3, "minDelta": -1}}, "spec.earlyStopping.patience.minDelta", "-1: must be at least 0. Use 0 or more.", "should be greater than or equal to 0"),
    Bad("threshold without value", {"spec.earlyStopping.threshold": {"step": 3}}, "spec.earlyStopping.threshold.value", "add value: 0.5.", "Required value"),
    Bad("a population without checkpoint", {"spec.earlyStopping": {"pbt": {"perturbationInterval": 3, "maxResource": 27}}, "spec.parallelTrialCount": 200, "spec.checkpoint": REMOVE}, "spec.checkpoint", "pbt copies checkpoints between trials. Set spec.checkpoint.", "pbt copies checkpoints"),
    Bad("a population in turns", {"spec.earlyStopping": {"pbt": {"perturbationInterval": 3, "maxResource": 27}}}, "spec.parallelTrialCount", "8: must equal maxTrialCount, because the population of pbt runs at the same time. Set both to the size of the population.", "must equal maxTrialCount, because the population of pbt runs at the same time. Set both to the size of the population."),
    Bad("a population never compared", {"spec.earlyStopping": {"pbt": {"perturbationInterval": 27, "maxResource": 27}}, "spec.parallelTrialCount": 200}, "spec.earlyStopping.pbt.perturbationInterval", "27: must be below maxResource. Lower perturbationInterval.", "must be below maxResource. Lower perturbationInterval."),
    Bad("a population compared too often", {"spec.earlyStopping": {"pbt": {"perturbationInterval": 1, "maxResource": 65}}, "spec.parallelTrialCount": 200}, "spec.earlyStopping.pbt.perturbationInterval", "1: results in more than 64 comparisons. Use at least 2.", "results in more than 64 comparisons. Use a larger perturbationInterval."),
    Bad("more than half of a population", {"spec.earlyStopping": {"pbt": {"perturbationInterval": 3, "maxResource": 27, "quantileFraction": 0.6}}, "spec.parallelTrialCount": 200}, "spec.earlyStopping.pbt.quantileFraction", "0.6: must be at most 0.5.", "should be less than or equal to 0.5"),
    Bad("negative perturbation factors", {"spec.earlyStopping": {"pbt": {"perturbationInterval": 3, "maxResource": 27, "perturbationFactors": [0.8, -1.2]}}, "spec.parallelTrialCount": 200}, "spec.earlyStopping.pbt.perturbationFactors[1]", "-1.2: must be greater than 0.", "should be greater than 0"),
    Bad("plug-in without name", {"spec.earlyStopping": {"plugin": {}}}, "spec.earlyStopping.plugin.name", "add name: NAME.", "Required value"),
    Bad("resource without a budget", {"spec.earlyStopping": {"patience": {"steps": 3}}}, f"{CONTAINER}.command[5]", "${resource} requires earlyStopping. Set earlyStopping, or use a number."),
    Bad("first rung above the last", {"spec.earlyStopping.asha.minResource": 30}, "spec.earlyStopping.asha.minResource", "30: must not be above maxResource. Swap minResource and maxResource.", "must not be above maxResource. Swap minResource and maxResource."),
    Bad("more brackets than rungs", {"spec.earlyStopping.asha.brackets": 5}, "spec.earlyStopping.asha.brackets", "5: must not exceed the number of rungs. Use at most 4."),
    Bad("rungSkew below 0", {"spec.earlyStopping.asha.rungSkew": -0.5}, "spec.earlyStopping.asha.rungSkew", "-0.5: must be at least 0. Use 0 or more.", "should be greater than or equal to 0"),
    Bad("rungSkew above 1", {"spec.earlyStopping.asha.rungSkew": 1.5}, "spec.earlyStopping.asha.rungSkew", "1.5: must be at most 1. Use 1 or less.", "should be less than or equal to 1"),
    Bad("rungSkew of hyperband", {"spec.earlyStopping": {"hyperband": {"maxResource": 27, "rungSkew": 0.5}}}, "spec.earlyStopping.hyperband.rungSkew", 'unknown field "rungSkew". Use one of resource, minResource, maxResource, reductionFactor, variant.', "unknown field"),
    Bad("resource is the objective", {"spec.earlyStopping.asha.resource": "val_accuracy"}, "spec.earlyStopping.asha.resource", "must not be an objective. Use the name of the step that measures progress, such as epoch.", "must not be an objective. Use the name of the step that measures progress, such as epoch."),
    Bad("resource of another rule is the objective", {"spec.earlyStopping": {"median": {"maxResource": 9, "resource": "val_accuracy"}}}, "spec.earlyStopping.median.resource", "must not be an objective. Use the name of the step that measures progress, such as epoch.", "must not be an objective. Use the name of the step that measures progress, such as epoch."),
    Bad("no source of metrics", {"spec.metrics": {}}, "spec.metrics", "stdout is required. Set stdout, such as stdout: {}.", "stdout is required. Set stdout, such as stdout: {}."),
    Bad("invalid pattern", {"spec.metrics.stdout.pattern": "(?P<name>a)(?P<value>"}, "spec.metrics.stdout.pattern", "'(?P<name>a)(?P<value>': must be an RE2 expression: missing ): (?P<name>a)(?P<value>. RE2 has no look-around."),
    Bad("pattern without groups", {"spec.metrics.stdout.pattern": "acc=(?P<value>.*)"}, "spec.metrics.stdout.pattern", r'"acc=(?P<value>.*)": must have the groups (?P<name>...) and (?P<value>...). Use groups as in (?P<name>\w+): (?P<value>[0-9.e+-]+|nan).', "must have the groups (?P<name>...) and (?P<value>...). Use groups as in (?P<name>\\w+): (?P<value>[0-9.e+-]+|nan)."),
    Bad("one of the patterns without groups", {"spec.metrics.stdout.patterns": [r"(?P<name>\w+): (?P<value>\S+)", "acc=(?P<value>.*)"]}, "spec.metrics.stdout.patterns", "each pattern must have the groups (?P<name>...) and (?P<value>...). Use groups as in (?P<name>\\w+): (?P<value>[0-9.e+-]+|nan).", "each pattern must have the groups (?P<name>...) and (?P<value>...). Use groups as in (?P<name>\\w+): (?P<value>[0-9.e+-]+|nan)."),
    Bad("pattern with a group twice", {"spec.metrics.stdout.pattern": r"(?P<name>a): (?P<value>\S+)|(?P<name>a)=(?P<value>\S+)"}, "spec.metrics.stdout.pattern", "'(?P<name>a): (?P<value>\\\\S+)|(?P<name>a)=(?P<value>\\\\S+)': must have the group name once. Use one pattern for each format in spec.metrics.stdout.patterns."),
    Bad("pattern that is too large", {"spec.metrics.stdout.pattern": "(?P<name>a)[ab]{900}(?P<value>1)"}, "spec.metrics.stdout.pattern", "400 instructions"),
    Bad("patterns that are too large together", {"spec.metrics.stdout.patterns": ["(?P<name>a)[ab]{200}(?P<value>1)", "(?P<name>b)[ab]{300}(?P<value>1)"]}, "spec.metrics.stdout.patterns", "the patterns compile to 520 instructions, of which at most 400 are allowed. Shorten them."),
    Bad("pattern beside patterns", {"spec.metrics.stdout": {"pattern": r"(?P<name>\w+): (?P<value>\S+)", "patterns": [r"(?P<name>\w+): (?P<value>\S+)"]}}, "spec.metrics.stdout", "must have at most one of format, pattern and patterns. Keep one of them.", "must have at most one of format, pattern and patterns. Keep one of them."),
    # counts and times
    Bad("parallel above max", {"spec.parallelTrialCount": 201}, "spec.parallelTrialCount", "201: must not be above maxTrialCount. Lower it, or raise maxTrialCount.", "must not be above maxTrialCount. Lower it, or raise maxTrialCount."),
    Bad("failures never too many", {"spec.maxFailedTrialCount": 200}, "spec.maxFailedTrialCount", "200: must be below maxTrialCount. Lower it, or remove it.", "must be below maxTrialCount"),
    Bad("no trial at all", {"spec.maxTrialCount": 0, "spec.parallelTrialCount": REMOVE, "spec.maxFailedTrialCount": REMOVE}, "spec.maxTrialCount", "0: must be at least 1. Use 1 or more.", "should be greater than or equal to 1"),
    Bad("quoted count", {"spec.maxTrialCount": "200"}, "spec.maxTrialCount", "without quotes", "must be of type integer"),
    Bad("truth as count", {"spec.parallelTrialCount": True}, "spec.parallelTrialCount", "true: must be an integer. Use a number such as 3.", "spec.parallelTrialCount in body must be of type int"),
    Bad("duration in words", {"spec.maxDuration": "4 hours"}, "spec.maxDuration", '"4 hours": must be a duration. Use a value such as 90s, 45m or 1h30m.', "should match"),
    Bad("duration of nothing", {"spec.maxDuration": "0h"}, "spec.maxDuration", "must be above 0. Use a duration such as 30m or 4h, or remove the field.", "must be above 0. Use a duration such as 30m or 4h, or remove the field."),
    Bad("trial duration of nothing", {"spec.trialTemplate.maxTrialDuration": "0s"}, "spec.trialTemplate.maxTrialDuration", "must be above 0. Use a duration such as 30m or 4h, or remove the field.", "must be above 0. Use a duration such as 30m or 4h, or remove the field."),
    Bad("silence of nothing", {"spec.trialTemplate.silenceTimeout": "0s"}, "spec.trialTemplate.silenceTimeout", "must be above 0. Use a duration such as 30m or 4h, or remove the field.", "must be above 0. Use a duration such as 30m or 4h, or remove the field."),
    Bad("primary container that does not exist", {"spec.trialTemplate.primaryContainer": "trian"}, "spec.trialTemplate.primaryContainer", '"trian": must be the name of a container of the template. Did you mean train?', "must be the name of a container of the template. Use the name of one of them."),
    Bad("default container that does not exist", {f"{TEMPLATE}.metadata.annotations": {"kubectl.kubernetes.io/default-container": "trian"}}, f"{TEMPLATE}.metadata.annotations[kubectl.kubernetes.io/default-container]", 'no container is named "trian". Did you mean train?'),
    Bad("negative retries", {"spec.trialTemplate.retries": -1}, "spec.trialTemplate.retries", "-1: must be at least 0. Use 0 or more.", "should be greater than or equal to 0"),
    # the template
    Bad("no container", {f"{TEMPLATE}.spec.containers": []}, f"{TEMPLATE}.spec.containers", "Required value", "should have at least 1 items"),
    Bad("no Pod spec", {f"{TEMPLATE}.spec": REMOVE}, f"{TEMPLATE}.spec", "Required value", "Required value"),
    Bad("container without name", {f"{CONTAINER}.name": REMOVE}, f"{CONTAINER}.name", "Required value", "Required value"),
    Bad("number as argument", {f"{CONTAINER}.args": ["--workers", 4]}, f"{CONTAINER}.args[1]", 'Invalid value: must be a string, not the number 4. Use quotes: "4".'),
    Bad("boolean as argument", {f"{CONTAINER}.args": [True]}, f"{CONTAINER}.args[0]", 'must be a string, not true. Use quotes, such as "y" or "true"'),
    Bad("null as argument", {f"{CONTAINER}.args": [None]}, f"{CONTAINER}.args[0]", "must be a string, not null"),
    Bad("command as a string", {f"{CONTAINER}.command": "python train.py"}, f"{CONTAINER}.command", 'must be a list, not the string "python train.py". Write [python, train.py].'),
    Bad("working directory as a number", {f"{CONTAINER}.workingDir": 5}, f"{CONTAINER}.workingDir", 'must be a string, not the number 5. Use quotes: "5".'),
    Bad("env as an object", {f"{CONTAINER}.env": {"DATA_DIR": "/data"}}, f"{CONTAINER}.env", 'must be a list, not an object. Write - {name: DATA_DIR, value: "/data"}.'),
    Bad("env as a list of strings", {f"{CONTAINER}.env": ["A=b"]}, f"{CONTAINER}.env[0]", 'must be an object, not the string "A=b". Write {name: A, value: "b"}.'),
    Bad("env without name", {f"{CONTAINER}.env": [{"value": "b"}]}, f"{CONTAINER}.env[0].name", "Required value"),
    Bad("env of null", {f"{CONTAINER}.env": [None]}, f"{CONTAINER}.env[0].name", "Required value"),
    Bad("env with a number", {f"{CONTAINER}.env": [{"name": "N", "value": 4}]}, f"{CONTAINER}.env[0].value", 'Use quotes: "4".'),
    Bad("env with an equals sign", {f"{CONTAINER}.env": [{"name": "A=B", "value": "4"}]}, f"{CONTAINER}.env[0].name", "a valid environment variable name must consist only of printable ASCII"),
    Bad("labels as a list", {f"{TEMPLATE}.metadata.labels": ["a"]}, f"{TEMPLATE}.metadata.labels", "must be an object, not a list"),
    Bad("annotations as a list", {f"{TEMPLATE}.metadata.annotations": ["a"]}, f"{TEMPLATE}.metadata.annotations", "must be an object, not a list"),
    Bad("label with a blank", {f"{TEMPLATE}.metadata.labels": {"a": "b c"}}, f"{TEMPLATE}.metadata.labels[a]", "a valid label must be an empty string or consist of"),
    Bad("label with a number", {f"{TEMPLATE}.metadata.labels": {"a": 1}}, f"{TEMPLATE}.metadata.labels[a]", 'Use quotes: "1".'),
    Bad("label with a bad key", {f"{TEMPLATE}.metadata.labels": {"a b": "c"}}, f"{TEMPLATE}.metadata.labels", "name part must consist of"),
    Bad("node selector as a list", {f"{TEMPLATE}.spec.nodeSelector": [{"gpu": "a100"}]}, f"{TEMPLATE}.spec.nodeSelector", "must be an object, not a list"),
    Bad("quoted number in the template", {f"{TEMPLATE}.spec.terminationGracePeriodSeconds": "60"}, f"{TEMPLATE}.spec.terminationGracePeriodSeconds", 'must be an integer, not the string "60". Write 60 without quotes.'),
    Bad("placeholder as an integer", {f"{TEMPLATE}.spec.terminationGracePeriodSeconds": "${resource}"}, f"{TEMPLATE}.spec.terminationGracePeriodSeconds", "must be an integer"),
    Bad("quoted truth in the template", {f"{TEMPLATE}.spec.hostNetwork": "true"}, f"{TEMPLATE}.spec.hostNetwork", "Write true without quotes"),
    Bad("negative deadline", {f"{TEMPLATE}.spec.activeDeadlineSeconds": 0}, f"{TEMPLATE}.spec.activeDeadlineSeconds", "0: must be between 1 and 2147483647, inclusive."),
    Bad("quantity that is none", {f"{CONTAINER}.resources.limits": {"memory": "4 GB"}}, f"{CONTAINER}.resources.limits[memory]", '"4 GB" is not a quantity'),
    Bad("device without domain", {f"{CONTAINER}.resources.limits": {"gpu": 1}}, f"{CONTAINER}.resources.limits[gpu]", "the full name of a device, such as nvidia.com/gpu"),
    Bad("variable from nowhere", {f"{CONTAINER}.env": [{"name": "A", "valueFrom": {}}]}, f"{CONTAINER}.env[0].valueFrom", "must specify one of: "),
    Bad("volume of an unnamed ConfigMap", {f"{TEMPLATE}.spec.volumes": [{"name": "a", "configMap": {}}]}, f"{TEMPLATE}.spec.volumes[0].configMap.name", "Required value"),
    Bad("variables of an unnamed Secret", {f"{CONTAINER}.envFrom": [{"secretRef": {}}]}, f"{CONTAINER}.envFrom[0].secretRef.name", "Required value"),
    Bad("variable of a Secret with a bad name", {f"{CONTAINER}.env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "My_Secret", "key": "k"}}}]}, f"{CONTAINER}.env[0].valueFrom.secretKeyRef.name", "a lowercase RFC 1123 subdomain must consist of"),
    Bad("probe of nothing", {f"{CONTAINER}.livenessProbe": {"periodSeconds": 3}}, f"{CONTAINER}.livenessProbe", "must specify one of: exec"),
    Bad("mount outside of the volume", {f"{TEMPLATE}.spec.volumes": [{"name": "a", "emptyDir": {}}], f"{CONTAINER}.volumeMounts": [{"name": "a", "mountPath": "/a", "subPath": "../b"}]}, f"{CONTAINER}.volumeMounts[0].subPath", "must be a relative path"),
    Bad("half a device", {f"{CONTAINER}.resources.limits": {"nvidia.com/gpu": "500m"}}, f"{CONTAINER}.resources.limits[nvidia.com/gpu]", '"500m": must be an integer.'),
    Bad("request above the limit", {f"{CONTAINER}.resources": {"limits": {"cpu": 1}, "requests": {"cpu": "1500m"}}}, f"{CONTAINER}.resources.requests[cpu]", '"1500m": must be less than or equal to cpu limit of 1.'),
    Bad("devices requested without limit", {f"{CONTAINER}.resources": {"requests": {"nvidia.com/gpu": 1}}}, f"{CONTAINER}.resources.limits[nvidia.com/gpu]", "Required value"),
    Bad("resources as a list", {f"{CONTAINER}.resources": ["gpu"]}, f"{CONTAINER}.resources", "must be an object, not a list"),
    Bad("container name that is no DNS label", {f"{CONTAINER}.name": "Train_1"}, f"{CONTAINER}.name", "a lowercase RFC 1123 label must consist of"),
    Bad("container name twice", {f"{TEMPLATE}.spec.containers[1]": {"name": "train", "image": "x"}}, f"{TEMPLATE}.spec.containers[1].name", "Duplicate value"),
    Bad("container name of an init container", {f"{TEMPLATE}.spec.initContainers": [{"name": "train", "image": "x"}]}, f"{CONTAINER}.name", "Duplicate value"),
    Bad("container without image", {f"{CONTAINER}.image": REMOVE}, f"{CONTAINER}.image", "Required value"),
    Bad("volume without name", {f"{TEMPLATE}.spec.volumes": [{"emptyDir": {}}]}, f"{TEMPLATE}.spec.volumes[0].name", "Required value"),
    Bad("volume name with a path", {f"{TEMPLATE}.spec.volumes": [{"name": "../..", "emptyDir": {}}]}, f"{TEMPLATE}.spec.volumes[0].name", "a lowercase RFC 1123 label must consist of"),
    Bad("volume with two sources", {f"{TEMPLATE}.spec.volumes": [{"name": "a", "emptyDir": {}, "hostPath": {"path": "/"}}]}, f"{TEMPLATE}.spec.volumes[0]", "may not specify more than one of: emptyDir, hostPath."),
    Bad("mount of no volume", {f"{TEMPLATE}.spec.volumes": [{"name": "data", "emptyDir": {}}], f"{CONTAINER}.volumeMounts": [{"name": "dta", "mountPath": "/d"}]}, f"{CONTAINER}.volumeMounts[0].name", 'Not found: "dta": no volume has this name. Did you mean data?'),
    Bad("unknown pull policy", {f"{CONTAINER}.imagePullPolicy": "always"}, f"{CONTAINER}.imagePullPolicy", '"always": supported values: "Always", "IfNotPresent", "Never".'),
    Bad("containers as an object", {f"{TEMPLATE}.spec.initContainers": {"name": "a"}}, f"{TEMPLATE}.spec.initContainers", "must be a list, not an object"),
    Bad("container as a string", {f"{TEMPLATE}.spec.initContainers": ["busybox"]}, f"{TEMPLATE}.spec.initContainers[0]", "must be an object"),
    Bad("field of no Kubernetes", {f"{TEMPLATE}.spec.gpus": 4}, f"{TEMPLATE}.spec.gpus", 'unknown field "gpus"'),
    Bad("misspelt field of a container", {f"{CONTAINER}.comand": ["x"]}, f"{CONTAINER}.comand", 'unknown field "comand". Did you mean command?'),
    Bad("misspelt field of the Pod", {f"{TEMPLATE}.spec.nodeselector": {}}, f"{TEMPLATE}.spec.nodeselector", 'unknown field "nodeselector". Did you mean nodeSelector?'),
    Bad("restarts in place", {f"{TEMPLATE}.spec.restartPolicy": "OnFailure"}, f"{TEMPLATE}.spec.restartPolicy", "use trialTemplate.retries", "Unsupported value"),
    Bad("unknown parameter in the template", {f"{CONTAINER}.command[3]": "${parameters.lrate}"}, f"{CONTAINER}.command[3]", "${parameters.lrate} is not defined. Did you mean parameters.lr?"),
    Bad("bare parameter in the template", {f"{CONTAINER}.command[3]": "${lr}"}, f"{CONTAINER}.command[3]", "${lr} is not defined. Did you mean parameters.lr?"),
    Bad("unknown variable in the template", {f"{CONTAINER}.command[3]": "--name=${trial.nam}"}, f"{CONTAINER}.command[3]", "${trial.nam} is not defined. Did you mean trial.name?"),
    Bad("conditional parameter in the template", {f"{CONTAINER}.command[3]": "${parameters.momentum}"}, f"{CONTAINER}.command[3]", "TOPRUNG_PARAMETERS"),
    Bad("resource without early stopping", {"spec.earlyStopping": REMOVE}, f"{CONTAINER}.command[5]", "${resource} requires earlyStopping. Set earlyStopping, or use a number."),
    # the manifest as a whole
    Bad("name too long", {"metadata.name": "a" * 49}, "metadata.name", "must be a DNS label of at most 48 characters, because names of Pods begin with it. Use a-z, 0-9 and -, no dot, and no - at the start or end.", "must be a DNS label of at most 48 characters, because names of Pods begin with it. Use a-z, 0-9 and -, no dot, and no - at the start or end."),
    Bad("name with a dot", {"metadata.name": "a.b"}, "metadata.name", "no dot", "no dot"),
    Bad("unknown field", {"spec.maxTrials": 3}, "spec.maxTrials", 'unknown field "maxTrials". Did you mean maxTrialCount?', "unknown field"),
    Bad("Python's spelling", {"spec.max_duration": "3h"}, "spec.max_duration", 'unknown field "max_duration". Did you mean maxDuration?', "unknown field"),
    Bad("relative mount path", {"spec.checkpoint.mountPath": "ckpt"}, "spec.checkpoint.mountPath", '"ckpt": must be an absolute path. Use a path such as /checkpoints.', "should match"),
    Bad("checkpoint without volume", {"spec.checkpoint": {}}, "spec.checkpoint.volume", "add volume: {", "Required value"),
    Bad("two volumes", {"spec.checkpoint.volume.emptyDir": {}}, "spec.checkpoint.volume", "must have at most 1 item. Remove some.", "must have at most 1 item"),
    Bad("spec is a list", {"spec": []}, "spec", "must be an object. Use the fields objective, ", "must be of type object"),
    Bad("no spec", {"spec": REMOVE}, "spec", "add objective, parameters, maxTrialCount and trialTemplate.", "Required value"),
]  # fmt: skip

UPDATES = [
    Update("more in parallel", {"spec.parallelTrialCount": 16}),
    Update("more trials", {"spec.maxTrialCount": 400}),
    Update("fewer trials than made", {"spec.maxTrialCount": 11, "spec.parallelTrialCount": 1}),
    Update("more failures", {"spec.maxFailedTrialCount": 20}),
    Update("any failures", {"spec.maxFailedTrialCount": REMOVE}),
    Update("longer", {"spec.maxDuration": "8h"}),
    Update("suspended", {"spec.suspend": True}),
    Update("another goal", {"spec.objective.goal": 0.9}),
    Update("a default written out", {"spec.objective.strategy": "best"}),
    Update("another metric", {"spec.objective.metric": "loss"}, "spec.objective.metric"),
    Update("another direction", {"spec.objective.type": "minimize"}, "spec.objective.type"),
    Update("another strategy", {"spec.objective.strategy": "last"}, "spec.objective.strategy"),
    Update("another metric to record", {"spec.objective.additionalMetrics": []}, "spec.objective.additionalMetrics"),
    Update("several objectives in place of one", SEVERAL, "spec.objectives"),
    Update("nothing of several", {}, several=True),
    Update("another order of several", {"spec.objectives": SEVERAL["spec.objectives"][::-1]}, "spec.objectives", several=True),
    Update("another direction of several", {"spec.objectives[1].type": "maximize"}, "spec.objectives", several=True),
    Update("one more of several", {"spec.objectives[2]": {"metric": "size", "type": "minimize"}}, "spec.objectives", several=True),
    Update("one objective in place of several", {"spec.objectives": REMOVE, "spec.objective": BASE["spec"]["objective"]}, "spec.objectives", several=True),
    Update("another bound", {f"{LR}.max": 0.2}, "spec.parameters"),
    Update("another value", {f"{BATCH}.values": [32, 64, 128, 512]}, "spec.parameters"),
    Update("one parameter more", {NEW: ranged("x")}, "spec.parameters"),
    Update("one parameter less", {DROPOUT: REMOVE}, "spec.parameters"),
    Update("another order", {LR: BASE["spec"]["parameters"][1], LAYERS: BASE["spec"]["parameters"][0]}, "spec.parameters"),
    Update("another condition", {f"{MOMENTUM}.when.in": ["adam"]}, "spec.parameters"),
    Update("another initial trial", {"spec.initialTrials[0].lr": 0.02}, "spec.initialTrials"),
    Update("no initial trial", {"spec.initialTrials": []}, "spec.initialTrials"),
    Update("another algorithm", {"spec.algorithm": {"random": {}}}, "spec.algorithm"),
    Update("another setting", {"spec.algorithm.tpe.eiCandidates": 48}, "spec.algorithm"),
    Update("another rule", {"spec.earlyStopping": {"hyperband": {"maxResource": 27}}}, "spec.earlyStopping"),
    Update("patience as well", {"spec.earlyStopping.patience": {"steps": 3}}, "spec.earlyStopping"),
    Update("another warm start", {"spec.warmStart": {"experiments": ["a"]}}, "spec.warmStart"),
    Update("another budget", {"spec.earlyStopping.asha.maxResource": 81}, "spec.earlyStopping"),
    Update("another pattern", {"spec.metrics.stdout.pattern": "(?P<name>a) (?P<value>b)"}, "spec.metrics"),
    Update("no checkpoint", {"spec.checkpoint": REMOVE}, "spec.checkpoint"),
    Update("another volume", {"spec.checkpoint.volume": {"persistentVolumeClaim": {"claimName": "b"}}}, "spec.checkpoint"),
    Update("another kind of volume", {"spec.checkpoint.volume": {"emptyDir": {}}}, "spec.checkpoint"),
    Update("another retention", {"spec.podRetention.keep": "failed"}, "spec.podRetention"),
    Update("another image", {f"{CONTAINER}.image": "registry.example/mnist:2"}, "spec.trialTemplate"),
    Update("another command", {f"{CONTAINER}.command[1]": "other.py"}, "spec.trialTemplate"),
    Update("arguments in place of a command", {f"{CONTAINER}.command": REMOVE, f"{CONTAINER}.args": BASE["spec"]["trialTemplate"]["template"]["spec"]["containers"][0]["command"]}, "spec.trialTemplate"),
    Update("another parameter to try", {"spec.initialTrials[0].lr": REMOVE, "spec.initialTrials[0].dropout": 0.1}, "spec.initialTrials"),
    Update("another label", {f"{TEMPLATE}.metadata.labels.app": "other"}, "spec.trialTemplate"),
    Update("more retries", {"spec.trialTemplate.retries": 2}, "spec.trialTemplate"),
]  # fmt: skip
