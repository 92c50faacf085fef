"""Validation of manifests of any kind."""

import copy
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.manifests import BASE, CONTAINER, LAYERS, REMOVE, edited
from toprung.api.loader import load_experiment
from toprung.errors import FieldError, InvalidExperiment

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def paths(node: Any, path: tuple[int | str, ...] = ()) -> list[tuple[int | str, ...]]:
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path] * bool(path) + [found for key, child in children for found in paths(child, (*path, key))]


def errors(manifest: Any) -> dict[str, str]:
    with pytest.raises(InvalidExperiment) as caught:
        load_experiment(manifest)
    return {error.path: error.message for error in caught.value.errors}


def outcome(manifest: Any) -> tuple[FieldError, ...]:
    """Return the errors of a manifest, or none if it is valid."""
    try:
        load_experiment(manifest)
    except InvalidExperiment as error:
        return error.errors
    return ()


def test_metadata_of_the_cluster_is_kept():
    """Name, namespace, UID and generation identify the Experiment and its version."""
    metadata = {"name": "mnist", "namespace": "team", "uid": "u-1", "generation": 3}
    experiment = load_experiment(BASE | {"metadata": metadata})
    found = (experiment.name, experiment.namespace, experiment.uid, experiment.generation)
    assert found == ("mnist", "team", "u-1", 3)


def test_a_view_of_a_mapping_is_read_as_the_mapping():
    """Kopf passes views of dicts."""
    view = MappingProxyType({key: MappingProxyType(v) if isinstance(v, dict) else v for key, v in BASE.items()})
    assert load_experiment(view).spec == load_experiment(BASE).spec


def test_all_errors_are_reported_together():
    """An error of one field hides neither errors of others nor errors between valid fields."""
    found = errors(
        edited(
            BASE,
            {
                "kind": "Experimnet",
                "metadata.name": "Mnist",
                "spec.objective.type": "max",
                "spec.parameters[0].min": 3,
                "spec.parameters[0].skale": "log",
                "spec.parameters[1].max": "4",
                "spec.parameters[5].name": "batch",
                "spec.initialTrials[0]": {"batch": 33, "layers": 99, "epochs": 1},
                "spec.parallelTrialCount": 1000,
                "spec.maxDuration": "soon",
                f"{CONTAINER}.command[3]": "${parameters.rate}",
            },
        )
    )
    assert set(found) == {
        "kind",
        "metadata.name",
        "spec.objective.type",
        "spec.parameters[0].min",
        "spec.parameters[0].skale",
        "spec.parameters[1].max",
        "spec.parameters[5].name",
        "spec.initialTrials[0].batch",
        "spec.initialTrials[0].epochs",
        "spec.parallelTrialCount",
        "spec.maxDuration",
        f"{CONTAINER}.command[3]",
    }


def test_references_to_an_invalid_parameter_are_valid():
    """One mistake results in one message."""
    manifest = edited(
        BASE, {"spec.parameters[3].values": "sgd", "spec.initialTrials": [{"opt": "sgd", "momentum": 0.1}]}
    )
    assert set(errors(manifest)) == {"spec.parameters[3].values"}


WHEN = "spec.parameters[4].when"
PBT = {"perturbationInterval": 3, "maxResource": 27}


@pytest.mark.parametrize(
    ("edits", "current"),
    [
        pytest.param({"noProgress": {"trials": 3}}, "stopWhenNoProgress", id="noProgress"),
        pytest.param({"algorithm": {"tpe": {"candidates": 24}}}, "eiCandidates", id="candidates"),
        pytest.param({"earlyStopping": {"asha": {"maxResource": 27, "tilt": 0}}}, "rungSkew", id="tilt"),
        pytest.param({"earlyStopping": {"pbt": PBT | {"interval": 3}}}, "perturbationInterval", id="interval"),
        pytest.param({"earlyStopping": {"pbt": PBT | {"quantile": 0.2}}}, "quantileFraction", id="quantile"),
        pytest.param({"earlyStopping": {"pbt": PBT | {"factors": [0.8]}}}, "perturbationFactors", id="factors"),
    ],
)
def test_a_former_field_name_gets_the_current_one(edits: dict[str, Any], current: str):
    """The message about the unknown field has the current name."""
    (message,) = (text for text in errors(BASE | {"spec": BASE["spec"] | edits}).values() if "unknown field" in text)
    assert current in message


