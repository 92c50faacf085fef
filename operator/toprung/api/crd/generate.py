"""Generates the CustomResourceDefinitions from the models.

`python -m toprung.api.crd.generate crds/` writes them. With `--check`, it only reports files that are out of date.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from podspec.types import fields_of
from toprung.api.crd.cel import CelRule, validations
from toprung.api.crd.schema import ANYTHING, Schema, structural_schema
from toprung.api.crd.schema_linter import lint
from toprung.api.v1alpha1.base import GROUP, VERSION
from toprung.api.v1alpha1.cross_field import cel_rules
from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.api.v1alpha1.experiment_rules import NAME_RULE, WARM_START_RULE
from toprung.api.v1alpha1.experiment_status import ExperimentStatus
from toprung.api.v1alpha1.immutability import TRANSITION_RULES
from toprung.api.v1alpha1.trial import TrialSpec, TrialState, TrialStatus
from toprung.errors import InternalError

HEADER = "# Generated from operator/toprung/api by `make crds`; do not edit.\n"


def _open(properties: Schema, known: tuple[str, ...], **more: Any) -> Schema:
    """Return the schema of an object with some known fields that accepts any other field."""
    rest = {name: dict(ANYTHING) for name in known if name not in properties}
    return {"type": "object", **more, "properties": properties | rest, **ANYTHING}


_CONTAINER = _open(
    {"name": {"type": "string", "minLength": 1, "maxLength": 63, "description": "Name of the container."}},
    fields_of("Container"),
    required=["name"],
)
_POD_SPEC = _open(
    {
        "containers": {
            "type": "array",
            "description": "Containers of the Pod. The primary container prints the metrics; see "
            "trialTemplate.primaryContainer.",
            "minItems": 1,
            "maxItems": 64,
            "items": _CONTAINER,
        },
        "restartPolicy": {
            "type": "string",
            "description": "Must be Never. Use trialTemplate.retries to retry a trial.",
            "enum": ["Never"],
        },
    },
    fields_of("PodSpec"),
    description="PodSpec of the trial Pods.",
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
    """Return the definition of Experiment."""
    spec = structural_schema(ExperimentSpec)
    trial_template = spec["properties"]["trialTemplate"]["properties"]
    trial_template["template"] = {"description": trial_template["template"]["description"], **_POD_TEMPLATE}
    return _definition(
        kind="Experiment",
        short_names=["exp"],
        description="An Experiment tunes the hyperparameters of a training program. It runs trials, stops poor "
        "trials early, and reports the best configuration.",
        spec=spec,
        status=ExperimentStatus,
        rules=(*cel_rules((NAME_RULE, WARM_START_RULE)), *TRANSITION_RULES),
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
    """Return the definition of Trial."""
    spec = structural_schema(TrialSpec)
    spec |= validations(CelRule("self == oldSelf", message="immutable", reason="FieldValueForbidden"))
    return _definition(
        kind="Trial",
        description="A Trial evaluates one configuration of an Experiment and records its results. The operator "
        "creates it.",
        spec=spec,
        status=TrialStatus,
        initial_status={"state": str(TrialState.PENDING)},
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
    """Render a definition as a file of crds/."""
    return HEADER + yaml.safe_dump(definition, sort_keys=False, width=120, allow_unicode=True)


def files() -> dict[str, str]:
    """Return name -> content of every file in crds/."""
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
    initial_status: Schema | None = None,
) -> dict[str, Any]:
    """Return a definition; `initial_status` is the default of the status."""
    singular = kind.lower()
    plural = f"{singular}s"
    names = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": singular}
    subresources: Schema = {"status": {}} | ({"scale": scale} if scale else {})
    schema = {
        "type": "object",
        "description": description,
        "required": ["spec"],
        "properties": {"spec": spec, "status": _status(status, initial_status)},
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


def _status(model: type[BaseModel], initial_status: Schema | None) -> Schema:
    schema: Schema = without_defaults(structural_schema(model))
    return schema | ({"default": initial_status} if initial_status else {})


def without_defaults(schema: Any) -> Any:
    """Return the schema without defaults, so that a status contains only written fields."""
    if isinstance(schema, dict):
        kept = {k: v for k, v in schema.items() if k != "default" or not isinstance(schema.get("type"), str)}
        return {key: without_defaults(value) for key, value in kept.items()}
    return [without_defaults(item) for item in schema] if isinstance(schema, list) else schema


def _column(name: str, path: str, type_: str = "string", *, priority: int = 0) -> Schema:
    """Return a printer column; only `kubectl get -o wide` shows a column with priority 1."""
    return {"name": name, "type": type_, "jsonPath": path, **({"priority": priority} if priority else {})}


def stale(folder: Path) -> list[str]:
    """Return the names of the files of a folder that are out of date, missing or superfluous."""
    expected = files()
    present = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.yaml")}
    return sorted(name for name in expected.keys() | present.keys() if expected.get(name) != present.get(name))


def main(folder: Path, *, check: bool) -> str | None:
    """Write the files, or check them; return an error message or None."""
    if check:
        return f"out of date: {names}. Run `make crds`." if (names := ", ".join(stale(folder))) else None
    for name, content in files().items():
        (folder / name).write_text(content, encoding="utf-8")
    return None


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[-1]), check="--check" in sys.argv))
