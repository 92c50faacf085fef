"""The API server decodes built-in kinds strictly: the errors of a real server are errors here, and null is absent."""

import json

import aiohttp
import pytest

from localkube.apiserver import decoding
from localkube.apiserver.registry import BUILT_IN
from support.api_server import config, serving, study

PODS = "/api/v1/namespaces/default/pods"
STUDIES_URL = "/apis/example.dev/v1/namespaces/default/studies"
PREFIX = 'Pod in version "v1" cannot be handled as a Pod: '


@pytest.fixture
async def send():
    """Return a function that sends a body to a new server and returns (status, JSON)."""
    async with serving() as server, aiohttp.ClientSession() as session:

        async def request(method, path, body, **headers):
            data = body if isinstance(body, bytes) else json.dumps(body)
            headers = {"Content-Type": "application/json", **headers}
            async with session.request(method, server.url + path, data=data, headers=headers) as answer:
                return answer.status, json.loads(await answer.read())

        yield request


def pod(*, container=None, metadata=None, **spec):
    main = {"name": "main", "image": "i", "command": ["true"], **(container or {})}
    return {
        "metadata": {"name": "p", "namespace": "default", **(metadata or {})},
        "spec": {"restartPolicy": "Never", "containers": [main], **spec},
    }


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (pod(container={"args": ["-w", 4]}), "cannot unmarshal number into Go struct field Container.spec.containers.args of type string"),
        (pod(container={"command": "python train.py"}), "cannot unmarshal string into Go struct field Container.spec.containers.command of type []string"),
        (pod(container={"env": {"A": "b"}}), "cannot unmarshal object into Go struct field Container.spec.containers.env of type []v1.EnvVar"),
        (pod(container={"env": ["A=b"]}), "cannot unmarshal string into Go struct field Container.spec.containers.env of type v1.EnvVar"),
        (pod(container={"env": [{"name": "A", "value": 5}]}), "cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string"),
        (pod(container={"env": [{"name": "A", "value": True}]}), "cannot unmarshal bool into Go struct field EnvVar.spec.containers.env.value of type string"),
        (pod(container={"workingDir": 5}), "cannot unmarshal number into Go struct field Container.spec.containers.workingDir of type string"),
        (pod(container={"resources": {"limits": ["cpu"]}}), "cannot unmarshal array into Go struct field ResourceRequirements.spec.containers.resources.limits of type v1.ResourceList"),
        (pod(container={"resources": {"limits": {"cpu": "two"}}}), "quantities must match the regular expression"),
        (pod(container={"resources": {"limits": {"cpu": True}}}), "quantities must match the regular expression"),
        (pod(container={"ports": [{"containerPort": "80"}]}), "cannot unmarshal string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32"),
        (pod(nodeSelector=[{"gpu": "a100"}]), "cannot unmarshal array into Go struct field PodSpec.spec.nodeSelector of type map[string]string"),
        (pod(nodeSelector={"gpu": 5}), "cannot unmarshal number into Go struct field PodSpec.spec.nodeSelector of type string"),
        (pod(activeDeadlineSeconds="60"), "cannot unmarshal string into Go struct field PodSpec.spec.activeDeadlineSeconds of type int64"),
        (pod(activeDeadlineSeconds=1.5), "cannot unmarshal number 1.5 into Go struct field PodSpec.spec.activeDeadlineSeconds of type int64"),
        (pod(priority=2**31), "cannot unmarshal number 2147483648 into Go struct field PodSpec.spec.priority of type int32"),
        (pod(hostNetwork="yes"), "cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool"),
        (pod(containers={"name": "main"}), "cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container"),
        (pod(metadata={"labels": ["a"]}), "cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type map[string]string"),
        (pod(metadata={"annotations": {"a": 1}}), "cannot unmarshal number into Go struct field ObjectMeta.metadata.annotations of type string"),
        (pod(metadata={"creationTimestamp": "yesterday"}), 'parsing time "yesterday"'),
        ({**pod(), "spec": 5}, "cannot unmarshal number into Go struct field Pod.spec of type v1.PodSpec"),
    ],
)  # fmt: skip
async def test_a_value_of_the_wrong_type_is_a_bad_request(send, body, message):
    """The message names the struct, the field and the type."""
    status, answer = await send("POST", PODS, body)
    assert (status, answer["reason"]) == (400, "BadRequest")
    assert answer["message"].startswith(PREFIX)
    assert message in answer["message"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (pod(containers=[None]), "spec.containers[0].name: Required value"),
        (pod(container={"env": [None]}), "spec.containers[0].env[0].name: Required value"),
        (pod(container={"env": [{"name": "A=B"}]}), "spec.containers[0].env[0].name: Invalid value"),
        (pod(container={"name": "main\n"}), "spec.containers[0].name: Invalid value"),
        (pod(container={"resources": {"limits": {"nvidia.com/gpu": "500m"}}}), "must be an integer"),
        (pod(container={"resources": {"limits": {"cpu": "-1"}}}), "must be greater than or equal to 0"),
        (pod(container={"restartPolicy": "Always"}), "spec.containers[0].restartPolicy: Forbidden"),
        (pod(volumes=[{"name": "../../x", "emptyDir": {}}]), "spec.volumes[0].name: Invalid value"),
        (pod(volumes=[{"name": "v", "hostPath": {"path": "/a/../b"}}]), "spec.volumes[0].hostPath.path: Invalid value"),
        (
            pod(volumes=[{"name": "v", "configMap": {"name": "c", "items": [{"key": "k", "path": "../k"}]}}]),
            "spec.volumes[0].configMap.items[0].path: Invalid value",
        ),
        (
            pod(
                volumes=[{"name": "v", "emptyDir": {}}],
                container={"volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "../x"}]},
            ),
            "spec.containers[0].volumeMounts[0].subPath: Invalid value",
        ),
        (
            pod(container={"volumeMounts": [{"name": "v", "mountPath": "/v"}]}),
            'spec.containers[0].volumeMounts[0].name: Not found: "v"',
        ),
    ],
)
async def test_an_invalid_value_is_rejected_with_its_path(send, body, message):
    """A value of the right type that violates a rule is 422 with its path."""
    status, answer = await send("POST", PODS, body)
    assert (status, answer["reason"]) == (422, "Invalid")
    assert message in answer["message"]


