"""Protects the operator's ServiceAccount: a trial Pod that uses it can read the operator's token."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from toprung.api.messages import shown
from toprung.errors import FieldError

_PATH = "spec.trialTemplate.template.spec"
_FIELDS = ("serviceAccountName", "serviceAccount")
"""The field, and its deprecated alias."""


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A ServiceAccount by namespace and name."""

    namespace: str
    name: str


def validate_service_account(
    own: ServiceAccount | None, namespace: str, template: Mapping[str, Any]
) -> Iterator[FieldError]:
    """Check that trial Pods do not run as the operator.

    Args:
        own: the operator's ServiceAccount, None where it runs outside of a cluster.
        namespace: of the Experiment.
        template: its PodTemplateSpec.
    """
    if own is None or own.namespace != namespace:
        return
    spec = template.get("spec") or {}
    used = {field: str(spec[field]) for field in _FIELDS if spec.get(field)}
    for field, name in used.items():
        if name == own.name:
            yield FieldError(
                f"{_PATH}.{field}",
                f"Forbidden: {shown(name)} is the operator's ServiceAccount. Use another one, or another namespace.",
            )
        elif "${" in name:
            yield FieldError(
                f"{_PATH}.{field}",
                f"Forbidden: {shown(name)} has a placeholder, in the operator's namespace. Write the name itself.",
            )
    if not used and own.name == "default":
        yield FieldError(
            f"{_PATH}.serviceAccountName",
            "Required value: the default ServiceAccount is the operator's. Use another one, or another namespace.",
        )
