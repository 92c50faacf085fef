"""Loads an Experiment from a manifest, or reports every error in the manifest."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from toprung.api.messages import MAX_COUNTED, bounded, invalid_experiment, possible_texts, shown, with_suggestions
from toprung.api.pod_template.schema import is_misspelled, must_be_string
from toprung.api.pydantic_errors import Location, field_path, reached_root, translate, unknown_fields
from toprung.api.v1alpha1 import experiment_rules
from toprung.api.v1alpha1.base import API_VERSION
from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.api.v1alpha1.parameters import Parameter
from toprung.api.v1alpha1.template_rules import has_more_values, validate_metadata, validate_pod_template
from toprung.errors import MAX_FIELD_ERRORS, FieldError

KIND = "Experiment"
TOP_LEVEL = ("apiVersion", "kind", "metadata", "spec", "status")
MAX_VALUES = 100_000
"""Largest number of values in a spec, including nested ones. The largest search space with the most initial trials has
fewer.
"""
MAX_TEMPLATE_VALUES = 10_000
"""Largest number of values in a Pod template. A Pod has some hundreds. Every attempt processes each of them."""
LARGE = 2_000
"""Number of values that take some milliseconds to read."""
CHARACTERS_OF_A_VALUE = 20
"""Number of characters that take as long to read as one value."""
TEMPLATE_PATH = "spec.trialTemplate.template."

_FIELDS = ExperimentSpec.model_fields
_ESSENTIAL = {"objective", "objectives", "metrics", "parameters", "trialTemplate", "maxTrialCount"}
"""Fields that running trials need to be read, scored or counted."""
_ADAPTERS: dict[str, TypeAdapter[Any]] = {
    name: TypeAdapter(field.rebuild_annotation()) for name, field in _FIELDS.items() if name != "parameters"
}
_PARAMETER: TypeAdapter[Parameter] = TypeAdapter(Parameter)


@dataclass(frozen=True, slots=True)
class Experiment:
    """A valid Experiment.

    Attributes:
        name: name of the Experiment.
        namespace: "" if the manifest has none.
        uid: "" outside a cluster.
        generation: 0 outside a cluster.
        spec: the desired state.
        warnings: unknown fields of a stored Experiment, which are ignored.
    """

    name: str
    namespace: str
    uid: str
    generation: int
    spec: ExperimentSpec
    warnings: tuple[FieldError, ...] = ()


def load_experiment(manifest: Mapping[str, Any], *, stored: bool = False) -> Experiment:
    """Load an Experiment.

    Args:
        manifest: the manifest of a user, or the object that the API server stores.
        stored: whether the API server stores it. An unknown field then belongs to a newer CRD than this operator: it is
            ignored and listed in `warnings`. In a manifest it is an error, as with `kubectl apply`.

    Raises:
        InvalidExperiment: the manifest is invalid; contains all errors. No manifest raises any other error.
    """
    errors, unknown = list(_identity_errors(manifest)), list[FieldError]()
    if not stored:
        errors += bounded(_metadata_errors(manifest, unknown))
    spec = _load_spec(manifest.get("spec"), errors, unknown, stored=stored)
    errors.extend(_warm_start_errors(manifest, spec))
    if spec is None or errors or (unknown and not stored):
        raise invalid_experiment([*errors, *(() if stored else unknown)])
    metadata = manifest["metadata"]
    generation = metadata.get("generation")
    return Experiment(
        name=metadata["name"],
        namespace=str(metadata.get("namespace") or ""),
        uid=str(metadata.get("uid") or ""),
        generation=generation if isinstance(generation, int) else 0,
        spec=spec,
        warnings=with_suggestions(unknown[:MAX_FIELD_ERRORS]),
    )


def is_large(manifest: Mapping[str, Any]) -> bool:
    """Return whether an Experiment may take more than some milliseconds to load."""
    nodes, cost = [manifest.get("spec")], 0
    while nodes and cost < LARGE:
        node = nodes.pop()
        children = node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
        text = len(node) if isinstance(node, str) else sum(map(len, node)) if isinstance(node, dict) else 0
        cost += 1 + text // CHARACTERS_OF_A_VALUE + len(children)
        if cost < LARGE:
            nodes.extend(children)
    return cost >= LARGE


def readable_spec(manifest: Mapping[str, Any]) -> ExperimentSpec | None:
    """Return the readable part of an invalid spec, with defaults in place of optional fields that are not readable.

    None if a field is invalid that running trials need to be read, scored or counted.
    """
    try:
        spec = json.loads(_json(manifest.get("spec")))
    except (RecursionError, TypeError, ValueError):
        return None
    while isinstance(spec, dict):
        try:
            return _parse(spec)
        except ValidationError as error:
            invalid = {
                re.split(r"[.\[]", error.path)[1]
                for error in translate(error, ExperimentSpec, "spec")
                if "." in error.path
            }
            if not invalid & spec.keys() or invalid & _ESSENTIAL:
                return None
            spec = {name: value for name, value in spec.items() if name not in invalid}
    return None


def _identity_errors(manifest: Mapping[str, Any]) -> Iterator[FieldError]:
    for field, wanted in (("apiVersion", API_VERSION), ("kind", KIND)):
        found = manifest.get(field)
        if found is None:
            yield FieldError(field, f"Required value: use {wanted}.")
        elif found != wanted:
            yield FieldError(field, f"Unsupported value: {shown(found)}. Use {wanted}.")
    metadata = manifest.get("metadata")
    if not isinstance(metadata, Mapping):
        yield FieldError("metadata", "Required value: add metadata.name.")
        return
    name = metadata.get("name")
    if not isinstance(name, str):
        yield FieldError("metadata.name", must_be_string(name) if name is not None else "Required value: add a name.")
    else:
        for error in experiment_rules.NAME_RULE.validate({"name": name}):
            yield FieldError("metadata.name", error.message)


def _metadata_errors(manifest: Mapping[str, Any], unknown: list[FieldError]) -> Iterator[FieldError]:
    """Validate the fields beside the spec. The API server has validated those of a stored Experiment."""
    fields = (str(field) for field in manifest if field not in TOP_LEVEL)
    unknown += [FieldError(field, f"unknown field {shown(field)}", field, TOP_LEVEL) for field in fields]
    metadata = manifest.get("metadata")
    if isinstance(metadata, dict):
        written = {field: value for field, value in metadata.items() if field != "name"}
        yield from (error.prefixed("metadata.") for error in validate_metadata(written, unknown))


def _warm_start_errors(manifest: Mapping[str, Any], spec: ExperimentSpec | None) -> Iterator[FieldError]:
    metadata = manifest.get("metadata")
    if spec is not None and isinstance(metadata, Mapping):
        fields = {"warm_start": spec.warm_start, "name": metadata.get("name")}
        yield from experiment_rules.WARM_START_RULE.validate(fields)


def _load_spec(
    spec: Any, errors: list[FieldError], unknown: list[FieldError], *, stored: bool
) -> ExperimentSpec | None:
    """Load a spec, or add its errors to `errors`; add its unknown fields to `unknown`."""
    if spec is None:
        errors.append(FieldError("spec", "Required value: add objective, parameters, maxTrialCount and trialTemplate."))
        return None
    if too_large := tuple(_size_errors(spec)):
        errors += too_large
        return None
    try:
        text = _json(spec)
        spec = json.loads(text)
    except RecursionError:
        errors.append(FieldError("spec", "Invalid value: must not be nested this deeply. Remove the inner levels."))
        return None
    except (TypeError, ValueError) as error:
        errors.append(FieldError("spec", f"Invalid value: must be JSON: {error}."))
        return None
    errors += _template_errors(_template_of(spec), unknown, stored=stored)
    try:
        return _parse_text(text)
    except ValidationError as error:
        return _without_unknown_fields(spec, error, errors, unknown, stored=stored)


def _size_errors(spec: Any) -> Iterator[FieldError]:
    """Bound the time of all further validation. The C code of json would block the event loop's thread."""
    if has_more_values(spec, MAX_VALUES):
        yield FieldError("spec", f"Too many: must have at most {MAX_VALUES:,} values. Move data to the image.")
    elif has_more_values(_template_of(spec), MAX_TEMPLATE_VALUES):
        advice = "Move data to the image or a ConfigMap."
        yield FieldError(TEMPLATE_PATH[:-1], f"Too many: must have at most {MAX_TEMPLATE_VALUES:,} values. {advice}")


