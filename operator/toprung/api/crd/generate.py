"""The CustomResourceDefinitions, made from the models.

`python -m toprung.api.crd.generate crds/` writes them; with `--check` it only says whether they are as the models say.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from toprung.api.crd.cel import CelRule, validations
from toprung.api.crd.schema import ANYTHING, Schema, structural_schema
from toprung.api.crd.schema_linter import lint
from toprung.api.names import EXPERIMENT_NAME, MAX_EXPERIMENT_NAME
from toprung.api.pod_template.schema import fields_of
from toprung.api.v1alpha1.base import GROUP, VERSION
from toprung.api.v1alpha1.experiment import ExperimentSpec, ExperimentStatus
from toprung.api.v1alpha1.immutability import TRANSITION_RULES
from toprung.api.v1alpha1.trial import TrialSpec, TrialState, TrialStatus
from toprung.errors import InternalError

HEADER = "# Generated from operator/toprung/api by `make crds`; change the models instead.\n"

NAME_RULE = CelRule(
    f"size(self.metadata.name) <= {MAX_EXPERIMENT_NAME} && self.metadata.name.matches('{EXPERIMENT_NAME}')",
    message=f"Pods are named after it: write at most {MAX_EXPERIMENT_NAME} of a-z, 0-9 and -, no dot",
)

WARM_START_RULE = CelRule(
    "!has(self.spec.warmStart) || !(self.metadata.name in self.spec.warmStart.experiments)",
    message="an Experiment can't start from itself; name others",
    path=".spec.warmStart.experiments",
)


def _open(properties: Schema, known: tuple[str, ...], **more: Any) -> Schema:
    """Make an object that takes any field, and knows some of them, those with a schema of their own first."""
    rest = {name: dict(ANYTHING) for name in known if name not in properties}
    return {"type": "object", **more, "properties": properties | rest, **ANYTHING}


_CONTAINER = _open(
    {"name": {"type": "string", "minLength": 1, "maxLength": 63, "description": "Its name in the Pod."}},
    fields_of("Container"),
    required=["name"],
)
_POD_SPEC = _open(
    {
        "containers": {
            "type": "array",
            "description": "What runs; the first one, or the one that the annotation "
            "kubectl.kubernetes.io/default-container names, prints the metrics.",
            "minItems": 1,
            "maxItems": 64,
            "items": _CONTAINER,
        },
        "restartPolicy": {
            "type": "string",
            "description": "Never; trialTemplate.retries says how often a trial is tried again.",
            "enum": ["Never"],
        },
    },
    fields_of("PodSpec"),
    description="The spec of a Pod.",
    required=["containers"],
)
_POD_TEMPLATE = _open(
    {
        "metadata": _open({}, ("annotations", "labels"), description="Labels and annotations of the trial Pods."),
        "spec": _POD_SPEC,
    },
    (),
    required=["spec"],
)


def experiment_crd() -> dict[str, Any]:
    """Make the definition of Experiment."""
    spec = structural_schema(ExperimentSpec)
    trial_template = spec["properties"]["trialTemplate"]["properties"]
    trial_template["template"] = {"description": trial_template["template"]["description"], **_POD_TEMPLATE}
    return _definition(
        kind="Experiment",
        short_names=["exp"],
        description="Tunes the hyperparameters of a training program: runs trials, stops the losers, keeps the best.",
        spec=spec,
        status=ExperimentStatus,
        rules=(NAME_RULE, WARM_START_RULE, *TRANSITION_RULES),
        columns=(
            _column("Status", ".status.state"),
            _column("Done", ".status.done"),
            _column("Running", ".status.trials.running", "integer"),
            _column("Best", ".status.best.displayValue"),
            _column("Pareto Front", ".status.paretoFrontSize", "integer", priority=1),
        ),
        scale={
            "specReplicasPath": ".spec.parallelTrialCount",
            "statusReplicasPath": ".status.trials.running",
            "labelSelectorPath": ".status.selector",
        },
    )


def trial_crd() -> dict[str, Any]:
    """Make the definition of Trial."""
    spec = structural_schema(TrialSpec)
    spec |= validations(
        CelRule("self == oldSelf", message="a Trial's spec never changes", reason="FieldValueForbidden")
    )
    return _definition(
        kind="Trial",
        description="One configuration of an Experiment and all that is known of it; made by the operator.",
        spec=spec,
        status=TrialStatus,
        newborn={"state": str(TrialState.PENDING)},
        rules=(),
        columns=(
            _column("Status", ".status.state"),
            _column("Step", ".status.latest.step", "integer"),
            _column("Value", ".status.latest.displayValue"),
            _column("Best", ".status.best.displayValue"),
            _column("Rung", ".status.rung", "integer"),
            _column("Parameters", ".status.parameters"),
        ),
    )


def render(definition: dict[str, Any]) -> str:
    """Write a definition as the file in crds/."""
    return HEADER + yaml.safe_dump(definition, sort_keys=False, width=120, allow_unicode=True)


def files() -> dict[str, str]:
    """Give name -> content of every file in crds/."""
    return {f"{crd['metadata']['name']}.yaml": render(crd) for crd in (experiment_crd(), trial_crd())}


def _definition(
    *,
    kind: str,
    description: str,
    spec: Schema,
    status: type[BaseModel],
    rules: tuple[CelRule, ...],
    columns: tuple[Schema, ...],
    short_names: Sequence[str] = (),
    scale: Schema | None = None,
    newborn: Schema | None = None,
) -> dict[str, Any]:
    """Make a definition; `newborn` is what the API server gives for the status until one is written."""
    singular = kind.lower()
    plural = f"{singular}s"
    names = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": singular}
    subresources: Schema = {"status": {}} | ({"scale": scale} if scale else {})
    schema = {
        "type": "object",
        "description": description,
        "required": ["spec"],
        "properties": {"spec": spec, "status": _status(status, newborn)},
        **(validations(*rules) if rules else {}),
    }
    if errors := tuple(lint(schema)):
        raise InternalError("\n".join(map(str, errors)))
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": names | ({"shortNames": list(short_names)} if short_names else {}) | {"categories": ["toprung"]},
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": subresources,
                    "additionalPrinterColumns": [*columns, _column("Age", ".metadata.creationTimestamp", "date")],
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


def _status(model: type[BaseModel], newborn: Schema | None) -> Schema:
    schema: Schema = without_defaults(structural_schema(model))
    return schema | ({"default": newborn} if newborn else {})


def without_defaults(schema: Any) -> Any:
    """Leave defaults out: a status says what was written, and no more."""
    if isinstance(schema, dict):
        kept = {k: v for k, v in schema.items() if k != "default" or not isinstance(schema.get("type"), str)}
        return {key: without_defaults(value) for key, value in kept.items()}
    return [without_defaults(item) for item in schema] if isinstance(schema, list) else schema


def _column(name: str, path: str, type_: str = "string", *, priority: int = 0) -> Schema:
    """Make a column; those of priority 1 are shown by `kubectl get -o wide` alone."""
    return {"name": name, "type": type_, "jsonPath": path, **({"priority": priority} if priority else {})}


def stale(folder: Path) -> list[str]:
    """Name the files of a folder that are not what the models say, are missing, or should not be there."""
    wanted = files()
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.yaml")}
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))


def main(folder: Path, *, check: bool) -> str | None:
    """Write the files, or only check them; returns what is wrong."""
    if check:
        return f"run `make crds`, the models say other than {names}" if (names := ", ".join(stale(folder))) else None
    for name, content in files().items():
        (folder / name).write_text(content, encoding="utf-8")
    return None


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[-1]), check="--check" in sys.argv))
