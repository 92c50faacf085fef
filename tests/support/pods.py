"""Builders for the tables of Pods that an API server accepts or rejects."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]


@dataclass(frozen=True)
class PodCase:
    """The fields in which a Pod differs from a minimal one."""

    spec: Object = field(default_factory=dict)
    container: Object = field(default_factory=dict)
    metadata: Object = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the fields as JSON, shortened."""
        text = json.dumps(self.metadata | self.spec | self.container, ensure_ascii=True)
        return text if len(text) < 160 else f"{text[:157]}..."

    def template(self) -> Object:
        """Return the Pod template."""
        main = {"name": "main", "image": "busybox", **self.container}
        return {"metadata": self.metadata, "spec": {"containers": [main], **self.spec}}

    def pod(self) -> Object:
        """Return the Pod that the operator creates of the template."""
        template = self.template()
        metadata, spec = {"name": "case", **template["metadata"]}, {**template["spec"], "restartPolicy": "Never"}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def spec(**fields: Any) -> PodCase:
    return PodCase(spec=fields)


def container(**fields: Any) -> PodCase:
    return PodCase(container=fields)


def metadata(**fields: Any) -> PodCase:
    return PodCase(metadata=fields)
