"""The operator validates the table of manifests."""

from collections.abc import Iterator
from typing import Any

import pytest

from support.invalid_manifests import BAD
from support.manifest_updates import UPDATES
from support.manifests import Bad, Good, Update
from support.valid_manifests import GOOD
from toprung.api.crd.generate import experiment_crd
from toprung.api.loader import load_experiment
from toprung.api.v1alpha1.immutability import ADVICE, IMMUTABLE, TEMPLATE_ADVICE
from toprung.errors import InvalidExperiment


@pytest.mark.parametrize("good", [pytest.param(case, id=case.name) for case in GOOD])
def test_a_good_manifest_is_valid(good: Good):
    """Each good manifest is valid."""
    manifest = good.manifest()
    assert load_experiment(manifest).name == manifest["metadata"]["name"]


@pytest.mark.parametrize("bad", [pytest.param(case, id=case.name) for case in BAD])
def test_a_bad_manifest_has_one_field_error(bad: Bad):
    """Each bad manifest has the expected error, and no other."""
    with pytest.raises(InvalidExperiment) as caught:
        load_experiment(bad.manifest())
    assert [error.path for error in caught.value.errors] == [bad.path], caught.value
    assert bad.says in caught.value.errors[0].message


def test_each_rule_of_the_schema_has_a_row():
    """Each CEL rule rejects at least one manifest of the table."""
    rows = {bad.schema for bad in BAD if bad.schema}
    root = experiment_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    messages = {rule["message"] for rule in rules(root)} - {ADVICE, TEMPLATE_ADVICE}
    assert [message for message in messages if not any(row in message for row in rows)] == []
    assert {update.path for update in UPDATES} - {""} == {f"spec.{path}" for path in IMMUTABLE}


def rules(schema: dict[str, Any]) -> Iterator[dict[str, str]]:
    yield from schema.get("x-kubernetes-validations", ())
    for child in (*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")):
        yield from rules(child) if child else ()


@pytest.mark.parametrize("table", [GOOD, BAD, UPDATES], ids=["valid", "invalid", "updates"])
def test_names_in_the_table_are_unique(table: list[Good] | list[Bad] | list[Update]):
    """No two rows have the same name."""
    assert len({case.name for case in table}) == len(table)
