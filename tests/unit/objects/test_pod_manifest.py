"""The manifests of Trials and Pods."""

import json

import pytest

from support.specs import experiment_spec
from support.world import START, World
from toprung.objects.configuration import format_parameter
from toprung.objects.pod import ANNOTATION_STOP_TIME
from toprung.objects.pod_manifest import ANNOTATION_TEMPLATE, pod_manifest, substitute
from toprung.objects.trial import TrialRecord
from toprung.objects.trial_json import trial_manifest

CONTAINER = {"name": "main", "image": "img", "command": ["train", "--lr=${parameters.lr}", "--epochs", "${resource}"]}
EARLY = {"asha": {"maxResource": 9}}


def pod_of(resource=9, *, parameters=None, attempt=1, **spec):
    """Return the Pod of trial 3 of an Experiment with these fields."""
    template = spec.pop("template", {"spec": {"containers": [CONTAINER]}})
    world = World(
        experiment_spec(earlyStopping=EARLY, trialTemplate={"template": template, **spec.pop("trial", {})}, **spec),
        lambda *_: None,
    )
    trial = TrialRecord("team/exp", "uid-exp", "exp-3", "uid-3", 3, parameters or {"lr": 0.01}, START)
    return pod_manifest(world.experiment(), trial, attempt, resource)


def environment(pod, container=0):
    return {each["name"]: each.get("value") for each in pod["spec"]["containers"][container]["env"]}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(True, "true", id="bool"),
        pytest.param(64, "64", id="int"),
        pytest.param(1e-05, "1e-05", id="float"),
        pytest.param("adam", "adam", id="string"),
    ],
)
def test_values_are_formatted_for_command_lines(value, text):
    """Booleans and numbers have the form that programs expect."""
    assert format_parameter(value) == text


@pytest.mark.parametrize(
    ("text", "result"),
    [
        pytest.param("--lr=${parameters.lr}", "--lr=0.1", id="parameter"),
        pytest.param("${resource}/${trial.index}", "9/3", id="two"),
        pytest.param(
            "${HOME} $(VAR) $HOME ${parameters}", "${HOME} $(VAR) $HOME ${parameters}", id="another-placeholder"
        ),
        pytest.param("${parameters.momentum}", "", id="inactive"),
        pytest.param("$${parameters.lr}", "$0.1", id="no-escape"),
    ],
)
def test_only_own_placeholders_are_replaced(text, result):
    """Placeholders of the shell and of Kubernetes stay."""
    values = {"parameters.lr": "0.1", "resource": "9", "trial.index": "3"}
    assert substitute({"a": [text]}, values) == {"a": [result]}


def test_a_pod_has_the_operators_metadata():
    """Names, labels, owner and restart policy do not come from the template."""
    pod = pod_of(template={"metadata": {"labels": {"team": "vision"}}, "spec": {"containers": [CONTAINER]}}, attempt=2)
    assert pod["metadata"]["name"] == "exp-3-2"
    assert pod["metadata"]["labels"]["team"] == "vision"
    assert pod["metadata"]["labels"]["toprung.dev/trial"] == "exp-3"
    assert [owner["uid"] for owner in pod["metadata"]["ownerReferences"]] == ["uid-3"]
    assert pod["spec"]["restartPolicy"] == "Never"
    assert pod["spec"]["containers"][0]["command"] == ["train", "--lr=0.01", "--epochs", "9"]


def test_the_environment_of_a_program():
    """It has the configuration as JSON and one by one, the budget and the name. Python's output is unbuffered."""
    variables = environment(pod_of(parameters={"lr": 0.01, "opt-name": "adam"}))
    assert variables["TOPRUNG_PARAMETERS"] == '{"lr": 0.01, "opt-name": "adam"}'
    assert variables["TOPRUNG_PARAMETER_OPT_NAME"] == "adam"
    assert (variables["TOPRUNG_TRIAL"], variables["TOPRUNG_RESOURCE"], variables["PYTHONUNBUFFERED"]) == (
        "exp-3",
        "9",
        "1",
    )
    assert "TOPRUNG_CHECKPOINT_DIR" not in variables


def test_variables_of_the_template_take_precedence():
    """They can refer to the operator's variables."""
    container = {**CONTAINER, "env": [{"name": "PYTHONUNBUFFERED", "value": "0"}]}
    names = [
        each["name"] for each in pod_of(template={"spec": {"containers": [container]}})["spec"]["containers"][0]["env"]
    ]
    assert names.count("PYTHONUNBUFFERED") == 1
    assert names[-1] == "PYTHONUNBUFFERED"


def test_each_trial_has_its_own_checkpoint_folder():
    """A recreated Experiment of the same name has other folders."""
    pod = pod_of(checkpoint={"volume": {"persistentVolumeClaim": {"claimName": "ckpt"}}, "mountPath": "/ckpt"})
    [volume] = pod["spec"]["volumes"]
    assert volume["persistentVolumeClaim"] == {"claimName": "ckpt"}
    assert pod["spec"]["containers"][0]["volumeMounts"] == [{"name": volume["name"], "mountPath": "/ckpt"}]
    assert environment(pod)["TOPRUNG_CHECKPOINT_DIR"] == "/ckpt/exp-uid-exp/exp-3"


def test_max_trial_duration_is_the_pods_deadline():
    """The kubelet enforces it while the operator is down. The minimum is one second."""
    assert pod_of(trial={"maxTrialDuration": "90s"})["spec"]["activeDeadlineSeconds"] == 90
    assert pod_of(trial={"maxTrialDuration": "100ms"})["spec"]["activeDeadlineSeconds"] == 1


