"""Pod templates are valid if an API server accepts their Pods."""

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


@pytest.mark.parametrize("case", ACCEPTED, ids=str)
def test_a_pod_that_a_server_accepts_is_valid(case: PodCase):
    """A stricter rule would reject programs that run."""
    load_experiment(edited(MINIMAL, {TEMPLATE: case.template(), "spec.trialTemplate.primaryContainer": "main"}))


PLACEHOLDER = "${trial.name}"
SPEC_EDITS: list[dict[str, Any]] = [
    {"hostname": PLACEHOLDER},
    {"os": {"name": PLACEHOLDER}},
    {"hostAliases": [{"ip": PLACEHOLDER, "hostnames": [PLACEHOLDER]}]},
    {"tolerations": [{"key": PLACEHOLDER, "value": PLACEHOLDER}]},
]


@pytest.mark.parametrize("spec", SPEC_EDITS, ids=str)
def test_a_value_with_a_placeholder_is_not_checked(spec: dict[str, Any]):
    """Its content is known when a trial starts."""
    load_experiment(edited(MINIMAL, {TEMPLATE: PodCase(spec=spec).template()}))
