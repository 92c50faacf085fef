"""The table of valid Experiments, for all validators: pydantic, the CRD's schema, a real API server."""

from __future__ import annotations

from support.manifests import (
    CONTAINER,
    MINIMAL,
    NEW,
    REMOVE,
    SEVERAL,
    TEMPLATE,
    Good,
    choice,
    ranged,
)

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
