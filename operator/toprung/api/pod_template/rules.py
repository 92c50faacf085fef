"""Validates Pod templates: the types of the fields, the rules of Kubernetes, and the rules of trial Pods."""

import re
from collections.abc import Iterator
from typing import Any

from podspec.findings import ErrorType, Finding
from podspec.types import TEMPLATE
from podspec.validation import validate
from toprung.api.messages import bounded, shown
from toprung.api.pod_template.schema import check_types, typed
from toprung.errors import FieldError

CHECKPOINT_VOLUME = "toprung-checkpoint"
"""The volume that the operator adds where spec.checkpoint is set; a template may mount it."""
_SEPARATOR = re.compile(r"[.\[]")


def validate_object(value: Any, kind: str, unknown: list[FieldError]) -> Iterator[FieldError]:
    """Validate an object as an API server validates it in a Pod; paths are relative to the object.

    Args:
        value: the object as the user wrote it. A string with a placeholder gets its content later and is not checked.
        kind: its type, such as PodTemplateSpec.
        unknown: receives the fields that Kubernetes does not know.
    """
    mistyped = bounded(check_types(value, kind, unknown))
    yield from mistyped
    wrong = {error.path for error in mistyped}
    above = {part for path in wrong for part in _prefixes(path)}
    cleaned = typed(value, kind)
    if kind == TEMPLATE:
        yield from _validate_restart_policy(cleaned)
        cleaned = _as_pod(cleaned)
    for finding in validate(kind, cleaned, ""):
        if finding.path not in above and not wrong.intersection(_prefixes(finding.path)):
            yield _field_error(finding)


def _prefixes(path: str) -> Iterator[str]:
    """Yield a path and the paths of the objects and lists that contain it."""
    yield path
    yield from (path[: match.start()] for match in _SEPARATOR.finditer(path))


def _field_error(finding: Finding) -> FieldError:
    message = finding.message(shown)
    if finding.reason == ErrorType.REQUIRED and not finding.detail:
        message = f"{message}: write it"
    if finding.known:
        return FieldError(finding.path, message, str(finding.value), finding.known)
    return FieldError(finding.path, f"{message}.")


def _validate_restart_policy(template: dict[str, Any]) -> Iterator[FieldError]:
    policy = (template.get("spec") or {}).get("restartPolicy")
    if policy and policy != "Never":
        message = f"Unsupported value: {shown(policy)}. Remove it and use trialTemplate.retries."
        yield FieldError("spec.restartPolicy", message)


def _as_pod(template: dict[str, Any]) -> dict[str, Any]:
    """Return the template with the fields that the operator adds: the restart policy and the checkpoint volume."""
    if not isinstance(spec := template.get("spec"), dict):
        return template
    volumes = spec.get("volumes") or []
    if all(volume.get("name") != CHECKPOINT_VOLUME for volume in volumes):
        source = {"persistentVolumeClaim": {"claimName": CHECKPOINT_VOLUME}}
        volumes = [*volumes, {"name": CHECKPOINT_VOLUME, **source}]
    return {**template, "spec": {**spec, "restartPolicy": "Never", "volumes": volumes}}
