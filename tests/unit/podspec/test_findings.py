"""Findings have the wording of Kubernetes' `field.Error`."""

import json

import pytest

from podspec import findings
from podspec.findings import Finding


@pytest.mark.parametrize(
    ("finding", "message"),
    [
        pytest.param(findings.required("a"), "Required value", id="required"),
        pytest.param(
            findings.required("a", "must be set"), "Required value: must be set", id="required, with a detail"
        ),
        pytest.param(findings.invalid("a", -1, "must be 1"), "Invalid value: -1: must be 1", id="invalid"),
        pytest.param(
            findings.unsupported("a", "x", ("A", "B")),
            'Unsupported value: "x": supported values: "A", "B"',
            id="unsupported",
        ),
        pytest.param(findings.duplicate("a", "x"), 'Duplicate value: "x"', id="duplicate"),
        pytest.param(findings.forbidden("a", "may not be set"), "Forbidden: may not be set", id="forbidden"),
        pytest.param(findings.not_found("a", "x", ("a", "b")), 'Not found: "x"', id="not found"),
        pytest.param(findings.too_long("a", 64), "Too long: may not be more than 64 characters", id="too long"),
        pytest.param(findings.too_many("a", 21, 20), "Too many: 21: must have at most 20 items", id="too many"),
    ],
)
def test_a_finding_has_the_message_of_kubernetes(finding: Finding, message: str):
    """The message quotes the value only if it helps to find the error."""
    assert finding.message(json.dumps) == message


def test_a_name_that_is_not_found_has_the_known_names():
    """A client can suggest the nearest name."""
    assert findings.not_found("a", "x", ("a", "b")).known == ("a", "b")
