"""From a manifest, whatever it holds, to a valid Experiment or to every error in it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from toprung.api.messages import MAX_COUNTED, bounded, invalid_experiment, shown, with_suggestions
from toprung.api.names import EXPERIMENT_NAME, MAX_EXPERIMENT_NAME
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
"""Values in a spec, nested ones included: more than the largest space with the most initial trials has."""
MAX_TEMPLATE_VALUES = 10_000
"""Values in a Pod template; a Pod has some hundreds. Every attempt takes time for each of them."""
LARGE = 2_000
"""Values of a spec that take some milliseconds to read."""
CHARACTERS_OF_A_VALUE = 20
"""Characters of a string that take as long to read as a value."""
TEMPLATE_PATH = "spec.trialTemplate.template."

_FIELDS = ExperimentSpec.model_fields
_ESSENTIAL = {"objective", "objectives", "metrics", "parameters", "trialTemplate", "maxTrialCount"}
"""Fields of a spec without which running trials cannot be read, scored or counted."""
_ADAPTERS: dict[str, TypeAdapter[Any]] = {
    name: TypeAdapter(field.rebuild_annotation()) for name, field in _FIELDS.items() if name != "parameters"
}
_PARAMETER: TypeAdapter[Parameter] = TypeAdapter(Parameter)


@dataclass(frozen=True, slots=True)
class Experiment:
    """A valid Experiment, as its manifest or the API server gives it.

    Attributes:
        name: of the object.
        namespace: "" where the manifest leaves it to the client.
        uid: "" where the object is not in a cluster.
        generation: 0 where the object is not in a cluster.
        spec: what the user wants.
        warnings: fields that were ignored because this version does not know them; only of a stored Experiment.
    """

    name: str
    namespace: str
    uid: str
    generation: int
    spec: ExperimentSpec
    warnings: tuple[FieldError, ...] = ()


def load_experiment(manifest: Mapping[str, Any], *, stored: bool = False) -> Experiment:
    """Read an Experiment.

    Args:
        manifest: as its author wrote it, or as the API server stores it.
        stored: whether it comes from the API server. A field that is unknown there belongs to a newer CRD than this
            operator: it is ignored and listed in `warnings`. In an author's manifest it is a error, as with
            `kubectl apply`.

    Raises:
        InvalidExperiment: with every error at once; nothing else, whatever the manifest holds.
    """
    errors, unknown = list(_head_errors(manifest)), list[FieldError]()
    if not stored:
        errors += bounded(_envelope_errors(manifest, unknown))
    spec = _load_spec(manifest.get("spec"), errors, unknown, stored=stored)
    errors.extend(_own_name_errors(manifest, spec))
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
    """Return whether reading an Experiment may take more than some milliseconds; takes no longer itself."""
    waiting, cost = [manifest.get("spec")], 0
    while waiting and cost < LARGE:
        node = waiting.pop()
        children = node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
        text = len(node) if isinstance(node, str) else sum(map(len, node)) if isinstance(node, dict) else 0
        cost += 1 + text // CHARACTERS_OF_A_VALUE + len(children)
        if cost < LARGE:
            waiting.extend(children)
    return cost >= LARGE


def readable_spec(manifest: Mapping[str, Any]) -> ExperimentSpec | None:
    """Return what can be read of an invalid spec, with defaults for optional fields that cannot.

    None where a field is invalid without which no running trial can be read or scored.
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


def _head_errors(manifest: Mapping[str, Any]) -> Iterator[FieldError]:
    for field, wanted in (("apiVersion", API_VERSION), ("kind", KIND)):
        found = manifest.get(field)
        if found is None:
            yield FieldError(field, f"Required value: write {wanted}.")
        elif found != wanted:
            yield FieldError(field, f"Unsupported value: {shown(found)}. Write {wanted}.")
    metadata = manifest.get("metadata")
    if not isinstance(metadata, Mapping):
        yield FieldError("metadata", "Required value: write {name: ...}.")
        return
    name = metadata.get("name")
    if not isinstance(name, str):
        yield FieldError("metadata.name", must_be_string(name) if name is not None else "Required value: write a name.")
    elif len(name) > MAX_EXPERIMENT_NAME or not re.fullmatch(EXPERIMENT_NAME, name):
        advice = (
            f"Pods are named after it: write at most {MAX_EXPERIMENT_NAME} of a-z, 0-9 and -, no dot, no - at the ends."
        )
        yield FieldError("metadata.name", f"Invalid value: {shown(name)}. {advice}")


def _envelope_errors(manifest: Mapping[str, Any], unknown: list[FieldError]) -> Iterator[FieldError]:
    """Check what is around the spec as the API server does, which has checked a stored Experiment."""
    fields = (str(field) for field in manifest if field not in TOP_LEVEL)
    unknown += [FieldError(field, f"there is no field {shown(field)}", field, TOP_LEVEL) for field in fields]
    metadata = manifest.get("metadata")
    if isinstance(metadata, dict):
        written = {field: value for field, value in metadata.items() if field != "name"}
        yield from (error.prefixed("metadata.") for error in validate_metadata(written, unknown))


