"""Render the chart as `helm template` does."""

from pathlib import Path
from typing import Any

import helm_python as helm
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "toprung"
NAMESPACE = "toprung-system"
ONE_NAMESPACE = {"watchNamespace": "team-vision"}

Object = dict[str, Any]


def render(values: Object | None = None, *, name: str = "toprung", chart: Path = CHART) -> list[Object]:
    """Return all objects of a release."""
    with helm.Chart.load(chart) as loaded:
        files = loaded.render(values, name=name, namespace=NAMESPACE)
    return [
        each
        for path, content in files.items()
        if path.endswith(".yaml")
        for each in yaml.safe_load_all(content)
        if each is not None
    ]


def notes(values: Object | None = None) -> str:
    """Return the text that `helm install` prints."""
    with helm.Chart.load(CHART) as loaded:
        return loaded.render(values, name="toprung", namespace=NAMESPACE)["toprung/templates/NOTES.txt"]


def of_kind(objects: list[Object], kind: str) -> list[Object]:
    return [each for each in objects if each["kind"] == kind]


def deployment(values: Object | None = None, **more: Any) -> Object:
    (found,) = of_kind(render(values, **more), "Deployment")
    return found


def pod(values: Object | None = None) -> Object:
    """Return the operator's Pod template."""
    return deployment(values)["spec"]["template"]


def container(values: Object | None = None) -> Object:
    (found,) = pod(values)["spec"]["containers"]
    return found
