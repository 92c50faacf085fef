"""The subresources scale, binding, eviction and log."""

import aiohttp
import pytest

from localkube.apiserver.errors import BadRequest
from localkube.apiserver.log_source import LogQuery
from support.api_server import MERGE, PODS, STUDIES, STUDIES_URL, Client, make_store, pod, serving, study


async def test_scale(client):
    """The scale subresource reads and writes the declared paths, and its writes are validated."""
    client.store.create(STUDIES, study(most=4))
    _, scale = await client("GET", f"{STUDIES_URL}/s/scale")
    assert (scale["kind"], scale["spec"]["replicas"]) == ("Scale", 2)
    _, scaled = await client("PUT", f"{STUDIES_URL}/s/scale", {**scale, "spec": {"replicas": 3}})
    assert (scaled["spec"]["replicas"], client.store.get(STUDIES, "default", "s")["spec"]["parallel"]) == (3, 3)
    assert (await client("PATCH", f"{STUDIES_URL}/s/scale", {"spec": {"replicas": 9}}, **MERGE))[0] == 422
    assert (await client("PUT", f"{STUDIES_URL}/s/scale", {**scale, "spec": {"replicas": 1}}))[0] == 409


async def test_binding_and_eviction(client):
    """A Pod can be bound once, and evicted."""
    client.store.create("pods", pod())
    binding = {"target": {"name": "n1"}}
    assert (await client("POST", f"{PODS}/p/binding", binding))[0] == 201
    assert client.store.get("pods", "default", "p")["spec"]["nodeName"] == "n1"
    assert (await client("POST", f"{PODS}/p/binding", binding))[0] == 409
    assert (await client("POST", f"{PODS}/p/eviction", {"deleteOptions": {"gracePeriodSeconds": 1}}))[0] == 201
    assert client.store.get("pods", "default", "p")["metadata"]["deletionGracePeriodSeconds"] == 1


@pytest.mark.parametrize(
    ("phase", "reasons"),
    [
        pytest.param("Running", ["EvictionByEvictionAPI"], id="running"),
        pytest.param("Succeeded", [], id="ended"),
    ],
)
async def test_an_eviction_marks_the_pod_as_disrupted(client, phase, reasons):
    """The condition is set before the Pod ends; a Pod that has ended gets none."""
    client.store.create("pods", pod(nodeName="n"))
    client.store.patch("pods", "default", "p", {"metadata": {"finalizers": ["example.com/x"]}})
    client.store.patch("pods", "default", "p", {"status": {"phase": phase}}, subresource="status")
    assert (await client("POST", f"{PODS}/p/eviction", {}))[0] == 201
    conditions = client.store.get("pods", "default", "p")["status"].get("conditions", ())
    assert [condition["reason"] for condition in conditions] == reasons


async def test_a_gated_pod_is_not_scheduled(client):
    """A Pod with scheduling gates has the condition SchedulingGated; gates can only be removed."""
    gates = [{"name": "kueue.x-k8s.io/admission"}]
    _, created = await client("POST", PODS, pod("p", schedulingGates=gates))
    assert [(c["type"], c["reason"]) for c in created["status"]["conditions"]] == [("PodScheduled", "SchedulingGated")]
    more = {"spec": {"schedulingGates": [*gates, {"name": "example.com/more"}]}}
    assert (await client("PATCH", f"{PODS}/p", more, **MERGE))[0] == 422
    status, opened = await client("PATCH", f"{PODS}/p", {"spec": {"schedulingGates": None}}, **MERGE)
    assert (status, "schedulingGates" in opened["spec"]) == (200, False)


class Logs:
    """A log source that records its queries."""

    async def read(self, pod, query):
        if query.previous:
            raise BadRequest("previous terminated container not found")
        yield f"{pod['metadata']['name']} {query}\n".encode()
        yield b"end\n"


async def test_logs_are_delegated():
    """The options reach the source; its chunks and its errors reach the client."""
    store = make_store()
    store.create("pods", pod())
    async with serving(store, logs=Logs()) as server, aiohttp.ClientSession() as session:
        client = Client(server, session)
        _, text = await client("GET", f"{PODS}/p/log?tailLines=5&timestamps=true")
        assert text == f"p {LogQuery(timestamps=True, tail_lines=5)}\nend\n"
        code, answer = await client("GET", f"{PODS}/p/log?previous=true")
        assert (code, answer["message"]) == (400, "previous terminated container not found")
        assert (await client("GET", f"{PODS}/p/log?tailLines=many"))[0] == 400
