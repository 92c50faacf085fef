"""Rules of a trial's Pod template that the API server does not check."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import JsonValue

from podspec.formats import LABEL
from podspec.types import TEMPLATE
from toprung.api.messages import bounded, shortened, shown
from toprung.api.pod_template.rules import validate_object
from toprung.errors import FieldError

DEFAULT_CONTAINER_ANNOTATION = "kubectl.kubernetes.io/default-container"
"""Names the primary container if spec.trialTemplate.primaryContainer is unset, as for `kubectl logs`."""
VARIABLES = ("resource", "trial.name", "trial.index")
"""Names of placeholders besides parameters.NAME."""

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_.-]*)\}")
_MISSPELLED = re.compile(r"(?<!\$)\$\{\{?\s*((?:parameters|trial)\.[A-Za-z0-9_.-]*|resource(?=\s*\}))\s*\}{0,2}")
"""A placeholder, or a misspelled one: unclosed, with spaces, or in double braces. No shell accepts those."""
_BLANK = re.compile(r"\s")
MAX_DEPTH = 64
"""Levels of a template in which placeholders are searched."""
PRIMARY_CONTAINER = "must be the name of a container of the template"


def validate_pod_template(template: dict[str, Any], unknown: list[FieldError]) -> Iterator[FieldError]:
    """Validate a PodTemplateSpec as an API server validates a Pod; paths are relative to it.

    Args:
        template: a PodTemplateSpec.
        unknown: receives the fields that Kubernetes does not know.
    """
    if template.get("spec") is None:
        yield FieldError("spec", "Required value: add the spec of a Pod with at least one container.")
    yield from bounded(validate_object(template, TEMPLATE, unknown))


def validate_metadata(metadata: dict[str, Any], unknown: list[FieldError]) -> Iterator[FieldError]:
    """Validate the metadata of an object; paths are relative to it; `unknown` receives its unknown fields."""
    found: list[FieldError] = []
    yield from validate_object(metadata, "ObjectMeta", found)
    unknown += [error.prefixed("metadata.") for error in found]
    namespace = metadata.get("namespace")
    if isinstance(namespace, str) and not LABEL.matches(namespace):
        yield FieldError("namespace", f"Invalid value: {shown(namespace)}: {LABEL.detail}.")


def has_more_values(node: Any, limit: int) -> bool:
    """Return whether a JSON tree has more than `limit` values; reads at most `limit` of them."""
    nodes, count = [node], 0
    while nodes:
        node = nodes.pop()
        children = node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
        count += len(children)
        if count > limit:
            return True
        nodes.extend(children)
    return False


def validate_primary_container(template: dict[str, JsonValue], primary: str | None) -> Iterator[FieldError]:
    """Check that the primary container exists; paths are relative to the TrialTemplate.

    Args:
        template: a PodTemplateSpec.
        primary: spec.trialTemplate.primaryContainer.
    """
    names = [name for each in _items(_at(template, "spec", "containers")) if isinstance(name := _at(each, "name"), str)]
    annotated = _at(template, "metadata", "annotations", DEFAULT_CONTAINER_ANNOTATION)
    if primary is not None and names and primary not in names:
        yield FieldError(
            "primaryContainer", f"Invalid value: {shown(primary)}: {PRIMARY_CONTAINER}", primary, tuple(names)
        )
    elif primary is None and isinstance(annotated, str) and names and annotated not in names:
        path = f"template.metadata.annotations[{DEFAULT_CONTAINER_ANNOTATION}]"
        yield FieldError(path, f"Invalid value: no container is named {shown(annotated)}", annotated, tuple(names))


def _at(node: Any, *steps: str) -> Any:
    """Return the value at a path of keys; None if a key is absent."""
    for step in steps:
        node = node.get(step) if isinstance(node, dict) else None
    return node


def _items(node: Any) -> list[Any]:
    return node if isinstance(node, list) else []


def validate_references(
    template: dict[str, JsonValue], *, names: frozenset[str], conditional: frozenset[str], has_resource: bool
) -> Iterator[FieldError]:
    """Check the strings of a PodTemplateSpec, and their placeholders; paths are relative to it.

    Args:
        template: a PodTemplateSpec.
        names: names of the parameters, including conditional ones.
        conditional: names of the parameters that some configurations omit.
        has_resource: whether early stopping limits the resource of a trial.
    """
    known = (*(f"parameters.{name}" for name in sorted(names)), *VARIABLES)
    for path, text in _texts(template, ""):
        if "\0" in text and path.startswith("spec."):  # a server accepts it, but no container starts with it
            yield FieldError(path, f"Invalid value: {shown(text)}: must not contain NUL characters. Remove them.")
        yield from _misspelled_placeholders(path, text)
        seen: set[str] = set()
        for reference in _references(text):
            if reference in seen:
                continue
            seen.add(reference)
            if reference == "resource" and not has_resource:
                yield FieldError(
                    path, "Invalid value: ${resource} requires earlyStopping. Set earlyStopping, or use a number."
                )
            elif reference not in VARIABLES:
                yield from _parameter_errors(path, reference, names, conditional, known)


def _misspelled_placeholders(path: str, text: str) -> Iterator[FieldError]:
    """Check the spelling of placeholders. A misspelled placeholder would reach the program unchanged."""
    if "${" not in text:
        return
    wrong = {match[0]: f"${{{match[1]}}}" for match in _MISSPELLED.finditer(text)}
    for found, correct in wrong.items():
        if not found.startswith(correct):
            advice = f"Use {shortened(correct)}."
            yield FieldError(path, f"Invalid value: {shown(found)} is not a placeholder. {advice}")


def _texts(node: Any, path: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Return the path and text of every string of a JSON tree, without keys."""
    if isinstance(node, str):
        yield path, node
    elif depth < MAX_DEPTH:
        children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, child in children:
            step = f"[{key}]" if isinstance(key, int) else f".{key}" if path else key
            yield from _texts(child, path + step, depth + 1)


def _references(text: str) -> Iterator[str]:
    """Return the names in placeholders of TopRung; other ${...} belong to the shell.

    A name with a dot is no shell variable. A string without spaces, such as an argument of a command, does not run in a
    shell either. In any other string, ${HOME} belongs to the shell.
    """
    if "${" not in text:
        return
    shell = _BLANK.search(text) is not None
    for match in _REFERENCE.finditer(text):
        if not shell or "." in match[1] or match[1] in VARIABLES:
            yield match[1]


def _parameter_errors(
    path: str, reference: str, names: frozenset[str], conditional: frozenset[str], known: tuple[str, ...]
) -> Iterator[FieldError]:
    name = reference.removeprefix("parameters.")
    placeholder = f"${{{shortened(reference)}}}"
    if name not in names:
        yield FieldError(path, f"Invalid value: {placeholder} is not defined", reference, known)
    elif name == reference:
        yield FieldError(path, f"Invalid value: {placeholder} is not defined. Did you mean parameters.{name}?")
    elif name in conditional:
        message = (
            f"Invalid value: {placeholder} is absent from some trials. Read it from TOPRUNG_PARAMETERS in the program."
        )
        yield FieldError(path, message)
