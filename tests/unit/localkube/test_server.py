"""The HTTP side: verbs, watches, discovery, negotiation, tokens and injected faults."""

import asyncio
import copy
import json

import aiohttp
import pytest

from localkube.apiserver.errors import BadRequest
from localkube.apiserver.fault_injection import InjectedFault
from localkube.apiserver.log_source import LogQuery
from support.api_server import CRDS, MANIFESTS, STUDIES, STUDY_CRD, TOKEN, config, make_store, pod, serving, study

PODS = "/api/v1/namespaces/default/pods"
CONFIGS = "/api/v1/namespaces/default/configmaps"
STUDIES_URL = "/apis/example.dev/v1/namespaces/default/studies"
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
MERGE = {"Content-Type": "application/merge-patch+json"}


class Client:
    """Sends requests to a server and returns (status, JSON)."""

    def __init__(self, server, session):
        self.server, self.session = server, session

    async def __call__(self, method, path, body=None, **headers):
        data = None if body is None else json.dumps(body)
        headers.setdefault("Content-Type", "application/json")
        async with self.session.request(method, self.server.url + path, data=data, headers=headers) as answer:
            self.headers = answer.headers
            raw = await answer.read()
            return answer.status, json.loads(raw) if answer.content_type == "application/json" else raw.decode()

    async def watch(self, path, count):
        """Return the first events of a watch, as (type, object)."""
        found = []
        async with self.session.get(self.server.url + path) as answer:
            async for line in answer.content:
                event = json.loads(line)
                found.append((event["type"], event["object"]))
                if len(found) == count:
                    break
        return found


@pytest.fixture
async def client():
    async with serving() as server, aiohttp.ClientSession() as session:
        made = Client(server, session)
        made.store = server._store
        yield made


async def test_verbs_on_a_resource(client):
    """Create, get, list, update, patch, delete and deletecollection over HTTP."""
    assert (await client("POST", CONFIGS, config("a", data={"k": "1"})))[0] == 201
    status, got = await client("GET", f"{CONFIGS}/a")
    assert (status, got["kind"], got["data"]) == (200, "ConfigMap", {"k": "1"})
    assert (await client("PUT", f"{CONFIGS}/a", {**got, "data": {"k": "2"}}))[1]["data"] == {"k": "2"}
    assert (await client("PATCH", f"{CONFIGS}/a", {"data": {"k": "3"}}, **MERGE))[1]["data"] == {"k": "3"}
    await client("POST", CONFIGS, config("b"))
    status, listed = await client("GET", CONFIGS)
    assert (listed["kind"], [item["metadata"]["name"] for item in listed["items"]]) == ("ConfigMapList", ["a", "b"])
    assert listed["metadata"]["resourceVersion"] == str(client.store.version)
    status, deleted = await client("DELETE", f"{CONFIGS}/a")
    assert (deleted["kind"], deleted["status"], deleted["details"]["uid"]) == (
        "Status",
        "Success",
        got["metadata"]["uid"],
    )
    await client("DELETE", CONFIGS)
    assert client.store.list("configmaps")[0] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "reason"),
    [
        ("GET", f"{CONFIGS}/nope", None, 404, "NotFound"),
        ("GET", "/apis/no.such/v1/things", None, 404, "NotFound"),
        ("GET", "/nothing/here", None, 404, "NotFound"),
        ("GET", f"{CONFIGS}/a/b/c", None, 404, "NotFound"),
        ("GET", f"{CONFIGS}/a/status", None, 404, "NotFound"),
        ("POST", PODS, {"metadata": {"name": "p"}, "spec": {}}, 422, "Invalid"),
        ("POST", PODS, [1], 400, "BadRequest"),
        ("POST", PODS, pod(namespace="kube-system"), 400, "BadRequest"),
        ("PUT", CONFIGS, {}, 405, "MethodNotAllowed"),
        ("GET", f"{PODS}?fieldSelector=a.b%3D1", None, 400, "BadRequest"),
        ("GET", f"{PODS}?watch=true&resourceVersion=abc", None, 400, "BadRequest"),
        ("GET", f"{PODS}?watch=true&sendInitialEvents=true", None, 400, "BadRequest"),
    ],
)
async def test_errors_are_status_objects(client, method, path, body, status, reason):  # noqa: PLR0917 - the axes
    """Every error is a Status with the right code."""
    code, answer = await client(method, path, body)
    assert (code, answer["kind"], answer["reason"], answer["code"]) == (status, "Status", reason, status)


