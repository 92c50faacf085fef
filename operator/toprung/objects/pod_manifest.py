"""Builds the Pod of an attempt; its name and labels are deterministic."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from toprung.api.names import (
    LABEL_ATTEMPT,
    LABEL_EXPERIMENT,
    LABEL_INDEX,
    LABEL_TRIAL,
    MANAGED_BY,
    parameter_variable,
    pod_name,
)
from toprung.api.v1alpha1.base import GROUP, ParameterValue
from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.api.v1alpha1.template_rules import DEFAULT_CONTAINER_ANNOTATION
from toprung.api.v1alpha1.trial_template import TrialTemplate
from toprung.objects.checkpoint_copy import copying_container
from toprung.objects.configuration import format_parameter
from toprung.objects.containers import primary_container
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.owner_references import owner_reference
from toprung.objects.trial import Lineage, TrialRecord

Manifest = dict[str, Any]
CHECKPOINT_VOLUME = "toprung-checkpoint"
ANNOTATION_TEMPLATE = f"{GROUP}/template"
"""Identifies the template that a Pod was made from."""
PLACEHOLDER = re.compile(r"\$\{((?:parameters|trial)\.[A-Za-z_][A-Za-z0-9_.-]*|resource)\}")
"""Only these are placeholders of TopRung: ${HOME} and $(VAR) are left to the shell and to Kubernetes."""


def template_id(template: TrialTemplate) -> str:
    """Return the identity of a template, which its Pods share."""
    limit = template.max_trial_duration
    seconds = limit.total_seconds() if limit is not None else None
    text = json.dumps([template.template, seconds, template.primary_container], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def pod_manifest(experiment: ExperimentRecord, trial: TrialRecord, attempt: int, resource: int | None) -> Manifest:
    """Build the Pod of one attempt.

    Args:
        experiment: has the template.
        trial: has the parameters.
        attempt: counts from 1.
        resource: resource of the trial (epochs, ...), None if unlimited. The program's own steps may be
            above the trial's, by TrialRecord.step_offset, and so is what the attempt may spend.
    """
    resource = None if resource is None else resource + trial.step_offset
    template = substitute(experiment.spec.trial_template.template, _values(trial, resource))
    metadata, spec = template.get("metadata", {}), template.get("spec", {})
    primary = primary_container(metadata, spec, experiment.spec.trial_template.primary_container)
    environment = trial_environment(experiment, trial, attempt, resource)
    for container in (*spec.get("initContainers", ()), *spec.get("containers", ())):
        _add_environment(container, environment)
    _add_checkpoint(spec, experiment.spec)
    if trial.lineage and experiment.spec.checkpoint is not None:
        _add_checkpoint_copy(spec, primary, environment["TOPRUNG_CHECKPOINT_DIR"], trial.lineage[-1])
    limit = experiment.spec.trial_template.max_trial_duration
    if limit is not None:
        spec["activeDeadlineSeconds"] = max(1, int(limit.total_seconds()))
    spec.setdefault("automountServiceAccountToken", False)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod_name(trial.name, attempt),
            "namespace": experiment.namespace,
            "labels": {**_without_ours(metadata.get("labels") or {}), **_labels(experiment, trial, attempt)},
            "annotations": {
                **_without_ours(metadata.get("annotations") or {}),
                DEFAULT_CONTAINER_ANNOTATION: primary,
                ANNOTATION_TEMPLATE: template_id(experiment.spec.trial_template),
            },
            "ownerReferences": [owner_reference("Trial", trial.name, trial.uid)],
        },
        "spec": {**spec, "restartPolicy": "Never"},
    }


def trial_environment(
    experiment: ExperimentRecord, trial: TrialRecord, attempt: int, resource: int | None
) -> Mapping[str, str]:
    """Return the environment variables of a program."""
    environment = {
        "PYTHONUNBUFFERED": "1",
        "TOPRUNG_EXPERIMENT": experiment.name,
        "TOPRUNG_TRIAL": trial.name,
        "TOPRUNG_ATTEMPT": str(attempt),
        "TOPRUNG_PARAMETERS": json.dumps(dict(trial.current_parameters)),
    }
    for name, value in trial.current_parameters.items():
        environment[parameter_variable(name)] = format_parameter(value)
    if resource is not None:
        environment["TOPRUNG_RESOURCE"] = str(resource)
    if experiment.spec.checkpoint is not None:
        # the UID keeps a new Experiment of the same name from resuming old checkpoints on the volume
        folder = f"{experiment.name}-{experiment.uid[:8]}"
        environment["TOPRUNG_CHECKPOINT_DIR"] = f"{experiment.spec.checkpoint.mount_path}/{folder}/{trial.name}"
    return environment


def _values(trial: TrialRecord, resource: int | None) -> Mapping[str, str]:
    parameters: Mapping[str, ParameterValue] = trial.current_parameters
    return {
        **{f"parameters.{name}": format_parameter(value) for name, value in parameters.items()},
        "resource": str(resource) if resource is not None else "",
        "trial.name": trial.name,
        "trial.index": str(trial.index),
    }


def substitute(node: Any, values: Mapping[str, str]) -> Any:
    """Replace the placeholders in every string of a JSON tree, keys excluded; those without a value become empty.

    A member of an object that is null is left out: to Kubernetes it is absent. The time is linear in the tree's size.

    Args:
        node: the tree; not changed.
        values: name between ${ and } -> replacement.
    """
    if isinstance(node, str):
        return PLACEHOLDER.sub(lambda match: values.get(match[1], ""), node)
    if isinstance(node, list):
        return [substitute(item, values) for item in node]
    if isinstance(node, dict):
        return {key: substitute(item, values) for key, item in node.items() if item is not None}
    return node


def _without_ours(texts: Mapping[str, str]) -> Mapping[str, str]:
    """Return a user's labels or annotations without those that only TopRung writes."""
    domains = ((name, name.partition("/")[0]) for name in texts if "/" in name)
    ours = {name for name, domain in domains if domain == GROUP or domain.endswith(f".{GROUP}")}
    return {name: text for name, text in texts.items() if name not in ours}


