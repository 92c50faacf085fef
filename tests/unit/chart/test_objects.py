"""The objects of a release."""

import shutil
import tomllib
from pathlib import Path
from typing import Any

import helm_python as helm
import kubernetes_validate
import pytest
import yaml
from kubernetes_validate.utils import all_versions

from support.chart import (
    CHART,
    NAMESPACE,
    ONE_NAMESPACE,
    ROOT,
    container,
    deployment,
    notes,
    of_kind,
    pod,
    render,
)
from toprung.cli.commands.operator import operator_command
from toprung.objects.devices import ACCELERATORS, parse_accelerators

EVERYTHING = {
    "nameOverride": "hpo",
    "watchNamespace": "team-vision",
    "image": {
        "repository": "images.example/toprung",
        "digest": f"sha256:{'0' * 64}",
        "pullPolicy": "Always",
        "pullSecrets": [{"name": "pull"}],
    },
    "metricsPort": 0,
    "search": {"processes": 5, "memory": 1048576},
    "resources": {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "2Gi"}},
    "podLabels": {"team": "ml"},
    "podAnnotations": {"note": "yes"},
    "nodeSelector": {"pool": "system"},
    "tolerations": [{"key": "system", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "priorityClassName": "high",
}
VALUES = [
    pytest.param({}, id="defaults"),
    pytest.param(ONE_NAMESPACE, id="one namespace"),
    pytest.param({"crds": {"install": False}, "rbac": {"aggregate": False}}, id="second release"),
    pytest.param(EVERYTHING, id="every value"),
]
VERSIONS = [version for version in all_versions() if tuple(map(int, version.split(".")[:2])) >= (1, 29)]


@pytest.mark.parametrize("values", VALUES)
def test_helm_lint_passes(values: dict):
    """It passes with `--strict`, except for the missing icon."""
    report = helm.lint(CHART, values, strict=True)
    assert (report["errors"], [each for each in report["messages"] if each["severity"] > 1]) == ([], [])


@pytest.mark.parametrize("version", [VERSIONS[0], VERSIONS[-1]])
@pytest.mark.parametrize("values", VALUES)
def test_the_objects_match_the_schemas_of_kubernetes(values: dict, version: str):
    """They have no unknown field and no wrong type, in the oldest and the newest known version."""
    objects = render(values)
    assert objects != []
    for each in objects:
        kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.parametrize("values", VALUES)
def test_objects_have_labels_and_namespaces(values: dict):
    """All have the recommended labels."""
    objects = render(values)
    names = {"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/version"}
    assert [each["kind"] for each in objects if not names <= each["metadata"]["labels"].keys()] == []
    assert {each["metadata"]["labels"]["app.kubernetes.io/managed-by"] for each in objects} == {"Helm"}
    namespaced = [each for each in objects if each["kind"] in {"Deployment", "ServiceAccount"}]
    assert {each["metadata"]["namespace"] for each in namespaced} == {NAMESPACE}


def test_versions_are_those_of_the_package():
    """The chart of a release installs the image of that release."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["appVersion"], chart["version"]) == (version, version)
    assert container()["image"] == f"toprung-operator:{version}"


def test_the_crds_are_those_of_the_repository(tmp_path: Path):
    """Packaging copies the generated files byte for byte. Rendering changes only labels and annotations."""
    generated = {path.name: path.read_text() for path in (ROOT / "crds").glob("*.yaml")}
    helm.expand(tmp_path, helm.package(CHART, destination=tmp_path))
    packaged = tmp_path / "toprung" / "files"
    assert not packaged.is_symlink()
    assert {path.name: path.read_text() for path in packaged.iterdir()} == generated
    rendered = of_kind(render(), "CustomResourceDefinition")
    assert {each["metadata"]["annotations"]["helm.sh/resource-policy"] for each in rendered} == {"keep"}
    for each in rendered:
        each["metadata"] = {"name": each["metadata"]["name"]}
    assert rendered == [yaml.safe_load(content) for _, content in sorted(generated.items())]


def test_a_checkout_without_symbolic_links_fails_with_a_message(tmp_path: Path):
    """Git can check out the link as a file."""
    chart = Path(shutil.copytree(CHART, tmp_path / "toprung"))
    shutil.rmtree(chart / "files")
    (chart / "files").write_text("../../crds")
    with pytest.raises(helm.HelmRenderError, match=r"core\.symlinks=true"):
        render(chart=chart)


def test_the_crds_can_be_omitted():
    """A second release, and one without cluster-wide permissions, needs no CRDs of its own."""
    assert of_kind(render({"crds": {"install": False}}), "CustomResourceDefinition") == []


@pytest.mark.parametrize("values", VALUES)
def test_the_pod_is_locked_down(values: dict):
    """It meets the restricted Pod Security Standard, and has a read-only root beyond it."""
    spec = pod(values)["spec"]
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container(values)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & spec.keys()
    assert [volume.keys() - {"name"} for volume in spec["volumes"]] == [{"emptyDir"}]


def test_the_written_folders_are_a_volume():
    """They are HOME and the temporary folder."""
    assert container()["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]
    assert {"name": "HOME", "value": "/tmp"} in container()["env"]
    assert pod()["spec"]["volumes"][0]["name"] == "tmp"


def test_never_two_operators_at_once():
    """The old Pod ends before the new one starts."""
    spec = deployment()["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_the_operator_knows_its_own_account():
    """It can reject trials that would use it."""
    variables = {each["name"]: each.get("valueFrom") for each in container()["env"]}
    assert variables["TOPRUNG_POD_NAMESPACE"] == {"fieldRef": {"fieldPath": "metadata.namespace"}}
    assert variables["TOPRUNG_SERVICE_ACCOUNT"] == {"fieldRef": {"fieldPath": "spec.serviceAccountName"}}


@pytest.mark.parametrize(
    ("values", "names"),
    [
        pytest.param({}, ACCELERATORS, id="defaults"),
        pytest.param({"accelerators": ["example.com/*"]}, ("example.com/*",), id="a list"),
    ],
)
def test_accelerators_are_an_option_of_the_operator(values: dict, names: tuple[str, ...]):
    """The chart and the operator have the same default."""
    variables = {each["name"]: each.get("value") for each in container(values)["env"]}
    assert parse_accelerators(variables["TOPRUNG_ACCELERATORS"]) == names


@pytest.mark.parametrize(
    ("served", "warned"),
    [pytest.param(NAMESPACE, True, id="its own namespace"), pytest.param("team-vision", False, id="another")],
)
def test_notes_warn_about_an_operator_in_the_served_namespace(served: str, warned: bool):
    """Authors of Experiments can mount the Secrets of the namespace of their trials."""
    assert ("WARNING" in notes({"watchNamespace": served})) is warned


def test_the_selector_finds_the_pods_and_never_changes():
    """A Deployment's selector is immutable, so it holds nothing that an upgrade changes; user labels cannot break it."""
    spec = deployment({"podLabels": {"app.kubernetes.io/name": "mine", "team": "ml"}})["spec"]
    selector, labels = spec["selector"]["matchLabels"], spec["template"]["metadata"]["labels"]
    assert selector == {"app.kubernetes.io/name": "toprung", "app.kubernetes.io/instance": "toprung"}
    assert selector.items() <= labels.items()
    assert labels["team"] == "ml"


@pytest.mark.parametrize(
    ("values", "args"),
    [
        pytest.param({}, ["--metrics-port=8080"], id="defaults"),
        pytest.param(ONE_NAMESPACE, ["--metrics-port=8080", "--namespace=team-vision"], id="one namespace"),
        pytest.param({"metricsPort": 0}, ["--metrics-port=0"], id="no metrics"),
        pytest.param({"metricsPort": 9090}, ["--metrics-port=9090"], id="another port"),
    ],
)
def test_values_become_options_of_the_operator(values: dict, args: list[str]):
    """The probes use a port on which the operator listens."""
    made = container(values)
    assert made["args"] == ["operator", "--liveness-port=8081", *args]
    ports = {each["name"]: each["containerPort"] for each in made["ports"]}
    metrics = values.get("metricsPort", 8080)
    assert ports == {"health": 8081} | ({"metrics": metrics} if metrics else {})
    probes = [made[probe]["httpGet"] for probe in ("startupProbe", "livenessProbe")]
    assert probes == [{"path": "/healthz", "port": "health"}] * 2
    assert made["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "health"}


def test_services_of_the_namespace_set_no_option():
    """Otherwise a Service named toprung-metrics would set TOPRUNG_METRICS_PORT to a URL."""
    assert pod()["spec"]["enableServiceLinks"] is False


def test_every_value_has_an_effect():
    """Values are rendered into the fields that Kubernetes reads."""
    spec, metadata, made = pod(EVERYTHING)["spec"], pod(EVERYTHING)["metadata"], container(EVERYTHING)
    assert made["image"] == f"images.example/toprung@sha256:{'0' * 64}"
    assert made["imagePullPolicy"] == "Always"
    assert made["resources"] == EVERYTHING["resources"]
    assert spec["imagePullSecrets"] == [{"name": "pull"}]
    names = ("nodeSelector", "tolerations", "affinity", "priorityClassName")
    assert {name: spec[name] for name in names} == {name: EVERYTHING[name] for name in names}
    assert metadata["annotations"] == {"note": "yes"}
    assert (metadata["labels"]["team"], metadata["labels"]["app.kubernetes.io/name"]) == ("ml", "hpo")


@pytest.mark.parametrize(
    ("values", "processes", "memory"),
    [pytest.param({}, 2, 192, id="defaults"), pytest.param(EVERYTHING, 5, 1_048_576, id="as set")],
)
def test_the_limits_of_the_search_are_options(values: dict, processes: int, memory: int):
    """The command line reads them from the environment."""
    set_here = {each["name"]: each.get("value") for each in container(values)["env"]}
    options = {each.name: each for each in operator_command.params}
    found = {
        name: options[name].type.convert(set_here[options[name].envvar], options[name], None)
        for name in ("search_processes", "search_memory")
    }
    assert found == {"search_processes": processes, "search_memory": memory}


@pytest.mark.parametrize(
    ("release", "values", "name"),
    [
        pytest.param("toprung", {}, "toprung", id="release called like the chart"),
        pytest.param("my-toprung", {}, "my-toprung", id="release that contains it"),
        pytest.param("hpo", {}, "hpo-toprung", id="another release"),
        pytest.param("hpo", {"nameOverride": "op"}, "hpo-op", id="nameOverride"),
        pytest.param("hpo", {"fullnameOverride": "tuner"}, "tuner", id="fullnameOverride"),
        pytest.param("r" * 53, {}, "r" * 53, id="the longest name that Helm allows"),
    ],
)
def test_all_objects_have_the_same_name(release: str, values: dict, name: str):
    """The name of the Pod, which is the longest, is valid."""
    names = {each["metadata"]["name"] for each in render(values, name=release)}
    assert {each for each in names if not each.endswith(".toprung.dev")} == {name, f"{name}-edit", f"{name}-view"}


@pytest.mark.parametrize(
    ("values", "fragments"),
    [
        pytest.param({}, ("all namespaces", "kubectl apply"), id="all namespaces"),
        pytest.param(
            ONE_NAMESPACE, ("the namespace team-vision", "kubectl --namespace team-vision apply"), id="one namespace"
        ),
    ],
)
def test_notes_have_the_next_commands(values: dict, fragments: tuple[str, ...]):
    """They can be copied."""
    assert f"kubectl --namespace {NAMESPACE} rollout status deployment/toprung\n" in notes(values)
    assert [words for words in fragments if words not in notes(values)] == []


def test_it_can_be_a_subchart(tmp_path: Path):
    """Helm then adds `global`, which the schema of the values allows."""
    parent: dict[str, Any] = {
        "apiVersion": "v2",
        "name": "platform",
        "version": "1.0.0",
        "dependencies": [{"name": "toprung", "version": "*"}],
    }
    (tmp_path / "Chart.yaml").write_text(yaml.safe_dump(parent))
    shutil.copytree(CHART, tmp_path / "charts" / "toprung")
    made = deployment({"global": {"registry": "x"}, "toprung": ONE_NAMESPACE}, name="platform", chart=tmp_path)
    assert made["metadata"]["name"] == "platform-toprung"
