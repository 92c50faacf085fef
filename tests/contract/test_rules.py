"""Each rule between fields is stated once, and its CEL and its Python check agree."""

from collections.abc import Iterator

import pytest

from localkube.apiserver import schema, schema_validation
from support.invalid_manifests import BAD
from support.manifests import Bad, Good
from support.valid_manifests import GOOD
from toprung.api.crd.generate import experiment_crd
from toprung.api.loader import load_experiment
from toprung.api.v1alpha1.base import Model, OneOf
from toprung.api.v1alpha1.cross_field import CrossFieldRule
from toprung.api.v1alpha1.experiment_rules import NAME_RULE, WARM_START_RULE
from toprung.api.v1alpha1.space_rules import SPACE_RULES
from toprung.errors import InvalidExperiment

SCHEMA = schema.compile_schema(experiment_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"])


def models(root: type[Model]) -> Iterator[type[Model]]:
    for model in root.__subclasses__():
        if model.__module__.startswith("toprung.") and model is not OneOf:
            yield model
        yield from models(model)


RULES = (*(rule for model in models(Model) for rule in model.rules()), *SPACE_RULES, NAME_RULE, WARM_START_RULE)
CASES = (*GOOD, *(case for case in BAD if case.schema != "unknown field"))
"""Without unknown fields: the API server rejects them before it evaluates rules."""
IN_CEL = sorted({rule.message for rule in RULES if rule.cel is not None})


def messages_of_python(case: Bad | Good) -> list[str]:
    try:
        load_experiment(case.manifest())
    except InvalidExperiment as error:
        return [each.message for each in error.errors]
    return []


def messages_of_cel(case: Bad | Good) -> list[str]:
    manifest = case.manifest()
    schema.set_defaults(SCHEMA, manifest)
    return [cause.message for cause in schema_validation.validate(SCHEMA, manifest)]


def violated(messages: list[str]) -> list[str]:
    """Return the messages of the rules that CEL can express and that are violated."""
    return [rule for rule in IN_CEL if any(rule.removeprefix("when.parameter ") in message for message in messages)]


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_cel_and_python_report_the_same_rules(case: Bad | Good):
    """A manifest violates a rule in CEL if and only if it violates the rule in Python."""
    assert violated(messages_of_cel(case)) == violated(messages_of_python(case))


@pytest.mark.parametrize("rule", [pytest.param(rule, id=f"{rule.fields[0]}-{rule.message}") for rule in RULES])
def test_a_rule_is_complete(rule: CrossFieldRule):
    """A rule has CEL or the reason why not, and one Python check."""
    assert (rule.cel is None) == bool(rule.no_cel)
    assert (rule.holds is None) != (rule.find_errors is None)
    assert rule.find_errors is not None or rule.fix or rule.suggest is not None
