"""Builds and reads owner references: which object controls another."""

from collections.abc import Mapping
from typing import Any

from toprung.api.names import LABEL_EXPERIMENT
from toprung.api.v1alpha1.base import API_VERSION


def controller_of(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the owner reference of the controller, empty if there is none."""
    owners = metadata.get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), {})


def claimed_by(kind: str, body: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the key `namespace/name` of the Experiment of an unreadable object, and its controller's UID.

    Args:
        kind: of the controller that an own object has.
        body: the object.
    """
    metadata = body["metadata"]
    controller = controller_of(metadata)
    experiment = (metadata.get("labels") or {}).get(LABEL_EXPERIMENT)
    ours = controller.get("kind") == kind and controller.get("apiVersion") == API_VERSION
    return (f"{metadata['namespace']}/{experiment}", str(controller.get("uid"))) if ours and experiment else None


def owner_reference(kind: str, name: str, uid: str) -> dict[str, Any]:
    """Build the owner reference of an object that a resource of TopRung controls."""
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "name": name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