async def test_requests_need_the_token(client):
    """Health is public; all other paths need the token, in the path or in a header."""
    base = client.server.url.split("/token/")[0]
    for path, headers, status in (
        ("/readyz", {}, 200),
        ("/api", {}, 401),
        ("/token/wrong/api", {}, 401),
        ("/api", {"Authorization": "Bearer wrong"}, 401),
        ("/api", {"Authorization": "Bearer correct-horse"}, 200),
    ):
        async with client.session.get(base + path, headers=headers) as answer:
            assert answer.status == status


@pytest.mark.parametrize("sent", [b"Bearer \xff\xfe", b"Bearer \xc3\xa9", b"Basic eDp5"])
async def test_an_authorization_that_is_no_token_is_unauthorized(client, sent):
    """Any bytes in the header are answered with 401."""
    host, port = client.server.url.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /api/v1/pods HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: " + sent + b"\r\n\r\n")
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("line", [b"GET /\xc3\xa9 HTTP/1.1", b"GET", b"\x00\x01", b"GET http:// HTTP/1.1"])
async def test_a_malformed_request_is_not_logged(client, caplog, line):
    """It is answered with 400 and not logged."""
    host, port = client.server.url.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    assert answer.split()[1] in {b"400", b"401"}
    assert caplog.text == ""


async def test_the_token_is_not_logged(client, caplog, monkeypatch):
    """A failure of the server is logged without the token in its URL."""
    monkeypatch.setattr(client.store, "entry", lambda *_: 1 / 0)
    status, _ = await client("GET", f"{CONFIGS}/a")
    assert (status, "ZeroDivisionError" in caplog.text) == (500, True)
    assert TOKEN not in caplog.text


async def test_watch_streams_changes(client):
    """Without a version the current state comes first, with a version only later changes; selectors add and remove
    objects.
    """
    client.store.create("configmaps", config("a", labels={"on": "yes"}))
    version = client.store.version
    client.store.create("configmaps", config("b"))
    assert [(kind, o["metadata"]["name"]) for kind, o in await client.watch(f"{CONFIGS}?watch=true", 2)] == [
        ("ADDED", "a"),
        ("ADDED", "b"),
    ]
    assert [
        (kind, o["metadata"]["name"])
        for kind, o in await client.watch(f"{CONFIGS}?watch=1&resourceVersion={version}", 1)
    ] == [("ADDED", "b")]
    client.store.patch("configmaps", "default", "b", {"metadata": {"labels": {"on": "yes"}}})
    client.store.patch("configmaps", "default", "a", {"metadata": {"labels": None}})
    client.store.delete("configmaps", "default", "b")
    seen = await client.watch(f"{CONFIGS}?watch=1&labelSelector=on&resourceVersion={version}", 3)
    assert [(kind, o["metadata"]["name"]) for kind, o in seen] == [("ADDED", "b"), ("DELETED", "a"), ("DELETED", "b")]
    versions = [int(o["metadata"]["resourceVersion"]) for _, o in seen]
    assert versions == sorted(versions)


