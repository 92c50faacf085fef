"""Resolution of containers: environment, expansion, volumes and the paths rewritten to them."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localkube.apiserver.store import Store
from localkube.node.container_spec import Resolved, expand, host_environment, resolve
from localkube.node.volumes import ConfigError, Folders, Mounts, prepare
from support.node import container, now, pod


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a $(X) b", "a 1 b", id="reference"),
        pytest.param("$(X)$(X)", "11", id="twice"),
        pytest.param("$(NOPE)", "$(NOPE)", id="unknown-stays"),
        pytest.param("$$(X)", "$(X)", id="escaped"),
        pytest.param("$$$(X)", "$1", id="escaped-dollar-then-reference"),
        pytest.param("$X $ $(", "$X $ $(", id="no-reference"),
        pytest.param("$(Y)", "$(X)", id="not-expanded-again"),
    ],
)
def test_references_are_expanded_as_in_kubernetes(text: str, expected: str) -> None:
    """Only $(NAME) and `$$` are expanded."""
    assert expand(text, {"X": "1", "Y": "$(X)"}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("/data", "/real", id="whole"),
        pytest.param("/data/x", "/real/x", id="inside"),
        pytest.param("--dir=/data/x", "--dir=/real/x", id="flag"),
        pytest.param("/data:/ckpt/a", "/real:/deep/a", id="list"),
        pytest.param("cat '/data/x'>/ckpt", "cat '/real/x'>/deep", id="shell"),
        pytest.param("/data2", "/data2", id="longer-name"),
        pytest.param("/data-x", "/data-x", id="longer-name-with-dash"),
        pytest.param("/mnt/data", "/mnt/data", id="deeper"),
        pytest.param("s3://bucket/data", "s3://bucket/data", id="address"),
        pytest.param("/data/sub/x", "/other/x", id="longest-mount-wins"),
        pytest.param("/real/data", "/real/data", id="not-rewritten-again"),
    ],
)
def test_mount_paths_are_rewritten_where_they_stand_alone(text: str, expected: str) -> None:
    """A path of the container becomes the folder of its volume; a longer path that contains it is kept."""
    folders = {"/data": "/real", "/ckpt/": "/deep", "/data/sub": "/other", "/real": "/elsewhere"}
    if text.startswith("/real"):
        folders.pop("/real")
    assert Mounts(folders).rewrite(text) == expected


@given(st.text(alphabet="ab/:= .-", max_size=30))
def test_rewriting_is_never_repeated(text: str) -> None:
    """A replacement that contains a mountPath is not rewritten again."""
    rewritten = Mounts({"/a": "/X/a"}).rewrite(text)
    assert rewritten.replace("/X/a", "/a") == text


@pytest.fixture
def store() -> Store:
    store = Store(None, now=now)
    store.create(
        "configmaps", {"metadata": {"name": "cm", "namespace": "default"}, "data": {"k": "from-map", "l.txt": "file"}}
    )
    hidden = base64.b64encode(b"hush").decode()
    store.create("secrets", {"metadata": {"name": "s", "namespace": "default"}, "data": {"p": hidden}})
    return store


def resolved(store: Store, tmp_path: Path, body: Mapping[str, Any]) -> Resolved:
    stored = store.create("pods", dict(body))
    volumes = prepare(stored, store, Folders(tmp_path / "pods", tmp_path / "claims"))
    inherited = host_environment(excluded=("OUTER_",), command="outer")
    devices = {"CUDA_VISIBLE_DEVICES": ""}
    return resolve(stored, stored["spec"]["containers"][0], store, volumes, inherited=inherited, devices=devices)


def ref(kind: str, **fields: Any) -> dict[str, Any]:
    return {"name": "V", "valueFrom": {kind: fields}}


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        pytest.param({"name": "V", "value": "x"}, "x", id="value"),
        pytest.param({"name": "V", "value": "$(BASE)/y"}, "b/y", id="expanded"),
        pytest.param({"name": "V"}, "", id="empty"),
        pytest.param(ref("configMapKeyRef", name="cm", key="k"), "from-map", id="config-map"),
        pytest.param(ref("secretKeyRef", name="s", key="p"), "hush", id="secret"),
        pytest.param(ref("configMapKeyRef", name="nope", key="k", optional=True), None, id="optional"),
        pytest.param(ref("fieldRef", fieldPath="metadata.name"), "p", id="name"),
        pytest.param(ref("fieldRef", fieldPath="metadata.namespace"), "default", id="namespace"),
        pytest.param(ref("fieldRef", fieldPath="metadata.labels['a']"), "b", id="label"),
        pytest.param(ref("fieldRef", fieldPath="metadata.annotations['c/d']"), "e", id="annotation"),
        pytest.param(ref("fieldRef", fieldPath="status.podIP"), "127.0.0.1", id="address"),
        pytest.param(ref("resourceFieldRef", resource="limits.cpu"), "2", id="cpu-rounded-up"),
        pytest.param(ref("resourceFieldRef", resource="limits.memory", divisor="1Mi"), "64", id="memory-in-mi"),
    ],
)
def test_variables_get_their_values(
    store: Store, tmp_path: Path, variable: dict[str, Any], expected: str | None
) -> None:
    """Every supported source of a variable is resolved."""
    body = pod("p", container("true", env=[{"name": "BASE", "value": "b"}, variable]))
    body["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "1500m", "memory": "64Mi"}}
    body["metadata"] |= {"labels": {"a": "b"}, "annotations": {"c/d": "e"}}
    assert resolved(store, tmp_path, body).env.get("V") == expected


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param(
            {"command": []}, r'Write spec.containers\[0\].command, such as \["python", "train.py"\]', id="no-command"
        ),
        pytest.param({"command": [], "args": ["x"]}, "has no command", id="args-alone"),
        pytest.param(
            {"env": [ref("secretKeyRef", name="s", key="q")]}, "couldn't find key q in secret default/s", id="key"
        ),
        pytest.param({"env": [ref("configMapKeyRef", name="x", key="q")]}, 'configmap "x" not found', id="map"),
        pytest.param({"envFrom": [{"secretRef": {"name": "x"}}]}, 'secret "x" not found', id="env-from"),
    ],
)
def test_the_error_names_what_is_missing(store: Store, tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    """The error of a container that cannot be configured names the correction."""
    with pytest.raises(ConfigError, match=message):
        resolved(store, tmp_path, pod("p", {**container("true"), **fields}))


def test_a_program_inherits_the_variables_of_the_shell(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables of another container, cluster or folder are omitted; the variables of the Pod override the shell's."""
    kept = {"HOME": "/home/x", "DATA_DIR": "/data", "HF_HOME": "/hf", "WANDB_API_KEY": "k", "VIRTUAL_ENV": "/venv"}
    left_out = dict.fromkeys(("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "OUTER_TRIAL", "PWD"), "other")
    for name, value in {**kept, **left_out, "LR": "1", "CUDA_VISIBLE_DEVICES": "0"}.items():
        monkeypatch.setenv(name, value)
    env = resolved(store, tmp_path, pod("p", container("true", env=[{"name": "LR", "value": "2"}]))).env
    assert env | kept | {"LR": "2", "CUDA_VISIBLE_DEVICES": ""} == env
    assert env.keys() & left_out.keys() == set()


@pytest.mark.parametrize(
    ("activated", "outer_in_path", "first"),
    [
        pytest.param("VIRTUAL_ENV", False, "shell", id="another virtual environment is active"),
        pytest.param("CONDA_PREFIX", False, "shell", id="a conda environment is active"),
        pytest.param(None, True, "shell", id="outer is in PATH"),
        pytest.param(None, False, "own", id="outer was called by its path"),
    ],
)
def test_path_prefers_the_environment_of_the_shell(  # noqa: PLR0917 - the parameters of a case
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    activated: str | None,
    outer_in_path: bool,
    first: str,
) -> None:
    """The interpreter's own directory comes first only where no environment was chosen."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    if activated is not None:
        monkeypatch.setenv(activated, "/env")
    if outer_in_path:
        folder.joinpath("outer").touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/bin")
    env = resolved(store, tmp_path, pod("p", container("true"))).env
    own = str(Path(sys.executable).parent)
    folders = {"shell": [str(folder), "/bin", own], "own": [own, str(folder), "/bin"]}
    assert env["PATH"].split(os.pathsep) == folders[first]


def test_volumes_are_folders(store: Store, tmp_path: Path) -> None:
    """Files are written, claims outlive the Pod, and command, args and env contain the real folders."""
    store.create("persistentvolumeclaims", {"metadata": {"name": "ckpt", "namespace": "default"}, "spec": {}})
    mounts = [
        {"name": "claim", "mountPath": "/ckpt", "subPathExpr": "$(TRIAL)"},
        {"name": "config", "mountPath": "/etc/c"},
        {"name": "host", "mountPath": "/host"},
        {"name": "scratch", "mountPath": "/tmp/s"},
    ]
    env = [{"name": "TRIAL", "value": "t-1"}, {"name": "DIR", "value": "/ckpt/a"}]
    main = container("prog", "/etc/c/l.txt", args=["--out=$(DIR)"], env=env, volumeMounts=mounts, workingDir="/tmp/s")
    volumes = [
        {"name": "claim", "persistentVolumeClaim": {"claimName": "ckpt"}},
        {"name": "config", "configMap": {"name": "cm", "items": [{"key": "l.txt", "path": "l.txt"}]}},
        {"name": "host", "hostPath": {"path": str(tmp_path / "h")}},
        {"name": "scratch", "emptyDir": {}},
    ]
    program = resolved(store, tmp_path, pod("p", main, volumes=volumes))
    claim = tmp_path / "claims/default/ckpt/t-1"
    assert program.env["DIR"] == f"{claim}/a"
    assert program.argv[2] == f"--out={claim}/a"
    assert Path(program.argv[1]).read_text() == "file"
    assert Path(program.cwd).is_dir()
    assert claim.is_dir()
    assert store.get("persistentvolumeclaims", "default", "ckpt")["status"]["phase"] == "Bound"


CLIMBS = "../../../../outside"
MOUNT = {"name": "v", "mountPath": "/v"}


@pytest.mark.parametrize(
    ("volume", "mount"),
    [
        pytest.param({"name": CLIMBS, "emptyDir": {}}, {}, id="name"),
        pytest.param({"name": "v", "persistentVolumeClaim": {"claimName": CLIMBS}}, {}, id="claim"),
        pytest.param(
            {"name": "v", "configMap": {"name": "cm", "items": [{"key": "k", "path": CLIMBS}]}}, {}, id="item"
        ),
        pytest.param({"name": "v", "emptyDir": {}}, {"subPath": CLIMBS}, id="sub-path"),
        pytest.param({"name": "v", "emptyDir": {}}, {"subPath": "/outside"}, id="absolute-sub-path"),
        pytest.param({"name": "v", "emptyDir": {}}, {"subPathExpr": "$(UP)"}, id="sub-path-expression"),
        pytest.param({"name": "v", "persistentVolumeClaim": {"claimName": "c"}}, {"subPath": "link/x"}, id="link"),
    ],
)
def test_no_path_leads_out_of_a_volume(store: Store, tmp_path: Path, volume: Any, mount: Any) -> None:
    """A Pod that was stored before the validation rule existed is contained too."""
    folder = tmp_path / "state"
    (folder / "claims" / "default" / "c").mkdir(parents=True)
    (folder / "claims" / "default" / "c" / "link").symlink_to(tmp_path)
    main = container(
        "true", volumeMounts=[MOUNT | {"name": volume["name"]} | mount], env=[{"name": "UP", "value": CLIMBS}]
    )
    body = pod("p", main, volumes=[volume])
    body["metadata"]["uid"] = "u"
    with pytest.raises(ConfigError, match="leads out of"):
        resolve(
            body,
            main,
            store,
            prepare(body, store, Folders(folder / "pods", folder / "claims")),
            inherited={},
            devices={},
        )
    assert [entry.name for entry in tmp_path.iterdir()] == ["state"]
