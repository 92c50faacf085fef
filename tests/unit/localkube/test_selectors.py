"""Label and field selectors select as in Kubernetes."""

import pytest

from localkube.apiserver import object_selectors
from localkube.apiserver.errors import BadRequest

OBJ = {"metadata": {"name": "x", "labels": {"app": "web", "tier": "a"}}, "status": {"phase": "Running", "ready": True}}
FIELDS = frozenset({"metadata.name", "status.phase", "status.ready", "spec.nodeName"})


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("", True), ("app=web", True), ("app==web", True), ("app=db", False), ("app!=db", True), ("nope!=db", True),
        ("app in (web, db)", True), ("app notin (web)", False), ("nope notin (web)", True), ("app", True), ("nope", False),
        ("!app", False), ("!nope", True), ("app=web,tier in (a,b),!x", True), ("app=web,tier=b", False), ("app=", False),
    ],
)  # fmt: skip
def test_labels(selector, matches):
    """Every form of a label selector, alone and combined."""
    assert object_selectors.labels(selector)(OBJ) == matches


@pytest.mark.parametrize("selector", ["app in web", "a b", "=x", "app=(x)"])
def test_an_invalid_label_selector_is_a_bad_request(selector):
    """An invalid selector is 400, not an empty list."""
    with pytest.raises(BadRequest, match="unable to parse requirement"):
        object_selectors.labels(selector)


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("metadata.name=x", True),
        ("metadata.name!=x", False),
        ("status.phase=Running,metadata.name==x", True),
        ("spec.nodeName=", True),
        ("status.ready=true", True),
    ],
)
def test_fields(selector, matches):
    """A missing field is the empty string; booleans are lower-case words."""
    assert object_selectors.fields(selector, supported=FIELDS, shown="pods")(OBJ) == matches


def test_unsupported_field():
    """The error names a field that the kind does not support."""
    with pytest.raises(BadRequest, match=r'"spec\.color" not supported'):
        object_selectors.fields("spec.color=red", supported=FIELDS, shown="pods")