def _labels(experiment: ExperimentRecord, trial: TrialRecord, attempt: int) -> Mapping[str, str]:
    return {
        LABEL_EXPERIMENT: experiment.name,
        LABEL_TRIAL: trial.name,
        LABEL_INDEX: str(trial.index),
        LABEL_ATTEMPT: str(attempt),
        MANAGED_BY[0]: MANAGED_BY[1],
    }


def _add_environment(container: Manifest, environment: Mapping[str, str]) -> None:
    """Put the operator's variables first, so that the user's may refer to them; the user's take precedence."""
    own = container.get("env", [])
    user_names = {variable.get("name") for variable in own}
    ours = [{"name": name, "value": value} for name, value in environment.items() if name not in user_names]
    container["env"] = [*ours, *own]


def _add_checkpoint(pod: Manifest, spec: ExperimentSpec) -> None:
    if spec.checkpoint is None:
        return
    pod["volumes"] = [*pod.get("volumes", ()), {"name": CHECKPOINT_VOLUME, **spec.checkpoint.volume}]
    mount = {"name": CHECKPOINT_VOLUME, "mountPath": spec.checkpoint.mount_path}
    for container in pod.get("containers", ()):
        container["volumeMounts"] = [*container.get("volumeMounts", ()), mount]


def _add_checkpoint_copy(pod: Manifest, primary: str, folder: str, lineage: Lineage) -> None:
    """Copy the checkpoint, by the primary container's image, before anything else of the Pod runs."""
    program = next(each for each in pod["containers"] if each["name"] == primary)
    mounts = [mount for mount in program["volumeMounts"] if mount["name"] == CHECKPOINT_VOLUME]
    container = {**copying_container(program, folder, lineage), "volumeMounts": mounts}
    pod["initContainers"] = [container, *pod.get("initContainers", ())]
