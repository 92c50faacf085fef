"""The cache of Experiments, for notifications in any order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from support.experiments import KEY, SPEC, body
from toprung.api.pod_template.accounts import ServiceAccount
from toprung.api.v1alpha1.conditions import ConditionRecord, ConditionType, Reason
from toprung.controller.experiment_cache import ExperimentCache, InvalidRecord, with_invalid_rule
from toprung.errors import FieldError, InvalidExperiment
from toprung.kube.merge_patch import matches, merge_patch
from toprung.objects.conditions import to_json
from toprung.objects.experiment import ExperimentRecord
from toprung.planning.events import validity_events
from toprung.planning.status import condition_summary, invalid_status


def uid_of(experiments: ExperimentCache) -> str | None:
    record = experiments.get(KEY)
    return record.uid if record is not None else None


@pytest.mark.parametrize(
    ("notifications", "known"),
    [
        pytest.param([("old", 1, False), ("old", 2, True)], None, id="deleted"),
        pytest.param([("old", 1, False), ("new", 3, False), ("old", 2, True)], "new", id="late-deletion"),
        pytest.param([("new", 3, False), ("old", 1, False)], "new", id="late-predecessor"),
        pytest.param([("old", 1, False), ("old", 1, True)], None, id="deletion-of-the-last-state"),
        pytest.param([("old", 1, False), ("old", 2, True), ("new", 3, False)], "new", id="recreated"),
    ],
)
def test_older_notifications_change_nothing(notifications, known):
    """A deletion concerns one UID."""
    experiments = ExperimentCache()
    for uid, version, deleted in notifications:
        experiments.put(body(uid, version), deleted=deleted)
    assert uid_of(experiments) == known


@pytest.mark.parametrize("known", [pytest.param(None, id="gone"), pytest.param("new", id="another-since")])
def test_a_late_answer_to_a_write_does_not_restore_a_deleted_experiment(known):
    """The cache has the deletion already."""
    experiments = ExperimentCache()
    if known is not None:
        experiments.put(body(known, 1))
    experiments.update(body("old", 5))
    assert uid_of(experiments) == known


def test_an_experiment_that_is_being_deleted_counts_as_deleted():
    """It waits for the deletion of its dependents."""
    experiments = ExperimentCache()
    experiments.put(body("old", 1))
    experiments.put(body("old", 2, deletionTimestamp="2026-01-01T00:00:01Z"))
    assert uid_of(experiments) is None


@pytest.mark.parametrize(
    ("account", "valid"),
    [pytest.param("toprung", False, id="the operator's"), pytest.param("trainer", True, id="another")],
)
def test_trials_do_not_run_as_the_operator(account, valid):
    """The trial's Pod could read the operator's token."""
    experiments = ExperimentCache(ServiceAccount("team", "toprung"))
    pod = {"serviceAccountName": account, "containers": [{"name": "main", "image": "x"}]}
    manifest = body("new", 1)
    manifest["spec"] = {**SPEC, "trialTemplate": {"template": {"spec": pod}}}
    experiments.put(manifest)
    record = experiments.get(KEY)
    assert isinstance(record, ExperimentRecord) is valid
    assert "Forbidden" in getattr(record, "message", "Forbidden")


EDITS = [
    pytest.param({"stopWhenNoProgress": {"trials": 0}}, id="a-limit"),
    pytest.param({"maxTrialCount": 0}, id="what-is-required"),
    pytest.param({"objective": {"metric": "score", "type": "most"}}, id="the-objective"),
]


def invalid(version, edit, *, trials=2, generation=2, **spec):
    """Return the Experiment after an edit that this operator rejects."""
    status = {"trials": {"total": trials}}
    return {**body("uid", version, generation=generation), "spec": {**SPEC, **edit, **spec}, "status": status}


@pytest.mark.parametrize("edit", EDITS)
def test_an_experiment_that_becomes_invalid_keeps_its_last_valid_spec(edit):
    """Its running trials use it, and suspension still works."""
    experiments = ExperimentCache()
    experiments.put(body("uid", 1))
    experiments.put(invalid(2, edit, suspend=True))
    record = experiments.get(KEY)
    assert isinstance(record, ExperimentRecord)
    assert (record.spec.max_trial_count, record.spec.suspend) == (3, True)
    assert f"spec.{next(iter(edit))}" in record.invalid
    experiments.put({**body("uid", 3, generation=3), "status": {"trials": {"total": 2}}})
    assert experiments.get(KEY).invalid == ""


def test_after_a_restart_a_spec_is_read_as_far_as_possible():
    """Unreadable fields have their defaults."""
    experiments = ExperimentCache()
    experiments.put(invalid(2, {"stopWhenNoProgress": {"trials": 0}, "parallelTrialCount": 0, "maxDuration": "1h"}))
    record = experiments.get(KEY)
    assert isinstance(record, ExperimentRecord)
    spec = record.spec
    assert (spec.stop_when_no_progress, spec.parallel_trial_count, spec.max_duration) == (None, 1, timedelta(hours=1))


@pytest.mark.parametrize(
    "unmanaged",
    [
        pytest.param(invalid(2, {"stopWhenNoProgress": {"trials": 0}}, trials=0), id="no-trials"),
        pytest.param(invalid(2, {"objective": {"metric": "score", "type": "most"}}), id="no-objective"),
        pytest.param({**invalid(2, {}), "spec": None}, id="no-spec"),
    ],
)
def test_an_invalid_experiment_that_cannot_be_managed(unmanaged):
    """It has no trials, or no objective that scores them."""
    experiments = ExperimentCache()
    experiments.put(unmanaged)
    assert isinstance(experiments.get(KEY), InvalidRecord)


@pytest.mark.parametrize(("made", "managed"), [(2, True), (0, False)])
def test_trials_continue_without_a_missing_early_stopping_rule(made, managed):
    """Only an Experiment with trials is managed."""
    experiments = ExperimentCache()
    experiments.put({**body("uid", 1), "spec": {**SPEC, "earlyStopping": {"patience": {"steps": 2}}}})
    record = replace(experiments.get(KEY), created_count=made)
    found = with_invalid_rule(record, InvalidExperiment((FieldError("spec.earlyStopping.plugin.name", "is missing"),)))
    kept = (None, "spec.earlyStopping.plugin.name: is missing") if managed else None
    assert ((found.spec.early_stopping, found.invalid) if isinstance(found, ExperimentRecord) else None) == kept


def test_fields_of_a_newer_crd_are_ignored_and_reported():
    """An operator that is older than the CRD continues. The condition Valid and an Event list the ignored fields."""
    experiments = ExperimentCache()
    newer = body("a", 1)
    newer["spec"] = {**SPEC, "nextYearsField": {"a": 1}}
    experiments.put(newer)
    record = experiments.get(KEY)
    assert isinstance(record, ExperimentRecord)
    assert (record.invalid, "spec.nextYearsField" in record.ignored) == ("", True)
    (event,) = validity_events(record)
    assert (event.reason, event.warning, "spec.nextYearsField" in event.message) == (Reason.UNKNOWN_FIELDS, True, True)


def test_ignored_fields_are_reported_once():
    """The condition records that the Event was emitted."""
    experiments = ExperimentCache()
    newer = body("a", 1)
    newer["spec"] = {**SPEC, "nextYearsField": {"a": 1}}
    experiments.put(newer)
    record = experiments.get(KEY)
    assert isinstance(record, ExperimentRecord)
    message = f"the manifest keeps all rules; ignored are:\n{record.ignored}"
    now = record.created
    valid = ConditionRecord(ConditionType.VALID, True, Reason.VALID, message, 1, now)
    assert validity_events(replace(record, conditions=(valid,))) == ()


READABLE = {
    "type": "Running",
    "status": "True",
    "reason": "TrialsRunning",
    "message": "m",
    "observedGeneration": 1,
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}


@pytest.mark.parametrize(
    ("status", "field"),
    [
        pytest.param("x", "status", id="no object"),
        pytest.param({"startTime": "yesterday"}, "status.startTime", id="no time"),
        pytest.param({"startTime": 5}, "status.startTime", id="a number as time"),
        pytest.param({"completionTime": "2026-01-01T00:00:00"}, "status.completionTime", id="no time zone"),
        pytest.param({"completionTime": ""}, "status.completionTime", id="an empty time"),
        pytest.param({"trials": "x"}, "status.trials", id="no counts"),
        pytest.param({"trials": []}, "status.trials", id="a list of counts"),
        pytest.param({"trials": {"total": "3"}}, "status.trials.total", id="no number"),
        pytest.param({"trials": {"total": None}}, "status.trials.total", id="null"),
        pytest.param({"trials": {"total": True}}, "status.trials.total", id="a boolean"),
        pytest.param({"trials": {"total": -1}}, "status.trials.total", id="negative"),
    ],
)
def test_a_status_that_cannot_be_read_is_reported_as_invalid(status, field):
    """The message has the field, and the report can replace the status."""
    experiments = ExperimentCache()
    experiments.put({**body("uid", 1), "status": status})
    record = experiments.get(KEY)
    assert isinstance(record, InvalidRecord)
    assert record.message.startswith(f"{field}: Invalid value: ")
    report = invalid_status({each.type: each for each in record.conditions}, 1, record.message, datetime.now(UTC))
    assert not matches(record.status, report)
    assert merge_patch(record.status, report) == report
    experiments.put({**body("uid", 2), "status": {}})
    assert isinstance(experiments.get(KEY), ExperimentRecord)


@pytest.mark.parametrize(
    "conditions",
    [
        pytest.param([{"type": "Running", "status": "True"}], id="no time"),
        pytest.param([{**READABLE, "lastTransitionTime": "yesterday"}], id="no time in the time"),
        pytest.param([{**READABLE, "lastTransitionTime": "2026-01-01T00:00:00"}], id="no time zone"),
        pytest.param([{**READABLE, "type": []}], id="no type"),
        pytest.param([{**READABLE, "message": 5}], id="no message"),
        pytest.param([{**READABLE, "status": None}], id="no status"),
        pytest.param(["Running"], id="no object"),
        pytest.param([None], id="null"),
        pytest.param("x", id="no list"),
    ],
)
def test_a_condition_that_cannot_be_read_is_replaced(conditions):
    """The Experiment is reconciled, and its next status has no such condition."""
    listed = [*conditions, READABLE] if isinstance(conditions, list) else conditions
    experiments = ExperimentCache()
    experiments.put({**body("uid", 1), "status": {"conditions": listed}})
    record = experiments.get(KEY)
    assert isinstance(record, ExperimentRecord)
    readable = [READABLE] if isinstance(conditions, list) else []
    assert [to_json(each) for each in record.conditions] == readable
    assert not matches(record.status, {"conditions": readable})
    assert condition_summary(record.status) != condition_summary({"conditions": readable})