@pytest.mark.parametrize(
    ("edits", "path"),
    [
        pytest.param({"metadata": REMOVE}, "metadata", id="no metadata"),
        pytest.param({"metadata": []}, "metadata", id="metadata is a list"),
        pytest.param({"metadata.name": REMOVE}, "metadata.name", id="no name"),
        pytest.param({"metadata.name": "-a"}, "metadata.name", id="name begins with a dash"),
        pytest.param({"metadata.name": "a\n"}, "metadata.name", id="name ends with a line break"),
        pytest.param({"apiVersion": "kubeflow.org/v1beta1"}, "apiVersion", id="Katib's version"),
        pytest.param({"spec.parameters[0].max": float("nan")}, "spec.parameters[0].max", id="NaN"),
        pytest.param({"spec.objective.goal": float("inf")}, "spec.objective.goal", id="infinity"),
        pytest.param({"spec.initialTrials[0].lr": float("inf")}, "spec.initialTrials[0].lr", id="infinite value"),
        pytest.param({"spec.initialTrials[0].opt": "x" * 2000}, "spec.initialTrials[0].opt", id="long string"),
        pytest.param({"spec.parameters[0].step": 1e-300}, "spec.parameters[0].step", id="too many steps"),
        pytest.param({"spec.maxDuration": "9" * 20 + "h"}, "spec.maxDuration", id="beyond what a timedelta holds"),
    ],
)  # fmt: skip
def test_an_invalid_value_is_an_error_of_its_field(edits: dict[str, Any], path: str):
    """No such value reaches the planner."""
    if path.endswith(".step"):
        edits = edits | {"spec.parameters[0].scale": "linear"}
    assert path in errors(edited(BASE, edits))


def test_deep_nesting_is_an_error():
    """A manifest cannot exhaust the stack of the parser."""
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert set(errors(edited(BASE, {}) | {"spec": {"objective": deep}})) >= {"spec"}


def test_a_cycle_of_yaml_aliases_is_an_error():
    """YAML allows cycles, and JSON does not."""
    manifest = copy.deepcopy(BASE)
    manifest["spec"]["trialTemplate"]["template"]["spec"]["self"] = manifest["spec"]
    assert "spec" in errors(manifest)


@settings(max_examples=200)
@given(data=st.data())
def test_any_manifest_is_valid_or_invalid(data: st.DataObject):
    """For any value in any place, the only error is InvalidExperiment, with paths."""
    manifest = copy.deepcopy(BASE)
    for _ in range(data.draw(st.integers(1, 3))):
        *parents, last = data.draw(st.sampled_from(paths(manifest)))
        node: Any = manifest
        for step in parents:
            node = node[step]
        node[last] = data.draw(json_values)
    found = outcome(manifest)
    assert [error for error in found if not error.path or not error.message] == []
    assert len(set(found)) == len(found)


NEWER = {
    "spec.nextYearsField": {"a": 1},
    "spec.objective.weight": 2,
    "spec.parameters[0].unit": "1/s",
    "spec.algorithm.tpe.kernel": "matern",
}


def test_unknown_fields_of_a_stored_experiment_are_ignored_and_reported():
    """A CRD that is newer than the operator does not invalidate a running Experiment."""
    experiment = load_experiment(edited(BASE, NEWER), stored=True)
    assert experiment.spec == load_experiment(BASE).spec
    assert {error.path for error in experiment.warnings} == set(NEWER)


def test_unknown_fields_of_a_users_manifest_are_errors():
    """`kubectl apply` rejects them too."""
    assert set(errors(edited(BASE, NEWER))) == set(NEWER)


def test_a_stored_experiment_with_an_unknown_algorithm_is_invalid():
    """The operator cannot guess an algorithm of a newer version."""
    with pytest.raises(InvalidExperiment) as caught:
        load_experiment(edited(BASE, {"spec.algorithm": {"nextYears": {}}}), stored=True)
    assert [error.path for error in caught.value.errors] == ["spec.algorithm"]


