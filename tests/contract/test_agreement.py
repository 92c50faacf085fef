"""The schema and the operator agree on generated search spaces."""

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from localkube.apiserver import schema, schema_validation
from support.manifests import MINIMAL, edited
from toprung.api.crd.generate import experiment_crd
from toprung.api.loader import load_experiment
from toprung.errors import FieldError, InvalidExperiment

SCHEMA = schema.compile_schema(experiment_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
ONLY_PYDANTIC = (
    "Duplicate value",
    "Unsupported value",
    "has the same environment variable",
    "parameters must not form a cycle",
)
"""Messages of the rules that the schema can't express."""

numbers = st.sampled_from([-1, 0, 0.1, 0.3, 0.5, 1, 1.5, 2, 3, 10, 1e-300, 1e300])
scalars = st.sampled_from([0, 1, 1.0, 2.5, "a", "b", True])
names = st.sampled_from(["a", "b", "c"])


def some(**fields: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    return fields


parameters = st.lists(
    st.fixed_dictionaries(
        some(name=names, type=st.sampled_from(["double", "int", "ordinal", "categorical"])),
        optional=some(
            min=numbers,
            max=numbers,
            step=numbers,
            scale=st.sampled_from(["linear", "log"]),
            values=st.lists(scalars, max_size=3),
            when=st.fixed_dictionaries({"parameter": names, "in": st.lists(scalars, min_size=1, max_size=2)}),
        ),
    ),
    min_size=1,
    max_size=3,
)


def schema_accepts(manifest: dict[str, Any]) -> bool:
    schema.set_defaults(SCHEMA, manifest)
    return not schema_validation.validate(SCHEMA, manifest)


def errors_of(manifest: dict[str, Any]) -> tuple[FieldError, ...]:
    try:
        load_experiment(manifest)
    except InvalidExperiment as error:
        return error.errors
    return ()


def is_expressible(error: FieldError) -> bool:
    """Return whether the schema has the rule of an error. Its list of parameters is a map by name."""
    is_duplicate_name = error.path.endswith(".name") and error.message.startswith("Duplicate value")
    return is_duplicate_name or not any(word in error.message for word in ONLY_PYDANTIC)


@settings(max_examples=500, deadline=None)
@given(parameters)
@example([{"name": "a", "type": "double", "min": -1e300, "max": 1e300, "step": 1}])
@example([{"name": "a", "type": "int", "min": 0, "max": 1e300}])
@example([{"name": "a", "type": "ordinal", "values": [1, 1.0]}])
@example([{"name": "a", "type": "ordinal", "values": [0, 0], "when": {"parameter": "a", "in": [0]}}])
def test_the_schema_and_the_operator_agree_on_parameters(space: list[dict[str, Any]]):
    """The schema rejects what the operator rejects, except for rules that it can't express, and nothing else.

    The operator may report an error of its own before one that the schema has too.
    """
    manifest = edited(MINIMAL, {"spec.parameters": space})
    errors, accepted = errors_of(manifest), schema_accepts(manifest)
    assert accepted or errors
    assert not (accepted and any(map(is_expressible, errors))), errors
