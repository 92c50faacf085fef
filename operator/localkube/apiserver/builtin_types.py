"""Defaulting and validation of Kubernetes' own kinds, as far as a single machine needs them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from localkube.apiserver import crds, pods
from localkube.apiserver.errors import Cause, invalid, required
from podspec import quantities

Object = dict[str, Any]


def _default_namespace(namespace: Object) -> None:
    labels = namespace["metadata"].setdefault("labels", {})
    labels["kubernetes.io/metadata.name"] = namespace["metadata"]["name"]
    namespace.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    namespace.setdefault("status", {"phase": "Active"})


def _default_claim(claim: Object) -> None:
    claim.setdefault("status", {"phase": "Pending"})


def _default_quota(quota: Object) -> None:
    quota.setdefault("status", {})


def _default_secret(secret: Object) -> None:
    secret.setdefault("type", "Opaque")
    plain = secret.pop("stringData", None) or {}
    if plain:
        encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in plain.items()}
        secret["data"] = {**(secret.get("data") or {}), **encoded}


def _validate_quota(quota: Object, _old: Object | None) -> Iterator[Cause]:
    for name, amount in ((quota.get("spec") or {}).get("hard") or {}).items():
        try:
            quantities.parse(amount)
        except ValueError as error:
            yield invalid(f"spec.hard[{name}]", amount, str(error))
        else:
            if quantities.parse(amount) < 0:
                yield invalid(f"spec.hard[{name}]", amount, "must be greater than or equal to 0")


def _validate_event(event: Object, _old: Object | None) -> Iterator[Cause]:
    if not event.get("involvedObject"):
        yield required("involvedObject")


DEFAULTERS: dict[str, Callable[[Object], None]] = {
    "pods": pods.set_defaults,
    "namespaces": _default_namespace,
    "persistentvolumeclaims": _default_claim,
    "resourcequotas": _default_quota,
    "secrets": _default_secret,
    "customresourcedefinitions.apiextensions.k8s.io": crds.set_defaults,
}
VALIDATORS: dict[str, Callable[[Object, Object | None], Iterable[Cause]]] = {
    "pods": pods.validate,
    "resourcequotas": _validate_quota,
    "events": _validate_event,
    "customresourcedefinitions.apiextensions.k8s.io": crds.validate,
}