@pytest.mark.parametrize(
    ("edits", "path", "message"),
    [
        pytest.param({"spec.objective.metric": ["loss"]}, "spec.objective.metric", 'Invalid value: ["loss"]: must be a string. Use "loss".', id="list of one string"),
        pytest.param({"spec.objective.metric": ["a", "b"]}, "spec.objective.metric", 'Invalid value: ["a", "b"]: must be a string. Use one string.', id="list of strings"),
        pytest.param({"spec.objective.metric": {"a": 1}}, "spec.objective.metric", 'Invalid value: {"a": 1}: must be a string. Use one string.', id="object as string"),
        pytest.param({"spec.objective.metric": 5}, "spec.objective.metric", 'Invalid value: 5: must be a string. Use quotes: "5".', id="number as string"),
        pytest.param({"spec.objective.metric": True}, "spec.objective.metric", 'Invalid value: true: must be a string. Use quotes, such as "y" or "true": YAML reads y, yes and on as true.', id="boolean as string"),
        pytest.param({"spec.objective.additionalMetrics": [False]}, "spec.objective.additionalMetrics[0]", 'Invalid value: false: must be a string. Use quotes, such as "n" or "false": YAML reads n, no and off as false.', id="boolean in a list of strings"),
        pytest.param({f"{WHEN}.parameter": True}, f"{WHEN}.parameter", 'Invalid value: true: must be a string. Use quotes, such as "y" or "true": YAML reads y, yes and on as true.', id="boolean as the name of a parameter"),
        pytest.param({"spec.initialTrials[0].false": 1}, "spec.initialTrials[0].false", 'Invalid value: no parameter is named "false". Use quotes, such as "n" or "false": YAML reads n, no and off as false.', id="boolean as a key"),
        pytest.param({f"{CONTAINER}.command": ["train", False]}, f"{CONTAINER}.command[1]", 'Invalid value: must be a string, not false. Use quotes, such as "n" or "false": YAML reads n, no and off as false.', id="boolean as an argument"),
        pytest.param({f"{CONTAINER}.command": ["train", "a\0b"]}, f"{CONTAINER}.command[1]", 'Invalid value: "a\\u0000b": must not contain NUL characters. Remove them.', id="NUL in an argument"),
        pytest.param({f"{CONTAINER}.env": [{"name": "A", "value": "\0"}]}, f"{CONTAINER}.env[0].value", 'Invalid value: "\\u0000": must not contain NUL characters. Remove them.', id="NUL in a variable"),
        pytest.param({"spec.parameters[3].values": ["sgd", "adam", "\0"]}, "spec.parameters[3].values[2]", 'Invalid value: "\\u0000": must not contain NUL characters. Remove them.', id="NUL in a value"),
        pytest.param({"spec.trialTemplate.primaryContainer": ""}, "spec.trialTemplate.primaryContainer", 'Invalid value: "": must not be empty. Use a name, or remove the field.', id="empty name"),
        pytest.param({"spec.initialTrials[0].opt": None}, "spec.initialTrials[0].opt", 'Invalid value: null: must be a number, string or boolean. Remove it, or use quotes: "null".', id="null as a value"),
        pytest.param({"spec.objective.goal": "1e999"}, "spec.objective.goal", 'Invalid value: "1e999": must be a number. Use a number of at most 1.8e+308.', id="quoted number that no double holds"),
        pytest.param({"spec.parameters[1].step": 1e-300}, "spec.parameters[1].step", "Invalid value: 1e-300: type int requires an integer. Use 1, or type: double.", id="tiny step of integers"),
        pytest.param({"spec.parameters[5].step": 1e-300}, "spec.parameters[5].step", "Invalid value: 1e-300: must divide max - min. Use a larger step, or remove step.", id="too many steps"),
        pytest.param({"spec.parallelTrialCount": 20000}, "spec.parallelTrialCount", "Invalid value: 20000: must be at most 10000. Use 10000 or less.", id="large number"),
        pytest.param({"spec.objective.additionalMetrics": ["m"] * 33}, "spec.objective.additionalMetrics", "Too many: must have at most 32 items. Remove some.", id="long list"),
        pytest.param({f"{WHEN}.in": []}, f"{WHEN}.in", "Invalid value: must have at least 1 item. Add one.", id="empty list"),
        *(
            pytest.param({"spec.parameters[0].name": name}, "spec.parameters[0].name", f'Invalid value: "{name}": must consist of A-Z, a-z, 0-9, \'_\', \'.\' or \'-\', and must start with a letter or \'_\'. Use a name such as learning_rate.', id=f"name {name}")
            for name in ("größe", "a b", "1x")
        ),
        *(
            pytest.param({f"{LAYERS}.{field}": sign * 2**53 + sign * more}, f"{LAYERS}.{field}", f"Invalid value: {sign * 2**53}: type int requires an absolute value below 2^53. Use a smaller value, or type: double.", id=f"{field} {sign * 2**53 + sign * more}")
            for field, sign in (("max", 1), ("min", -1))
            for more in (0, 1)
        ),
        pytest.param({"spec.maxTrialCount": 3.5}, "spec.maxTrialCount", "Invalid value: 3.5: must be an integer. Use 3 or 4.", id="fraction"),
        pytest.param({"spec.maxTrialCount": "300"}, "spec.maxTrialCount", 'Invalid value: "300": must be an integer. Use 300 without quotes.', id="quoted integer"),
        pytest.param({"spec.maxTrialCount": "many"}, "spec.maxTrialCount", 'Invalid value: "many": must be an integer. Use a number such as 3.', id="word as integer"),
        pytest.param({"spec.maxTrialCount": "9" * 50}, "spec.maxTrialCount", f'Invalid value: "{"9" * 50}": must be an integer. Use a number such as 3.', id="many digits"),
        pytest.param({"spec.suspend": "true"}, "spec.suspend", 'Invalid value: "true": must be true or false. Use true without quotes.', id="quoted boolean"),
        pytest.param({"spec.suspend": 1}, "spec.suspend", "Invalid value: 1: must be true or false. Use true or false.", id="number as boolean"),
        pytest.param({"spec.objective.goal": "1e-3"}, "spec.objective.goal", 'Invalid value: "1e-3": must be a number. Use 1e-3 without quotes.', id="quoted number"),
        pytest.param({"spec.maxTrialCount": 1e300}, "spec.maxTrialCount", "Invalid value: 1e+300: is too large. Use an integer of at most 15 digits.", id="huge number"),
        pytest.param({"spec.algorithm.seed": -1e40}, "spec.algorithm.seed", "Invalid value: -1e+40: is too small. Use an integer of at most 15 digits.", id="huge negative number"),
        pytest.param({"spec.checkpoint.volume": "v"}, "spec.checkpoint.volume", 'Invalid value: "v": must be an object. Use a volume source such as {persistentVolumeClaim: {claimName: ckpt}}.', id="volume"),
        pytest.param({"spec.checkpoint": "v"}, "spec.checkpoint", 'Invalid value: "v": must be an object. Use the fields volume, mountPath.', id="object"),
        pytest.param({"spec.metrics": "stdout"}, "spec.metrics", 'Invalid value: "stdout": must be an object. Use the fields stdout.', id="union"),
    ],
)  # fmt: skip
def test_the_correction_depends_on_the_type_of_the_value(edits: dict[str, Any], path: str, message: str):
    """The correction for a list is not that for a number."""
    assert errors(edited(BASE, edits)).get(path) == message


