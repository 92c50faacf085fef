"""The table of manifests, judged by the generated schemas as the embedded API server reads them."""

from copy import deepcopy
from typing import Any

import pytest
from toprung.api.crd import experiment_crd, trial_crd
from toprung.local import schema

from contract.manifests import BAD, BASE, GOOD, UPDATES, Bad, Good, Manifest, Update


def compiled(definition: dict[str, Any]) -> schema.Schema:
    return schema.compile_schema(definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"])


EXPERIMENT = compiled(experiment_crd())
TRIAL = compiled(trial_crd())


def defaulted(manifest: Manifest, node: schema.Schema = EXPERIMENT) -> Manifest:
    result = deepcopy(manifest)
    schema.set_defaults(node, result)
    return result


def judged(manifest: Manifest, old: Manifest | None = None, node: schema.Schema = EXPERIMENT) -> list[str]:
    """Give what the API server would answer, with strict field validation."""
    judgement = defaulted(manifest, node)
    unknown = [f'unknown field "{path}"' for path in schema.prune(node, judgement, embedded=True)]
    causes = schema.validate(node, judgement, defaulted(old, node) if old else None)
    return unknown or [f"{cause.field}: {cause.message}" for cause in causes]


@pytest.mark.parametrize("good", [pytest.param(case, id=case.name) for case in GOOD])
def test_a_good_manifest_is_taken(good: Good):
    """What should be valid is."""
    assert judged(good.manifest()) == []


@pytest.mark.parametrize("bad", [pytest.param(case, id=case.name) for case in BAD])
def test_a_bad_manifest_is_refused_where_a_schema_can_say_so(bad: Bad):
    """The answer says what to write; what no schema can express is taken, and left to the operator."""
    answers = judged(bad.manifest())
    if bad.schema is None:
        assert answers == []
    else:
        assert any(bad.schema in answer for answer in answers), answers


@pytest.mark.parametrize("update", [pytest.param(case, id=case.name) for case in UPDATES])
@pytest.mark.parametrize("trials", [0, 3])
def test_what_is_immutable_may_change_until_the_first_trial(update: Update, trials: int):
    """An update of an immutable field is refused once there are trials, and blamed on that field."""
    status = {"status": {"trials": {"total": trials}}}
    answers = judged(update.manifest() | status, BASE | status)
    if trials and update.path:
        assert [answer.split(": ")[0] for answer in answers] == [update.path]
        assert "apply it as a new Experiment" in answers[0]
    else:
        assert answers == []


def test_a_trials_spec_never_changes():
    """The configuration of a Trial is written once."""
    old = {"metadata": {"name": "mnist-0"}, "spec": {"experiment": "mnist", "index": 0, "parameters": {"lr": 0.1}}}
    new = deepcopy(old)
    assert judged(new, old, TRIAL) == []
    new["spec"]["parameters"]["lr"] = 0.2
    assert "never changes" in judged(new, old, TRIAL)[0]