def test_the_stop_annotation_of_a_template_is_removed():
    """Otherwise its Pods would count as stopped by the operator."""
    annotations = {"mine": "kept", ANNOTATION_STOP_TIME: "whenever"}
    template = {"metadata": {"annotations": annotations}, "spec": {"containers": [CONTAINER]}}
    assert pod_of(template=template)["metadata"]["annotations"].keys() == {
        "mine",
        "kubectl.kubernetes.io/default-container",
        ANNOTATION_TEMPLATE,
    }


def test_the_template_is_not_changed():
    """All trials are created from the same template."""
    world = World(experiment_spec(), lambda *_: None)
    before = repr(world.spec.trial_template.template)
    trial = TrialRecord("team/exp", "uid-exp", "exp-0", "uid-0", 0, {"lr": 0.5}, START)
    pod_manifest(world.experiment(), trial, 1, None)
    assert repr(world.spec.trial_template.template) == before


def test_a_trial_records_its_configuration():
    """The Trial is owned by the Experiment and exists before its first Pod."""
    trial = trial_manifest(World(experiment_spec(), lambda *_: None).experiment(), 7, {"lr": 0.5}, 1)
    assert trial["metadata"]["name"] == "exp-7"
    assert trial["metadata"]["ownerReferences"][0]["uid"] == "uid-exp"
    assert trial["spec"] == {"experiment": "exp", "index": 7, "parameters": {"lr": 0.5}, "bracket": 1}


FOREIGN = {
    "name": "forged",
    "namespace": "kube-system",
    "generateName": "x-",
    "uid": "u",
    "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "x", "uid": "x"}],
    "finalizers": ["a.b/c"],
    "labels": {
        "app": "mine",
        "toprung.dev/trial": "other-0",
        "toprung.dev/anything": "x",
        "app.kubernetes.io/managed-by": "Helm",
        "x.toprung.dev/a": "b",
        "nottoprung.dev/a": "kept",
    },
    "annotations": {
        "note": "mine",
        ANNOTATION_STOP_TIME: "2026-01-01T00:00:00Z",
        "localkube/gpus": "0,1",
        "toprung.dev/anything": "x",
    },
}


def test_only_labels_and_annotations_of_a_template_are_copied():
    """Labels and annotations of the operator take precedence."""
    metadata = pod_of(template={"metadata": FOREIGN, "spec": {"containers": [CONTAINER]}})["metadata"]
    assert metadata.keys() == {"name", "namespace", "labels", "annotations", "ownerReferences"}
    assert (metadata["name"], metadata["namespace"]) == ("exp-3-1", "team")
    assert [owner["kind"] for owner in metadata["ownerReferences"]] == ["Trial"]
    assert metadata["labels"] == {
        "app": "mine",
        "nottoprung.dev/a": "kept",
        "toprung.dev/experiment": "exp",
        "toprung.dev/trial": "exp-3",
        "toprung.dev/index": "3",
        "toprung.dev/attempt": "1",
        "app.kubernetes.io/managed-by": "toprung",
    }
    assert metadata["annotations"].get("note") == "mine"
    assert [name for name in metadata["annotations"] if "toprung.dev" in name] == [ANNOTATION_TEMPLATE]
    assert metadata["annotations"][ANNOTATION_TEMPLATE] != FOREIGN["annotations"].get(ANNOTATION_TEMPLATE)


@pytest.mark.parametrize(
    ("written", "mounted"),
    [
        pytest.param({}, False, id="unset"),
        pytest.param({"automountServiceAccountToken": True}, True, id="set to true"),
        pytest.param({"automountServiceAccountToken": False}, False, id="set to false"),
    ],
)
def test_a_service_account_token_needs_a_request_in_the_template(written, mounted):
    """Most training programs need no access to the Kubernetes API."""
    pod = pod_of(template={"spec": {"containers": [CONTAINER], **written}})
    assert pod["spec"]["automountServiceAccountToken"] is mounted


BESIDE = {"metadata": None, "spec": {"containers": [{"name": "proxy", "image": "envoy"}, CONTAINER]}}


@pytest.mark.parametrize(
    ("trial", "annotations", "primary"),
    [
        pytest.param({}, None, "proxy", id="first"),
        pytest.param({}, {"kubectl.kubernetes.io/default-container": "main"}, "main", id="annotated"),
        pytest.param({"primaryContainer": "main"}, None, "main", id="configured"),
        pytest.param(
            {"primaryContainer": "main"},
            {"kubectl.kubernetes.io/default-container": "proxy"},
            "main",
            id="configured-before-annotated",
        ),
    ],
)
def test_a_pod_records_its_primary_container(trial, annotations, primary):
    """An injected first container is not taken for the program."""
    template = {**BESIDE, "metadata": {"annotations": annotations}}
    pod = pod_of(template=template, trial=trial)
    assert pod["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"] == primary


def test_null_is_absent_everywhere_in_a_template():
    """The API server reads null as absent, and no null is sent."""
    container = {**CONTAINER, "env": None, "volumeMounts": None, "args": None, "resources": {"limits": None}}
    spec = {"containers": [container], "initContainers": None, "volumes": None, "terminationGracePeriodSeconds": None}
    template = {"metadata": {"labels": None, "annotations": None}, "spec": spec}
    pod = pod_of(template=template, checkpoint={"volume": {"emptyDir": {}}})
    assert "null" not in json.dumps(pod)
    assert [volume["name"] for volume in pod["spec"]["volumes"]] == ["toprung-checkpoint"]


def test_substitution_is_linear():
    """Text with many unfinished placeholders is read once."""
    text = "${parameters." * 20_000 + "a" * 200_000
    assert substitute([text], {}) == [text]