@pytest.mark.parametrize(
    ("edits", "path", "fragment"),
    [
        pytest.param({"spec.algorithm": {"random": {"seed": 3}}}, "spec.algorithm.random.seed", "Move it to spec.algorithm.seed.", id="one level"),
        pytest.param({"spec.algorithm": {"tpe": {"seed": 3}}}, "spec.algorithm.tpe.seed", "Move it to spec.algorithm.seed.", id="beside known fields"),
        pytest.param({"spec.objective.maxTrialCount": 3}, "spec.objective.maxTrialCount", "Move it to spec.maxTrialCount.", id="the spec"),
        pytest.param({"spec.algorithm": {"random": {"x": 3}}}, "spec.algorithm.random.x", "Remove it: no name is valid here.", id="nowhere"),
    ],
)  # fmt: skip
def test_a_field_at_the_wrong_level_gets_its_path(edits: dict[str, Any], path: str, fragment: str):
    """The message has the path of the field's object."""
    assert fragment in errors(edited(BASE, edits))[path]


@pytest.mark.parametrize(
    ("text", "found", "meant"),
    [
        pytest.param("${parameters.lr", "${parameters.lr", "${parameters.lr}", id="unclosed"),
        pytest.param("a ${parameters.lr b", "${parameters.lr ", "${parameters.lr}", id="unclosed before a word"),
        pytest.param("${ parameters.lr }", "${ parameters.lr }", "${parameters.lr}", id="blanks"),
        pytest.param("${parameters.lr }", "${parameters.lr }", "${parameters.lr}", id="one blank"),
        pytest.param("${{parameters.lr}}", "${{parameters.lr}}", "${parameters.lr}", id="double braces"),
        pytest.param("${parameters.lr:-1}", "${parameters.lr", "${parameters.lr}", id="default of a shell"),
        pytest.param("${ resource }", "${ resource }", "${resource}", id="budget"),
        pytest.param("${ trial.name}", "${ trial.name}", "${trial.name}", id="trial"),
    ],
)
def test_a_malformed_placeholder_is_an_error(text: str, found: str, meant: str):
    """The program would receive it unchanged."""
    path = f"{CONTAINER}.command"
    message = f'Invalid value: "{found}" is not a placeholder. Use {meant}.'
    assert errors(edited(BASE, {path: ["train", text]})).get(f"{path}[1]") == message


@pytest.mark.parametrize(
    "text",
    ["${parameters.lr}}", "echo ${resource:-3}", "echo ${HOME", "${ HOME; }x y", "$(trial.sh)", "{{ trial.name }}", "$${parameters.lr"],
)  # fmt: skip
def test_braces_of_other_languages_are_no_placeholders(text: str):
    """Shells and template engines use braces too."""
    assert outcome(edited(BASE, {f"{CONTAINER}.command": ["sh", "-c", text]})) == ()


@pytest.mark.parametrize("claim", [{}, {"claimName": None}, {"claimName": ""}])
def test_a_missing_field_is_reported_once(claim: dict[str, Any]):
    """Of two rules the more precise one reports it."""
    volumes = [{"name": "data", "persistentVolumeClaim": claim}]
    found = outcome(edited(BASE, {"spec.trialTemplate.template.spec.volumes": volumes}))
    path = "spec.trialTemplate.template.spec.volumes[0].persistentVolumeClaim.claimName"
    assert [error.message for error in found if error.path == path] == ["Required value: write it."]