async def test_null_is_absent(send):
    """A field that is null gets its default, everywhere in the object."""
    body = pod(
        terminationGracePeriodSeconds=None,
        nodeSelector=None,
        volumes=None,
        container={"args": None, "env": None, "resources": None, "command": ["a", None]},
        metadata={"labels": None, "annotations": {"a": None}},
    )
    status, created = await send("POST", PODS, body)
    assert status == 201
    assert created["spec"]["terminationGracePeriodSeconds"] == 30
    assert not created["spec"].keys() & {"nodeSelector", "volumes"}
    assert not created["spec"]["containers"][0].keys() & {"args", "env"}
    assert created["spec"]["containers"][0]["command"] == ["a", ""]
    assert created["metadata"]["annotations"] == {"a": ""}


@pytest.mark.parametrize(
    ("validation", "status", "message"),
    [
        pytest.param("Strict", 400, 'strict decoding error: unknown field "spec.containers[0].comand"', id="strict"),
        pytest.param("Ignore", 201, "", id="ignore"),
    ],
)
async def test_unknown_fields_follow_field_validation(send, validation, status, message):
    """An unknown field is rejected, reported or dropped as the client requests."""
    body = pod(container={"comand": ["x"]})
    got, answer = await send("POST", f"{PODS}?fieldValidation={validation}", body)
    assert got == status
    assert message in answer.get("message", "")
    assert "comand" not in answer.get("spec", {}).get("containers", [{}])[0]


async def test_a_patch_is_decoded_like_a_create(send):
    """A deadline in quotes is rejected in a patch too."""
    await send("POST", PODS, pod())
    patch = {"spec": {"activeDeadlineSeconds": "60"}}
    merge = {"Content-Type": "application/merge-patch+json"}
    status, answer = await send("PATCH", f"{PODS}/p", patch, **merge)
    assert (status, "of type int64" in answer["message"]) == (400, True)


async def test_the_metadata_of_a_custom_kind_is_decoded(send):
    """The labels of a custom object must be strings too."""
    body = study("s")
    body["metadata"]["labels"] = {"a": 1}
    status, answer = await send("POST", STUDIES_URL, body)
    assert (status, answer["reason"]) == (400, "BadRequest")
    assert "ObjectMeta.metadata.labels of type string" in answer["message"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * 100_000, id="unclosed"),
        pytest.param(b"[" * 500 + b"]" * 500, id="deep"),
        pytest.param(b'{"metadata": {"name": "p"}, "data": {"a": NaN}}', id="nan"),
        pytest.param(b'{"metadata": {"name": "p"}, "data": 1e999}', id="infinite"),
        pytest.param(b"9" * 10_000, id="digits"),
        pytest.param(b"\xff\xfe", id="bytes"),
    ],
)
async def test_a_malformed_body_is_a_bad_request(send, body):
    """A body that is not JSON is 400."""
    status, answer = await send("POST", PODS, body)
    assert (status, answer["reason"]) == (400, "BadRequest")


async def test_an_unpaired_surrogate_is_replaced(send):
    """A string that is not Unicode text is stored as one that is."""
    body = b'{"metadata": {"name": "c", "annotations": {"a": "x\\ud800"}}}'
    status, created = await send("POST", "/api/v1/namespaces/default/configmaps", body)
    assert (status, created["metadata"]["annotations"]) == (201, {"a": "x?"})


async def test_aliases_in_yaml_are_rejected(send):
    """A few lines of YAML never expand to a huge object."""
    bomb = b"metadata: {name: c}\ndata: {a: &a x, b: *a}\n"
    headers = {"Content-Type": "application/apply-patch+yaml"}
    path = "/api/v1/namespaces/default/configmaps/c?fieldManager=m"
    status, answer = await send("PATCH", path, bomb, **headers)
    assert (status, "aliases are not accepted" in answer["message"]) == (400, True)


@pytest.mark.parametrize("query", ["gracePeriodSeconds=x", "timeoutSeconds=x&watch=1", "resourceVersion=²&watch=1"])
async def test_options_in_the_query_are_checked(send, query):
    """An invalid number in the query is 400."""
    method = "GET" if "watch" in query else "DELETE"
    await send("POST", "/api/v1/namespaces/default/configmaps", config("c"))
    path = "/api/v1/namespaces/default/configmaps" + ("" if method == "GET" else "/c")
    status, answer = await send(method, f"{path}?{query}", b"")
    assert (status, answer["reason"]) == (400, "BadRequest")


@pytest.mark.parametrize("kind", BUILT_IN, ids=lambda kind: kind.kind)
def test_every_built_in_kind_has_a_type(kind):
    """Every served kind is decoded by its model in the client library."""
    decoded = decoding.decode(kind, {"metadata": {"name": "x", "nonsense": 1}})
    assert decoded == decoding.Decoded({"metadata": {"name": "x"}}, ("metadata.nonsense",))
