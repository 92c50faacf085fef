"""Rules for a trial's Pod template: what the API server can't know of it."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import JsonValue

from toprung.api.errors import Fault
from toprung.api.podfields import CONTAINER_FIELDS, POD_FIELDS, misspelt
from toprung.api.wording import did_you_mean, shown

DEFAULT_CONTAINER_ANNOTATION = "kubectl.kubernetes.io/default-container"
"""Names the primary container where spec.trialTemplate.primaryContainer is unset, as for `kubectl logs`."""
VARIABLES = ("resource", "trial.name", "trial.index")
"""What ${...} may name beside parameters.NAME."""

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_.-]*)\}")
_BLANK = re.compile(r"\s")
MAX_DEPTH = 64
"""Deeper templates are refused: no Pod is."""


def shape_faults(template: dict[str, JsonValue]) -> Iterator[Fault]:
    """Check that a PodTemplateSpec is one and can run a trial; paths are relative to it."""
    spec = template.get("spec")
    if not isinstance(spec, dict):
        yield Fault("spec", "is missing; write the spec of a Pod with at least one container")
        return
    yield from _slips(spec, POD_FIELDS, "spec")
    policy = spec.get("restartPolicy", "Never")
    if policy != "Never":
        yield Fault(
            "spec.restartPolicy", f"{shown(policy)} would hide failures; remove it, and use trialTemplate.retries"
        )
    containers = spec.get("containers")
    if not isinstance(containers, list) or not containers:
        yield Fault("spec.containers", "a trial needs a container; write {name: train, image: ..., command: [...]}")
        return
    yield from _container_faults(containers, "spec.containers")
    beside = spec.get("initContainers", [])
    if not isinstance(beside, list):
        yield Fault("spec.initContainers", "is not a list; write - {name: ..., image: ...}")
        return
    yield from _container_faults(beside, "spec.initContainers")


def primary_faults(template: dict[str, JsonValue], primary: str | None) -> Iterator[Fault]:
    """Check that the container whose output counts exists; paths are relative to the TrialTemplate.

    Args:
        template: a PodTemplateSpec.
        primary: spec.trialTemplate.primaryContainer.
    """
    names = [name for each in _items(_at(template, "spec", "containers")) if isinstance(name := _at(each, "name"), str)]
    annotated = _at(template, "metadata", "annotations", DEFAULT_CONTAINER_ANNOTATION)
    if primary is not None and names and primary not in names:
        yield Fault("primaryContainer", f"no container is named {shown(primary)}; {did_you_mean(primary, names)}")
    elif primary is None and isinstance(annotated, str) and names and annotated not in names:
        path = f"template.metadata.annotations[{DEFAULT_CONTAINER_ANNOTATION}]"
        yield Fault(path, f"no container is named {shown(annotated)}; {did_you_mean(annotated, names)}")


def _at(node: Any, *steps: str) -> Any:
    """Return what a path of keys leads to, None where a step is absent."""
    for step in steps:
        node = node.get(step) if isinstance(node, dict) else None
    return node


def _items(node: Any) -> list[Any]:
    return node if isinstance(node, list) else []


def reference_faults(
    template: dict[str, JsonValue], *, names: frozenset[str], conditional: frozenset[str], has_resource: bool
) -> Iterator[Fault]:
    """Check what ${...} refers to in a PodTemplateSpec; paths are relative to it.

    Args:
        template: as its author wrote it.
        names: the parameters, conditional ones included.
        conditional: parameters that are absent from some configurations.
        has_resource: whether early stopping gives trials a budget.
    """
    for path, text in _texts(template, ""):
        for reference in dict.fromkeys(_references(text)):
            if message := _reference_fault(reference, names, conditional, has_resource=has_resource):
                yield Fault(path, message)


def _container_faults(containers: list[JsonValue], path: str) -> Iterator[Fault]:
    for i, container in enumerate(containers):
        if not isinstance(container, dict):
            yield Fault(f"{path}[{i}]", f"{shown(container)} is not a container; write {{name: train, image: ...}}")
            continue
        yield from _slips(container, CONTAINER_FIELDS, f"{path}[{i}]")
        if not isinstance(container.get("name"), str) or not container["name"]:
            yield Fault(f"{path}[{i}].name", "a container needs a name, such as train")


def _slips(node: dict[str, JsonValue], known: tuple[str, ...], path: str) -> Iterator[Fault]:
    for field in node:
        if meant := misspelt(field, known):
            yield Fault(f"{path}.{field}", f"there is no field {shown(field)}; did you mean {meant}?")


def _texts(node: Any, path: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Walk over every string of a JSON tree, keys excluded."""
    if isinstance(node, str):
        yield path, node
    elif depth < MAX_DEPTH:
        children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, child in children:
            step = f"[{key}]" if isinstance(key, int) else f".{key}" if path else key
            yield from _texts(child, path + step, depth + 1)


def _references(text: str) -> Iterator[str]:
    """Give what is between ${ and } and must be ours.

    A name with a dot is no shell variable. In a text without blanks, such as one argument of an exec-form command, no
    shell is at work either; elsewhere ${HOME} is the shell's.
    """
    for match in _REFERENCE.finditer(text):
        if "." in match[1] or match[1] in VARIABLES or not _BLANK.search(text):
            yield match[1]


def _reference_fault(
    reference: str, names: frozenset[str], conditional: frozenset[str], *, has_resource: bool
) -> str | None:
    name = reference.removeprefix("parameters.")
    if reference == "resource" and not has_resource:
        return "${resource} has no value without earlyStopping; set earlyStopping, or write the number itself"
    if reference in VARIABLES:
        return None
    if name == reference or name not in names:
        known = [*(f"parameters.{known}" for known in sorted(names)), *VARIABLES]
        meant = f"did you mean parameters.{name}?" if name in names else did_you_mean(reference, known)
        return f"${{{reference}}} names nothing; {meant}"
    if name in conditional:
        return f"${{{reference}}} is absent from some trials; let the program read it from TOPRUNG_PARAMETERS instead"
    return None
