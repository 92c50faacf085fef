"""Caches the Experiments that kopf watches, as records."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from toprung.api.pod_template.accounts import ServiceAccount, validate_service_account
from toprung.api.v1alpha1.conditions import ConditionRecord
from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.controller.validation import Validator
from toprung.errors import InvalidExperiment
from toprung.objects.experiment import ExperimentRecord, read_status


@dataclass(frozen=True, slots=True)
class InvalidRecord:
    """An Experiment whose manifest is invalid.

    Attributes:
        message: every error, one per line.
        conditions: those of its status.
    """

    namespace: str
    name: str
    uid: str
    generation: int
    message: str
    status: Mapping[str, Any]
    conditions: tuple[ConditionRecord, ...]


def with_invalid_rule(experiment: ExperimentRecord, error: InvalidExperiment) -> ExperimentRecord | InvalidRecord:
    """Return an Experiment whose early-stopping rule cannot be used; running trials continue without the rule."""
    if experiment.created_count and experiment.spec.early_stopping is not None:
        unruled = experiment.spec.model_copy(update={"early_stopping": None})
        return replace(experiment, spec=unruled, invalid=str(error))
    return invalid_record(experiment, error)


def invalid_record(experiment: ExperimentRecord, error: InvalidExperiment) -> InvalidRecord:
    """Return an Experiment whose errors were found only at its reconciliation."""
    return InvalidRecord(
        namespace=experiment.namespace,
        name=experiment.name,
        uid=experiment.uid,
        generation=experiment.generation,
        message=str(error),
        status=experiment.status,
        conditions=experiment.conditions,
    )


class ExperimentCache:
    """The newest known body of every Experiment, as a record; one that is being deleted counts as gone."""

    def __init__(self, own_account: ServiceAccount | None = None, validator: Validator | None = None) -> None:
        """Build an empty cache; `validator` validates bodies, and no trial may use `own_account`, the operator's."""
        self._own_account = own_account
        self._validator = validator or Validator()
        self._records: dict[str, ExperimentRecord | InvalidRecord] = {}
        self._versions: dict[str, int] = {}

    def get(self, key: str) -> ExperimentRecord | InvalidRecord | None:
        """Return the Experiment of the key `namespace/name`, None if it does not exist."""
        return self._records.get(key)

    def is_current(self, experiment: ExperimentRecord) -> bool:
        """Return whether the Experiment still exists; the remaining actions of a plan for a deleted one are dropped."""
        known = self._records.get(experiment.key)
        return known is not None and known.uid == experiment.uid

    def put(self, body: Mapping[str, Any], *, deleted: bool = False) -> str:
        """Store a body from a watch and return its key; an older body changes nothing.

        Events of an Experiment and of its successor of the same name may come in any order.
        """
        metadata = body["metadata"]
        key = f"{metadata['namespace']}/{metadata['name']}"
        known, version = self._records.get(key), int(metadata["resourceVersion"])
        if known is not None:
            older = version < self._versions[key]
            repeated = version == self._versions[key] and known.uid == metadata["uid"] and not deleted
            if older or repeated:
                return key
        if deleted or "deletionTimestamp" in metadata:
            self.remove(key, metadata["uid"])
            return key
        self._versions[key] = version
        self._records[key] = self._checked(_record_of(body, known, self._validator))
        return key

    def _checked(self, record: ExperimentRecord | InvalidRecord) -> ExperimentRecord | InvalidRecord:
        """Reject an Experiment whose trials would run as the operator."""
        if isinstance(record, InvalidRecord):
            return record
        template = record.spec.trial_template.template
        errors = tuple(validate_service_account(self._own_account, record.namespace, template))
        if not errors or record.invalid:
            return record
        error = InvalidExperiment(errors)
        return replace(record, invalid=str(error)) if record.created_count else invalid_record(record, error)

    def update(self, body: Mapping[str, Any]) -> None:
        """Store the response to a write; a response after the Experiment's deletion is ignored."""
        known = self._records.get(f"{body['metadata']['namespace']}/{body['metadata']['name']}")
        if known is not None and known.uid == body["metadata"]["uid"]:
            self.put(body)

    def remove(self, key: str, uid: str) -> None:
        """Forget an Experiment, but not its successor of the same name."""
        known = self._records.get(key)
        if known is not None and known.uid == uid:
            del self._records[key], self._versions[key]


def _record_of(
    body: Mapping[str, Any], known: ExperimentRecord | InvalidRecord | None, validator: Validator
) -> ExperimentRecord | InvalidRecord:
    metadata, status = body["metadata"], read_status(body.get("status"))
    spec, invalid, ignored = None, status.error, ""
    if not status.error:
        spec, invalid, ignored = _spec_of(body, known, validator, status.created_count)
    if spec is None:
        return InvalidRecord(
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=metadata["uid"],
            generation=metadata["generation"],
            message=invalid,
            status=status.fields,
            conditions=status.conditions,
        )
    return ExperimentRecord(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata["generation"],
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        spec=spec,
        status=status.fields,
        conditions=status.conditions,
        start_time=status.start_time,
        completion_time=status.completion_time,
        created_count=status.created_count,
        invalid=invalid,
        ignored=ignored,
    )


def _last_valid_spec(
    body: Mapping[str, Any], known: ExperimentRecord | InvalidRecord | None, validator: Validator, created_count: int
) -> ExperimentSpec | None:
    """Return the spec that the trials of an invalid Experiment follow; None where it has no trials.

    It is the last valid one that this process has seen; after a restart, the fields that can still be read.
    """
    if not created_count:
        return None
    same = isinstance(known, ExperimentRecord) and known.uid == body["metadata"]["uid"]
    spec = known.spec if same and isinstance(known, ExperimentRecord) else validator.readable(body)
    written = body.get("spec")
    suspend = isinstance(written, Mapping) and bool(written.get("suspend"))  # so that its Pods can be stopped
    return spec.model_copy(update={"suspend": suspend}) if spec is not None else None


def _spec_of(
    body: Mapping[str, Any], known: ExperimentRecord | InvalidRecord | None, validator: Validator, created_count: int
) -> tuple[ExperimentSpec | None, str, str]:
    """Return the spec to follow, why it is not the present one, and its ignored fields; once for each generation."""
    metadata = body["metadata"]
    if isinstance(known, ExperimentRecord) and _same_generation(known, metadata):
        return known.spec, known.invalid, known.ignored
    try:
        experiment = validator.load(body)
    except InvalidExperiment as error:
        return _last_valid_spec(body, known, validator, created_count), str(error), ""
    return experiment.spec, "", "\n".join(map(str, experiment.warnings))


def _same_generation(known: ExperimentRecord, metadata: Mapping[str, Any]) -> bool:
    return (known.uid, known.generation) == (metadata["uid"], metadata["generation"])
