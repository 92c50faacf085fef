"""Write operator/podspec/schema.json: the types of a PodTemplateSpec, from the schemas of kubernetes-validate.

`python hack/pod_schema.py` renews the file; a test compares it with the installed package. The operator ships the table
(20 KiB) and not the package (100 MiB).
"""

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

VERSION = "v1.37.0"
ROOT = "io.k8s.api.core.v1.PodTemplateSpec"
TARGET = Path(__file__).parents[1] / "operator/podspec/schema.json"

_SPECIAL = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "intOrString",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "time",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "any",
}


def render() -> str:
    """Return the content of the file: type -> field -> its type; ``!`` marks required fields."""
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"{VERSION}-local-strict"
    definitions = json.loads((folder / "_definitions.json").read_text())["$defs"]
    found: dict[str, dict[str, str]] = {}
    waiting = [ROOT]
    while waiting:
        name = waiting.pop()
        if _short(name) not in found:
            found[_short(name)] = _fields(definitions[name])
            waiting.extend(ref for ref in _references(definitions[name]) if ref not in _SPECIAL)
    return json.dumps(dict(sorted(found.items())), indent=1) + "\n"


def _fields(schema: dict[str, Any]) -> dict[str, str]:
    required = schema.get("required", ())
    return {f"{name}{'!' * (name in required)}": _type(field) for name, field in schema["properties"].items()}


def _type(schema: dict[str, Any]) -> str:
    """Return a type in Go's notation: string, []Container, map[string]quantity."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return _SPECIAL.get(name) or _short(name)
    kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
    if kind == "array":
        return f"[]{_type(schema['items'])}"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"map[string]{_type(values)}" if isinstance(values, dict) else "any"
    return str(schema.get("format", "int64")) if kind == "integer" else str(kind)


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"].rsplit("/", 1)[-1]
        for child in node.values():
            yield from _references(child)


def _short(name: str) -> str:
    return name.rsplit(".", 1)[-1]


if __name__ == "__main__":
    TARGET.write_text(render())
