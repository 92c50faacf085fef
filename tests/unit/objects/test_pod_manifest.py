"""The objects that the operator makes."""

import json

import pytest

from support.specs import experiment_spec
from support.world import START, World
from toprung.objects.placeholders import format_parameter, substitute
from toprung.objects.pod import ANNOTATION_STOP_TIME
from toprung.objects.pod_manifest import ANNOTATION_TEMPLATE, pod_manifest
from toprung.objects.trial import TrialRecord, trial_manifest

CONTAINER = {"name": "main", "image": "img", "command": ["train", "--lr=${parameters.lr}", "--epochs", "${resource}"]}
EARLY = {"asha": {"maxResource": 9}}


def made(resource=9, *, parameters=None, attempt=1, **spec):
    """The Pod of trial 3 of an Experiment of these fields."""
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
        pytest.param("adam", "adam", id="text"),
    ],
)
def test_values_as_text(value, text):
    """Values stand on a command line as programs expect them."""
    assert format_parameter(value) == text


@pytest.mark.parametrize(
    ("text", "result"),
    [
        pytest.param("--lr=${parameters.lr}", "--lr=0.1", id="parameter"),
        pytest.param("${resource}/${trial.index}", "9/3", id="two"),
        pytest.param("${HOME} $(VAR) $HOME ${parameters}", "${HOME} $(VAR) $HOME ${parameters}", id="not-ours"),
        pytest.param("${parameters.momentum}", "", id="inactive"),
        pytest.param("$${parameters.lr}", "$0.1", id="no-escape"),
    ],
)
def test_placeholders(text, result):
    """Only our own placeholders are replaced; the shell's and Kubernetes' are left to them."""
    values = {"parameters.lr": "0.1", "resource": "9", "trial.index": "3"}
    assert substitute({"a": [text]}, values) == {"a": [result]}


def test_a_trials_pod():
    """Names, labels, owner and restart policy are ours, whatever the template says."""
    pod = made(template={"metadata": {"labels": {"team": "vision"}}, "spec": {"containers": [CONTAINER]}}, attempt=2)
    assert pod["metadata"]["name"] == "exp-3-2"
    assert pod["metadata"]["labels"]["team"] == "vision"
    assert pod["metadata"]["labels"]["toprung.dev/trial"] == "exp-3"
    assert [owner["uid"] for owner in pod["metadata"]["ownerReferences"]] == ["uid-3"]
    assert pod["spec"]["restartPolicy"] == "Never"
    assert pod["spec"]["containers"][0]["command"] == ["train", "--lr=0.01", "--epochs", "9"]


def test_the_environment_of_a_program():
    """Its configuration as JSON and one by one, its budget, its name; and Python does not hold its output back."""
    told = environment(made(parameters={"lr": 0.01, "opt-name": "adam"}))
    assert told["TOPRUNG_PARAMETERS"] == '{"lr": 0.01, "opt-name": "adam"}'
    assert told["TOPRUNG_PARAMETER_OPT_NAME"] == "adam"
    assert (told["TOPRUNG_TRIAL"], told["TOPRUNG_RESOURCE"], told["PYTHONUNBUFFERED"]) == ("exp-3", "9", "1")
    assert "TOPRUNG_CHECKPOINT_DIR" not in told


def test_the_authors_environment_wins():
    """A variable that the template sets is not set again, and may refer to ours."""
    container = {**CONTAINER, "env": [{"name": "PYTHONUNBUFFERED", "value": "0"}]}
    names = [
        each["name"] for each in made(template={"spec": {"containers": [container]}})["spec"]["containers"][0]["env"]
    ]
    assert names.count("PYTHONUNBUFFERED") == 1
    assert names[-1] == "PYTHONUNBUFFERED"


def test_checkpoints():
    """Each trial has a folder of its own on the volume; a new Experiment of the same name has others."""
    pod = made(checkpoint={"volume": {"persistentVolumeClaim": {"claimName": "ckpt"}}, "mountPath": "/ckpt"})
    [volume] = pod["spec"]["volumes"]
    assert volume["persistentVolumeClaim"] == {"claimName": "ckpt"}
    assert pod["spec"]["containers"][0]["volumeMounts"] == [{"name": volume["name"], "mountPath": "/ckpt"}]
    assert environment(pod)["TOPRUNG_CHECKPOINT_DIR"] == "/ckpt/exp-uid-exp/exp-3"


def test_max_trial_duration_is_the_pods_deadline():
    """The kubelet keeps it, so it holds while the operator is away; no deadline is below a second."""
    assert made(trial={"maxTrialDuration": "90s"})["spec"]["activeDeadlineSeconds"] == 90
    assert made(trial={"maxTrialDuration": "100ms"})["spec"]["activeDeadlineSeconds"] == 1


def test_a_template_can_not_say_that_we_stopped_its_pod():
    """Of the author's annotations that one is left out."""
    annotations = {"mine": "kept", ANNOTATION_STOP_TIME: "whenever"}
    template = {"metadata": {"annotations": annotations}, "spec": {"containers": [CONTAINER]}}
    assert made(template=template)["metadata"]["annotations"].keys() == {
        "mine",
        "kubectl.kubernetes.io/default-container",
        ANNOTATION_TEMPLATE,
    }


def test_the_template_is_not_changed():
    """Every trial is made from the same template."""
    world = World(experiment_spec(), lambda *_: None)
    before = repr(world.spec.trial_template.template)
    trial = TrialRecord("team/exp", "uid-exp", "exp-0", "uid-0", 0, {"lr": 0.5}, START)
    pod_manifest(world.experiment(), trial, 1, None)
    assert repr(world.spec.trial_template.template) == before


def test_a_trial():
    """The configuration is written down, owned by the Experiment, before anything runs with it."""
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


def test_metadata_of_a_template_is_not_taken_over():
    """Of a template's metadata, a Pod gets labels and annotations that are not ours, and nothing else."""
    metadata = made(template={"metadata": FOREIGN, "spec": {"containers": [CONTAINER]}})["metadata"]
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
def test_a_trial_gets_a_token_only_where_its_template_asks_for_one(written, mounted):
    """Most training programs need no access to the Kubernetes API."""
    pod = made(template={"spec": {"containers": [CONTAINER], **written}})
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
def test_a_pod_names_its_primary_container(trial, annotations, primary):
    """An injected container that becomes the first one is not taken for the program."""
    template = {**BESIDE, "metadata": {"annotations": annotations}}
    pod = made(template=template, trial=trial)
    assert pod["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"] == primary


def test_null_is_absent_everywhere_in_a_template():
    """As the API server reads it: nothing breaks, and nothing null is sent."""
    container = {**CONTAINER, "env": None, "volumeMounts": None, "args": None, "resources": {"limits": None}}
    spec = {"containers": [container], "initContainers": None, "volumes": None, "terminationGracePeriodSeconds": None}
    template = {"metadata": {"labels": None, "annotations": None}, "spec": spec}
    pod = made(template=template, checkpoint={"volume": {"emptyDir": {}}})
    assert "null" not in json.dumps(pod)
    assert [volume["name"] for volume in pod["spec"]["volumes"]] == ["toprung-checkpoint"]


def test_substitution_is_linear():
    """Text that looks like many unfinished placeholders is read once, not once from each of them."""
    text = "${parameters." * 20_000 + "a" * 200_000
    assert substitute([text], {}) == [text]