async def test_watch_list_ends_its_beginning_with_a_bookmark(client):
    """`sendInitialEvents` sends the state, then the annotated bookmark that kubectl wait and informers expect."""
    client.store.create("configmaps", config())
    path = f"{CONFIGS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    (first, _), (second, bookmark) = await client.watch(path, 2)
    assert (first, second) == ("ADDED", "BOOKMARK")
    assert bookmark["kind"] == "ConfigMap"
    assert bookmark["metadata"]["resourceVersion"] == str(client.store.version)
    assert bookmark["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_a_watch_ends_at_its_timeout(client):
    """The parameter timeoutSeconds ends a watch regularly."""
    assert await client.watch(f"{CONFIGS}?watch=1&timeoutSeconds=1", 1) == []


async def test_too_old_a_version_is_an_error_in_the_stream():
    """410 is an ERROR event, as clients expect it."""
    async with serving(make_store(history=2)) as server, aiohttp.ClientSession() as session:
        old = server._store.version
        for i in range(9):
            server._store.create("configmaps", config(f"c{i}"))
        [(kind, status)] = await Client(server, session).watch(f"{CONFIGS}?watch=1&resourceVersion={old}", 1)
        assert (kind, status["code"], status["reason"]) == ("ERROR", 410, "Expired")


async def test_one_object_can_be_watched_by_name(client):
    """metadata.name is a field selector."""
    client.store.create("configmaps", config("a"))
    client.store.create("configmaps", config("b"))
    [(_, seen)] = await client.watch(f"{CONFIGS}?watch=1&fieldSelector=metadata.name%3Db", 1)
    assert seen["metadata"]["name"] == "b"


async def test_tables_of_lists_and_watches(client):
    """A Table has its columns once, then rows."""
    client.store.create(STUDIES, study("a"))
    client.store.create(STUDIES, study("b"))
    _, table = await client("GET", STUDIES_URL, **TABLE)
    assert [c["name"] for c in table["columnDefinitions"]] == ["Name", "Status", "Parallel", "Best", "Age"]
    assert [row["object"]["kind"] for row in table["rows"]] == ["PartialObjectMetadata"] * 2
    async with client.session.get(client.server.url + STUDIES_URL + "?watch=1", headers=TABLE) as answer:
        first, second = [json.loads(await answer.content.readline())["object"] for _ in range(2)]
    assert (first["kind"], len(first["columnDefinitions"]), second["columnDefinitions"]) == ("Table", 5, None)
    assert second["rows"][0]["cells"][0] == "b"


@pytest.mark.parametrize("validation", ["Strict", "Warn", "Ignore"])
async def test_field_validation(client, validation):
    """Unknown fields are an error, a warning or dropped, as the client requests."""
    code, answer = await client("POST", f"{STUDIES_URL}?fieldValidation={validation}", study(mots=1))
    if validation == "Strict":
        assert code == 400
        assert answer["message"].endswith('strict decoding error: unknown field "spec.mots"')
    else:
        assert (code, "mots" in answer["spec"]) == (201, False)
        assert ('unknown field \\"spec.mots\\"' in client.headers.get("Warning", "")) == (validation == "Warn")


async def test_invalid_objects_list_their_causes(client):
    """422 names every invalid field."""
    code, answer = await client("POST", STUDIES_URL, study(parallel=0, parameters=[{"name": "X", "max": 1}]))
    assert code == 422
    assert {cause["field"] for cause in answer["details"]["causes"]} == {
        "spec.parallel",
        "spec.parameters[0].name",
        "spec.parameters[0].min",
    }


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


async def test_an_eviction_marks_the_pod_as_disrupted(client):
    """The condition is set before the Pod ends; a Pod that has ended gets none."""
    for name, phase in (("runs", "Running"), ("done", "Succeeded")):
        client.store.create("pods", pod(name, nodeName="n"))
        client.store.patch("pods", "default", name, {"metadata": {"finalizers": ["example.com/x"]}})
        client.store.patch("pods", "default", name, {"status": {"phase": phase}}, subresource="status")
        assert (await client("POST", f"{PODS}/{name}/eviction", {}))[0] == 201
    reasons = [
        [c["reason"] for c in client.store.get("pods", "default", name)["status"].get("conditions", ())]
        for name in ("runs", "done")
    ]
    assert reasons == [["EvictionByEvictionAPI"], []]


async def test_a_gated_pod_is_not_scheduled(client):
    """A Pod with scheduling gates has the condition SchedulingGated; gates can only be removed."""
    gates = [{"name": "kueue.x-k8s.io/admission"}]
    _, created = await client("POST", PODS, pod("p", schedulingGates=gates))
    assert [(c["type"], c["reason"]) for c in created["status"]["conditions"]] == [("PodScheduled", "SchedulingGated")]
    more = {"spec": {"schedulingGates": [*gates, {"name": "example.com/more"}]}}
    assert (await client("PATCH", f"{PODS}/p", more, **MERGE))[0] == 422
    status, opened = await client("PATCH", f"{PODS}/p", {"spec": {"schedulingGates": None}}, **MERGE)
    assert (status, "schedulingGates" in opened["spec"]) == (200, False)


async def test_deleting_a_definition_ends_its_watches(client):
    """Its objects are reported as deleted, the watch ends, and the kind is not found until it is defined again."""
    client.store.create(STUDIES, study("s"))
    watching = asyncio.create_task(client.watch(f"{STUDIES_URL}?watch=1", 100))
    await asyncio.sleep(0.2)
    before = client.store.version
    client.store.delete(CRDS, None, STUDIES)
    assert [kind for kind, _ in await watching] == ["ADDED", "DELETED"]
    status, answer = await client("GET", STUDIES_URL)
    assert (status, answer["reason"]) == (404, "NotFound")
    client.store.create(CRDS, STUDY_CRD)
    assert (await client("GET", STUDIES_URL))[1]["items"] == []
    ((kind, stale),) = await client.watch(f"{STUDIES_URL}?watch=1&resourceVersion={before}", 1)
    assert (kind, stale["code"]) == ("ERROR", 410)
    client.store.create(STUDIES, study("again"))
    ((kind, again),) = await client.watch(f"{STUDIES_URL}?watch=1", 1)
    assert (kind, again["metadata"]["name"]) == ("ADDED", "again")


async def test_events_in_both_groups(client):
    """An event written through events.k8s.io is read through core, and the reverse."""
    new = {"metadata": {"name": "e"}, "regarding": {"kind": "Pod", "name": "p"}, "note": "hello", "reason": "R"}
    assert (await client("POST", "/apis/events.k8s.io/v1/namespaces/default/events", new))[0] == 201
    _, core = await client("GET", "/api/v1/namespaces/default/events/e")
    assert (core["apiVersion"], core["message"], core["involvedObject"]["name"]) == ("v1", "hello", "p")
    _, listed = await client("GET", "/apis/events.k8s.io/v1/events")
    assert (listed["items"][0]["apiVersion"], listed["items"][0]["note"]) == ("events.k8s.io/v1", "hello")


async def test_discovery(client):
    """Both forms of discovery name the custom kind with its short name and subresources."""
    _, listed = await client("GET", "/apis/example.dev/v1")
    assert [r["name"] for r in listed["resources"]] == ["studies", "studies/scale", "studies/status"]
    _, whole = await client(
        "GET", "/apis", Accept="application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    )
    assert client.headers["Content-Type"].endswith("as=APIGroupDiscoveryList")
    [group] = [item for item in whole["items"] if item["metadata"]["name"] == "example.dev"]
    assert group["versions"][0]["resources"][0]["shortNames"] == ["st"]
    _, old = await client("GET", "/apis")
    assert "example.dev" in [g["name"] for g in old["groups"]]


async def test_openapi_of_a_custom_kind(client):
    """The document contains the schema, and PATCH accepts fieldValidation."""
    _, index = await client("GET", "/openapi/v3")
    url = index["paths"]["apis/example.dev/v1"]["serverRelativeURL"].split("correct-horse")[1]
    _, document = await client("GET", url)
    schema = document["components"]["schemas"]["dev.example.v1.Study"]
    assert schema["properties"]["spec"]["properties"]["parallel"]["default"] == 2
    patch = document["paths"]["/apis/example.dev/v1/namespaces/{namespace}/studies/{name}"]["patch"]
    assert "fieldValidation" in [p["name"] for p in patch["parameters"]]


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


async def test_requests_are_reported_to_the_audit_hook():
    """The hook receives each request on a resource, with its verb."""
    heard = []
    async with serving(on_request=lambda *call: heard.append(call)) as server, aiohttp.ClientSession() as session:
        client = Client(server, session)
        await client("GET", "/apis")
        await client("GET", PODS, **{"User-Agent": "me"})
        await client("PATCH", f"{PODS}/p/status", {}, **{"User-Agent": "me", **MERGE})
    assert heard == [("list", "pods", "", "me"), ("patch", "pods", "status", "me")]


@pytest.mark.parametrize(
    ("fault", "status", "made"),
    [(InjectedFault(status=429), 429, False), (InjectedFault(status=500), 500, False), (InjectedFault(status=500, after=True), 500, True), (InjectedFault(drop=True), 0, False), (InjectedFault(drop=True, after=True), 0, True), (InjectedFault(delay=0.001), 201, True)],
)  # fmt: skip
async def test_injected_faults(fault, status, made):
    """A fault before the request prevents it; one after it loses only the response."""
    async with (
        serving(faults=lambda info: fault if info.verb == "create" else None) as server,
        aiohttp.ClientSession() as session,
    ):
        try:
            code, _ = await Client(server, session)("POST", CONFIGS, config())
        except aiohttp.ClientError:
            code = 0
        assert (code, server._store.exists("configmaps", "default", "c")) == (status, made)


async def test_definitions_of_a_folder_are_served(tmp_path):
    """The definitions of a folder are created at the start and updated at the next."""
    (tmp_path / "study.yaml").write_text((MANIFESTS / "study-crd.yaml").read_text())
    store = make_store()
    for _ in range(2):
        async with serving(store, crd_dir=tmp_path):
            assert store.list(STUDIES)[0] == []


async def test_stop_ends_open_watches(client):
    """Stopping the server does not wait for watchers."""
    async with client.session.get(client.server.url + f"{CONFIGS}?watch=1") as answer:
        await asyncio.wait_for(client.server.stop(), 5)
        with pytest.raises((aiohttp.ClientError, json.JSONDecodeError)):
            json.loads(await answer.content.readline())


async def test_every_served_version_shows_the_same_object(client):
    """An object written in one version of its kind is read and watched in another, with that apiVersion."""
    crd = copy.deepcopy(STUDY_CRD)
    [first] = crd["spec"]["versions"]
    crd["spec"]["versions"].append({**copy.deepcopy(first), "name": "v2", "storage": False})
    client.store.update(CRDS, crd)
    url = STUDIES_URL.replace("/v1/", "/v2/")
    status, made = await client("POST", url, {**study(), "apiVersion": "example.dev/v2", "kind": "Study"})
    assert (status, made["apiVersion"]) == (201, "example.dev/v2")
    assert client.store.get(STUDIES, "default", "s")["apiVersion"] == "example.dev/v1"
    assert (await client("PATCH", f"{url}/s", {"spec": {"parallel": 5}}, **MERGE))[1]["apiVersion"] == "example.dev/v2"
    [(_, seen)] = await client.watch(f"{url}?watch=1", 1)
    assert (seen["apiVersion"], seen["spec"]["parallel"]) == ("example.dev/v2", 5)
    assert (await client("GET", f"{STUDIES_URL}/s"))[1]["apiVersion"] == "example.dev/v1"


async def test_bodies_have_a_limit(client):
    """A body of more than three MiB is rejected."""
    code, answer = await client("POST", CONFIGS, config(data={"a": "x" * 3 * 1024 * 1024}))
    assert (code, answer["reason"]) == (413, "RequestEntityTooLarge")
    assert (await client("POST", CONFIGS, config(data={"a": "x" * 2 * 1024 * 1024})))[0] == 201


async def test_a_disconnected_watcher_leaves_no_task(client):
    """No task remains for a client that disconnected, even without changes."""
    async with client.session.get(client.server.url + f"{CONFIGS}?watch=1") as answer:
        assert answer.status == 200
        [stream] = client.server._streams
        answer.close()
    await asyncio.wait({stream}, timeout=5)
    assert client.server._streams == set()
