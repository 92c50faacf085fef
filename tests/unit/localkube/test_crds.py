"""The Store serves custom kinds by their definitions."""

import copy

import pytest

from localkube.apiserver.errors import Invalid, NotFound
from support.api_server import CRDS, STUDIES, STUDY_CRD, changed, make_store, study


def test_definitions_are_served_at_once_and_after_a_restart(tmp_path):
    """A custom kind is served as soon as its definition exists, and no longer than that."""
    store = make_store(tmp_path / "db")
    with pytest.raises(NotFound):
        store.list(STUDIES)
    crd = store.create(CRDS, STUDY_CRD)
    assert {c["type"]: c["status"] for c in crd["status"]["conditions"]} == {
        "NamesAccepted": "True",
        "Established": "True",
    }
    store.create(STUDIES, study())
    store.close()
    again = make_store(tmp_path / "db")
    assert again.get(STUDIES, "default", "s")["spec"]["parallel"] == 2
    again.delete(CRDS, None, STUDIES)
    with pytest.raises(NotFound):
        again.list(STUDIES)
    again.close()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("metadata.name", "others.example.dev", 'must be spec.names.plural+"."+spec.group'),
        ("spec.scope", None, "spec.scope: Required value"),
        ("spec.versions", [], "spec.versions: Required value"),
    ],
)
def test_invalid_definitions_are_rejected(path, value, message):
    """A definition that cannot be served is rejected."""
    with pytest.raises(Invalid, match=message.replace("+", r"\+")):
        make_store().create(CRDS, changed(STUDY_CRD, path, value))


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "object", "properties": {"a": {}}}, r"properties\[a\].type: Required value"),
        ({"type": "object", "x-kubernetes-validations": [{"rule": "self.a >"}]}, "compilation failed"),
        ({"type": "object", "$ref": "#/x"}, "not supported in a structural schema"),
    ],
)
def test_schemas_must_be_structural(schema, message):
    """A schema that is not structural, or has invalid CEL rules, is rejected."""
    crd = copy.deepcopy(STUDY_CRD)
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = schema
    with pytest.raises(Invalid, match=message):
        make_store().create(CRDS, crd)
