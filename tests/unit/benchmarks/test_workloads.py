"""The workloads of the noisy neighbours are valid under the schema, so a user can apply each of them."""

import pytest
from workloads import NEIGHBOURS

from localkube.apiserver import schema, schema_validation
from toprung.api.crd.generate import experiment_crd

SCHEMA = schema.compile_schema(experiment_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"])


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_the_schema_accepts_each_workload(name: str):
    """A workload that the API server rejects disturbs no other namespace."""
    bodies = NEIGHBOURS[name].build()
    for body in bodies:
        schema.set_defaults(SCHEMA, body)
    assert bodies
    assert [schema_validation.validate(SCHEMA, body) for body in bodies] == [[] for _ in bodies]