def _template_of(spec: Any) -> Any:
    node = spec
    for step in ("trialTemplate", "template"):
        node = node.get(step) if isinstance(node, Mapping) else None
    return node


def _template_errors(template: Any, unknown: list[FieldError], *, stored: bool) -> tuple[FieldError, ...]:
    """Validate the Pod template. A misspelled field is an error even in a stored Experiment."""
    if not isinstance(template, dict):
        return ()
    found: list[FieldError] = []
    errors = bounded(validate_pod_template(template, found))
    prefixed = [error.prefixed(TEMPLATE_PATH) for error in found[:MAX_COUNTED]]
    misspelled = tuple(error for error in prefixed[:MAX_FIELD_ERRORS] if stored and is_misspelled(error))
    unknown += [error for error in prefixed if error not in misspelled]
    return (*(error.prefixed(TEMPLATE_PATH) for error in errors), *misspelled)


def _without_unknown_fields(
    spec: Any, error: ValidationError, errors: list[FieldError], unknown: list[FieldError], *, stored: bool
) -> ExperimentSpec | None:
    """Load a spec without its unknown fields, or add its errors."""
    locations = unknown_fields(error)
    found = translate(error, ExperimentSpec, "spec")
    paths = {field_path("spec", location) for location in locations}
    unknown += [error for error in found if error.path in paths]
    errors += [error for error in found if error.path not in paths]
    if not isinstance(spec, dict):
        return None
    if locations:
        for location in locations:
            _remove(spec, location)
        try:
            return _parse(spec)
        except ValidationError as remaining:
            # a model with a missing and an unknown field has that field under a wrong name
            explained = set() if stored else {field_path("spec", location[:-1]) for location in locations}
            remaining_errors = translate(remaining, ExperimentSpec, "spec")
            errors += [error for error in remaining_errors if error.path not in explained]
            error = remaining
    if not reached_root(error):
        errors += bounded(_cross_field_errors(spec))
    return None


