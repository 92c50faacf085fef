"""The chart on a real cluster. TOPRUNG_E2E_IMAGE is an image of operator/Dockerfile that the nodes have."""

import os
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import helm_python as helm
import pytest
import yaml
from kubernetes import client, config

IMAGE = os.environ.get("TOPRUNG_E2E_IMAGE", "")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        not (os.environ.get("KUBECONFIG") and IMAGE), reason="KUBECONFIG or TOPRUNG_E2E_IMAGE is not set"
    ),
]

CHART = Path(__file__).parents[2] / "charts" / "toprung"
API = {"group": "toprung.dev", "version": "v1alpha1"}
TRIALS = 6
PROGRAM = """
import os, time
for epoch in range(1, 5):
    print(f"epoch={epoch} accuracy={float(os.environ['TOPRUNG_PARAMETER_LR']) * epoch}", flush=True)
    time.sleep(1)
"""


@dataclass(frozen=True, slots=True)
class Installed:
    """A release, and the namespace that it serves."""

    helm: helm.Config
    namespace: str
    served: str
    values: dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> None:
    config.load_kube_config()


@pytest.fixture(
    scope="module", params=[pytest.param(True, id="one namespace"), pytest.param(False, id="all namespaces")]
)
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Install an older chart in a new namespace, and upgrade it. Create a second namespace for Experiments."""
    if not request.param and experiments():
        pytest.skip("there are Experiments of others in this cluster")
    core, unique = client.CoreV1Api(), uuid.uuid4().hex[:6]
    namespace, served = f"chart-e2e-{unique}", f"chart-e2e-{unique}-team"
    for name in (namespace, served):
        core.create_namespace(
            {"metadata": {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
        )
    repository, _, tag = IMAGE.rpartition(":")
    values = {
        "image": {"repository": repository, "tag": tag},
        "watchNamespace": served if request.param else "",
        "fullnameOverride": namespace,
    }
    try:
        old = older_chart(tmp_path_factory.mktemp("chart"))
        adopt_crds(namespace, old)
        with helm.Config(namespace=namespace) as release:
            try:
                release.install(str(old), "toprung", values, wait="watcher", timeout=120)
                yield Installed(release, namespace, served, values)
            finally:
                release.uninstall("toprung", ignore_not_found=True)
    finally:
        for name in (served, namespace):
            core.delete_namespace(name)
        wait_for(
            "the end of the Experiments", lambda: not any(e["metadata"]["namespace"] == served for e in experiments())
        )


@pytest.fixture(scope="module")
def editor(installed: Installed) -> str:
    """Return a user with the ClusterRole `edit` in the served namespace."""
    group = "rbac.authorization.k8s.io"
    binding = {
        "metadata": {"name": "editor"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "edit"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "erin"}],
    }
    client.RbacAuthorizationV1Api().create_namespaced_role_binding(installed.served, binding)
    return "erin"


def older_chart(folder: Path) -> Path:
    """Return a copy of the chart with one column less."""
    old = Path(shutil.copytree(CHART, folder / "toprung"))
    path = old / "files" / "experiments.toprung.dev.yaml"
    definition = yaml.safe_load(path.read_text())
    definition["spec"]["versions"][0]["additionalPrinterColumns"].pop()
    path.write_text(yaml.safe_dump(definition))
    return old


def adopt_crds(namespace: str, chart: Path) -> None:
    """Make Helm the owner of existing CRDs, as `helm install --take-ownership --force-conflicts` does."""
    api, manager = (
        client.ApiextensionsV1Api(),
        Path(sys.orig_argv[0]).name,
    )  # Helm calls itself as its process is called
    there = {definition.metadata.name for definition in api.list_custom_resource_definition().items}
    for path in (chart / "files").glob("*.yaml"):
        definition = yaml.safe_load(path.read_text())
        if (name := definition["metadata"]["name"]) not in there:
            continue
        definition["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "Helm"}
        definition["metadata"]["annotations"] = {
            "meta.helm.sh/release-name": "toprung",
            "meta.helm.sh/release-namespace": namespace,
        }
        api.patch_custom_resource_definition(
            name, definition, field_manager=manager, force=True, _content_type="application/apply-patch+yaml"
        )


def columns() -> list[str]:
    definition = client.ApiextensionsV1Api().read_custom_resource_definition("experiments.toprung.dev")
    return [column.name for column in definition.spec.versions[0].additional_printer_columns]


def experiments() -> list[dict[str, Any]]:
    """Return the Experiments of all namespaces, or none if the resource does not exist."""
    try:
        found: Any = client.CustomObjectsApi().list_cluster_custom_object(**API, plural="experiments")
    except client.ApiException as error:
        if error.status == 404:
            return []
        raise
    return list(found["items"])


def start(installed: Installed, name: str) -> None:
    """Apply an Experiment whose trials run in the operator's image, which has Python."""
    container = {
        "name": "main",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", PROGRAM],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod = {
        "terminationGracePeriodSeconds": 2,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    body = {
        "apiVersion": "toprung.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": {"name": name},
        "spec": {
            "objective": {"metric": "accuracy", "type": "maximize"},
            "parameters": [{"name": "lr", "type": "double", "min": 0.01, "max": 0.1}],
            "algorithm": {"seed": 3, "tpe": {"startupTrials": 3}},
            "earlyStopping": {"asha": {"maxResource": 4, "reductionFactor": 2}},
            "parallelTrialCount": 2,
            "maxTrialCount": TRIALS,
            "trialTemplate": {"template": {"spec": pod}},
        },
    }
    client.CustomObjectsApi().create_namespaced_custom_object(
        **API, namespace=installed.served, plural="experiments", body=body
    )


def status_of(installed: Installed, name: str) -> dict[str, Any]:
    found: Any = client.CustomObjectsApi().get_namespaced_custom_object(
        **API, namespace=installed.served, plural="experiments", name=name
    )
    return dict(found.get("status") or {})


def wait_for(what: str, holds: Callable[[], bool], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not come within {seconds} s"
        time.sleep(0.5)


def wait_for_success(installed: Installed, name: str) -> dict[str, Any]:
    wait_for(f"the end of {name}", lambda: "completionTime" in status_of(installed, name))
    status = status_of(installed, name)
    assert {each["type"]: each["status"] for each in status["conditions"]}["Succeeded"] == "True"
    return status


def operator_pods(installed: Installed) -> list[client.V1Pod]:
    return client.CoreV1Api().list_namespaced_pod(installed.namespace).items


def operator_log(installed: Installed) -> str:
    (pod,) = operator_pods(installed)
    return client.CoreV1Api().read_namespaced_pod_log(pod.metadata.name, installed.namespace)


def pods_of(installed: Installed, name: str) -> list[str]:
    pods = client.CoreV1Api().list_namespaced_pod(installed.served).items
    return sorted(pod.metadata.name for pod in pods if pod.metadata.name.startswith(f"{name}-"))


def trials_of(installed: Installed, name: str) -> list[int]:
    found: Any = client.CustomObjectsApi().list_namespaced_custom_object(
        **API, namespace=installed.served, plural="trials"
    )
    return sorted(each["spec"]["index"] for each in found["items"] if each["spec"]["experiment"] == name)


def test_an_experiment_completes_under_restricted_pod_security(installed: Installed):
    """The permissions and the read-only root file system of the operator suffice."""
    start(installed, "whole")
    status = wait_for_success(installed, "whole")
    assert (status["trials"]["total"], trials_of(installed, "whole")) == (TRIALS, list(range(TRIALS)))
    log = operator_log(installed)
    assert [
        line for line in log.splitlines() if "forbidden" in line.lower() or " 403" in line or "Traceback" in line
    ] == []
    (pod,) = operator_pods(installed)
    assert pod.status.container_statuses[0].restart_count == 0


def test_a_restart_in_the_middle_loses_no_trial(installed: Installed):
    """After `kubectl rollout restart` each trial runs once, in one Pod."""
    start(installed, "restarted")
    wait_for("a trial's end", lambda: (status_of(installed, "restarted").get("trials") or {}).get("total", 0) >= 3)
    (before,) = operator_pods(installed)
    stamp = {"kubectl.kubernetes.io/restartedAt": datetime.now(UTC).isoformat()}
    body = {"spec": {"template": {"metadata": {"annotations": stamp}}}}
    client.AppsV1Api().patch_namespaced_deployment(installed.namespace, installed.namespace, body)
    status = wait_for_success(installed, "restarted")
    assert [pod.metadata.name for pod in operator_pods(installed)] != [before.metadata.name]
    assert (status["trials"]["total"], trials_of(installed, "restarted")) == (TRIALS, list(range(TRIALS)))
    assert pods_of(installed, "restarted") == [f"restarted-{i}-1" for i in range(TRIALS)]


@pytest.mark.parametrize(
    ("verb", "plural", "allowed"),
    [
        pytest.param("create", "experiments", True, id="apply an Experiment"),
        pytest.param("get", "trials", True, id="look at a Trial"),
        pytest.param("delete", "trials", False, id="delete a Trial"),
    ],
)
def test_the_edit_role_covers_experiments(installed: Installed, editor: str, verb: str, plural: str, allowed: bool):
    """The ClusterRole `edit` of Kubernetes includes what Experiments need, and no more."""
    attributes = {"group": API["group"], "resource": plural, "verb": verb, "namespace": installed.served}
    review = {"spec": {"user": editor, "resourceAttributes": attributes}}
    api = client.AuthorizationV1Api()
    assert api.create_subject_access_review(review).status.allowed is allowed


def test_an_upgrade_updates_the_crds(installed: Installed):
    """Helm itself does not update the folder crds/. Experiments do not change."""
    assert "Age" not in columns()
    assert installed.helm.upgrade(str(CHART), "toprung", installed.values, wait="watcher", timeout=120)["revision"] == 2
    assert columns()[-1] == "Age"
    assert "completionTime" in status_of(installed, "whole")


def test_uninstalling_keeps_experiments(installed: Installed):
    """The operator and its permissions are deleted. The CRDs, Experiments and Trials remain."""
    installed.helm.uninstall("toprung", wait="watcher", timeout=60)
    assert client.AppsV1Api().list_namespaced_deployment(installed.namespace).items == []
    roles = client.RbacAuthorizationV1Api()
    names = [
        role.metadata.name
        for role in roles.list_cluster_role().items + roles.list_namespaced_role(installed.served).items
    ]
    assert [name for name in names if installed.namespace in name] == []
    assert status_of(installed, "whole")["trials"]["total"] == TRIALS
    assert trials_of(installed, "whole") == list(range(TRIALS))
