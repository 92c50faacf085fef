"""Pod templates are valid if an API server accepts their Pods."""

import copy
import json
from typing import Any

import pytest

from support.accepted_pods import ACCEPTED
from support.manifests import MINIMAL, edited
from support.pods import PodCase
from support.rejected_pods import REJECTED
from toprung.api.loader import load_experiment
from toprung.errors import InvalidExperiment

TEMPLATE = "spec.trialTemplate.template"


@pytest.mark.parametrize("case", REJECTED, ids=str)
def test_a_pod_that_a_server_rejects_is_invalid(case: PodCase):
    """The error names the template."""
    with pytest.raises(InvalidExperiment, match=r"spec\.trialTemplate\."):
        load_experiment(edited(MINIMAL, {TEMPLATE: case.template()}))


def has_nul(case: PodCase) -> bool:
    return "\\u0000" in json.dumps(case.template()["spec"])


RUNNABLE = [case for case in ACCEPTED if not has_nul(case)]
"""Accepted Pods whose containers can start."""


@pytest.mark.parametrize("case", RUNNABLE, ids=str)
def test_a_pod_that_a_server_accepts_is_valid(case: PodCase):
    """A stricter rule would reject programs that run."""
    load_experiment(edited(MINIMAL, {TEMPLATE: case.template(), "spec.trialTemplate.primaryContainer": "main"}))


@pytest.mark.parametrize("case", list(filter(has_nul, ACCEPTED)), ids=str)
def test_a_pod_with_a_nul_character_is_invalid(case: PodCase):
    """A server accepts it, but no container starts with it."""
    with pytest.raises(InvalidExperiment, match="must not contain NUL characters"):
        load_experiment(edited(MINIMAL, {TEMPLATE: case.template(), "spec.trialTemplate.primaryContainer": "main"}))


Path = tuple[str | int, ...]


def strings(node: Any, path: Path = ()) -> list[Path]:
    """Return the path of every string in a tree."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path] * isinstance(node, str) + [place for key, part in inner for place in strings(part, (*path, key))]


WITHOUT_UNIONS = [case for case in RUNNABLE if "flocker" not in str(case)]
"""Accepted Pods in which no empty string stands for an absent field."""


@pytest.mark.parametrize(
    ("case", "path"),
    [
        pytest.param(case, path, id=f"{case}-{'.'.join(map(str, path))}")
        for case in WITHOUT_UNIONS
        for path in strings(case.template())
    ],
)
def test_a_string_with_a_placeholder_is_not_checked(case: PodCase, path: Path):
    """The content of the string is known when a trial starts, so that no rule applies to it."""
    template: Any = copy.deepcopy(case.template())
    node = template
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = "${trial.name}"
    load_experiment(edited(MINIMAL, {TEMPLATE: template}))