def _parse(spec: Any) -> ExperimentSpec:
    return _parse_text(_json(spec))


def _parse_text(text: str) -> ExperimentSpec:
    # strict JSON: like the API server, which does not convert "5" to 5
    return ExperimentSpec.model_validate_json(text, strict=True, by_alias=True, by_name=False)


def _remove(node: Any, location: Location) -> None:
    *parents, last = location
    for step in parents:
        node = node[step]
    del node[last]


def _json(value: Any) -> str:
    return json.dumps(value, default=_to_json_type)


def _to_json_type(value: Any) -> Any:
    # kopf passes views of mappings; YAML has dates, which the API server reads as strings
    return dict(value) if isinstance(value, Mapping) else str(value)


def _cross_field_errors(spec: dict[str, Any]) -> Iterator[FieldError]:
    """Check the rules between readable fields. Pydantic skips them when a field is invalid."""
    fields: dict[str, Any] = {}
    for name, adapter in _ADAPTERS.items():
        field = _FIELDS[name]
        if (alias := field.alias or name) not in spec:
            if not field.is_required():
                fields[name] = field.get_default(call_default_factory=True)
        elif (value := _readable(adapter, spec[alias])) is not None:
            fields[name] = value
    written = spec.get("parameters")
    items = written if isinstance(written, list) else []
    parameters = {i: _readable(_PARAMETER, item) for i, item in enumerate(items)}
    readable = {i: parameter for i, parameter in parameters.items() if parameter is not None}
    names = [item.get("name") for i, item in enumerate(items) if i not in readable and isinstance(item, dict)]
    unreadable = frozenset(name for found in names for name in possible_texts(found))
    for error in experiment_rules.validate({**fields, "parameters": readable}, unreadable):
        yield error.prefixed("spec.")


def _readable(adapter: TypeAdapter[Any], value: Any) -> Any:
    try:
        return adapter.validate_json(_json(value), strict=True, by_alias=True, by_name=False)
    except (ValidationError, RecursionError, TypeError, ValueError):
        return None