def _own_name_errors(manifest: Mapping[str, Any], spec: ExperimentSpec | None) -> Iterator[FieldError]:
    if spec is None or spec.warm_start is None:
        return
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    for i, other in enumerate(spec.warm_start.experiments):
        if other == name:
            yield FieldError(
                f"spec.warmStart.experiments[{i}]", f"{shown(name)} is this Experiment itself; name others"
            )


def _load_spec(
    spec: Any, errors: list[FieldError], unknown: list[FieldError], *, stored: bool
) -> ExperimentSpec | None:
    """Read a spec, or add every error in it to `errors`; its unknown fields are added to `unknown`."""
    if spec is None:
        errors.append(
            FieldError("spec", "is missing; write objective, parameters, maxTrialCount and trialTemplate in it")
        )
        return None
    if too_large := tuple(_size_errors(spec)):
        errors += too_large
        return None
    try:
        text = _json(spec)
        spec = json.loads(text)
    except RecursionError:
        errors.append(FieldError("spec", "Invalid value: is nested too deeply. Remove the inner levels."))
        return None
    except (TypeError, ValueError) as error:
        errors.append(
            FieldError("spec", f"is not JSON: {error}; write texts, numbers, true, false, lists and objects only")
        )
        return None
    errors += _template_errors(_template_of(spec), unknown, stored=stored)
    try:
        return _parse_text(text)
    except ValidationError as error:
        return _mended(spec, error, errors, unknown, stored=stored)


def _size_errors(spec: Any) -> Iterator[FieldError]:
    """Bound the time that everything else takes; the C code of json would hold the event loop's thread up for it."""
    if has_more_values(spec, MAX_VALUES):
        yield FieldError("spec", f"Invalid value: has more than {MAX_VALUES:,} values. Put data into the image.")
    elif has_more_values(_template_of(spec), MAX_TEMPLATE_VALUES):
        advice = "Put data into the image or a ConfigMap."
        yield FieldError(TEMPLATE_PATH[:-1], f"Invalid value: has more than {MAX_TEMPLATE_VALUES:,} values. {advice}")


def _template_of(spec: Any) -> Any:
    node = spec
    for step in ("trialTemplate", "template"):
        node = node.get(step) if isinstance(node, Mapping) else None
    return node


def _template_errors(template: Any, unknown: list[FieldError], *, stored: bool) -> tuple[FieldError, ...]:
    """Check the Pod template as it is written; misspelled fields are errors even where unknown ones are not."""
    if not isinstance(template, dict):
        return ()
    found: list[FieldError] = []
    errors = bounded(validate_pod_template(template, found))
    prefixed = [error.prefixed(TEMPLATE_PATH) for error in found[:MAX_COUNTED]]
    slips = tuple(error for error in prefixed[:MAX_FIELD_ERRORS] if stored and is_misspelled(error))
    unknown += [error for error in prefixed if error not in slips]
    return (*(error.prefixed(TEMPLATE_PATH) for error in errors), *slips)


def _mended(
    spec: Any, error: ValidationError, errors: list[FieldError], unknown: list[FieldError], *, stored: bool
) -> ExperimentSpec | None:
    """Read a spec without its unknown fields, or add its errors."""
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
            # a model that lacks a field beside an unknown one has that field there under a wrong name
            explained = set() if stored else {field_path("spec", location[:-1]) for location in locations}
            hidden = translate(remaining, ExperimentSpec, "spec")
            errors += [error for error in hidden if error.path not in explained]
            error = remaining
    if not reached_root(error):
        errors += bounded(_remaining_errors(spec))
    return None


def _parse(spec: Any) -> ExperimentSpec:
    return _parse_text(_json(spec))


def _parse_text(text: str) -> ExperimentSpec:
    # strict JSON: the API server turns no "5" into 5 either
    return ExperimentSpec.model_validate_json(text, strict=True, by_alias=True, by_name=False)


def _remove(node: Any, location: Location) -> None:
    *parents, last = location
    for step in parents:
        node = node[step]
    del node[last]


def _json(value: Any) -> str:
    return json.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    # kopf gives views of mappings; YAML knows dates, which the API server reads as texts
    return dict(value) if isinstance(value, Mapping) else str(value)


def _remaining_errors(spec: dict[str, Any]) -> Iterator[FieldError]:
    """Check the readable fields against each other, which pydantic leaves out when one of them is bad."""
    fields: dict[str, Any] = {}
    for name, adapter in _ADAPTERS.items():
        field = _FIELDS[name]
        if (alias := field.alias or name) not in spec:
            fields[name] = None if field.is_required() else field.get_default(call_default_factory=True)
        elif (value := _readable(adapter, spec[alias])) is not None:
            fields[name] = value
    written = spec.get("parameters")
    items = written if isinstance(written, list) else []
    parameters = {i: _readable(_PARAMETER, item) for i, item in enumerate(items)}
    readable = {i: parameter for i, parameter in parameters.items() if parameter is not None}
    unreadable = {str(item.get("name")) for i, item in enumerate(items) if i not in readable and isinstance(item, dict)}
    for error in experiment_rules.validate({**fields, "parameters": readable}, frozenset(unreadable)):
        yield error.prefixed("spec.")


def _readable(adapter: TypeAdapter[Any], value: Any) -> Any:
    try:
        return adapter.validate_json(_json(value), strict=True, by_alias=True, by_name=False)
    except (ValidationError, RecursionError, TypeError, ValueError):
        return None
