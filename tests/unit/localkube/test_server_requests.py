"""Requests on resources: verbs, errors, validation of fields, tables and the limit of bodies."""

import json

import pytest

from support.api_server import (
    CONFIGS,
    MERGE,
    PODS,
    STUDIES,
    STUDIES_URL,
    TABLE,
    config,
    pod,
    study,
)


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


async def test_strict_field_validation_rejects_unknown_fields(client):
    """Unknown fields are an error if the client requests it."""
    code, answer = await client("POST", f"{STUDIES_URL}?fieldValidation=Strict", study(mots=1))
    assert code == 400
    assert answer["message"].endswith('strict decoding error: unknown field "spec.mots"')


@pytest.mark.parametrize(
    ("validation", "warned"), [pytest.param("Warn", True, id="warn"), pytest.param("Ignore", False, id="ignore")]
)
async def test_field_validation(client, validation, warned):
    """Unknown fields are dropped, with or without a warning, as the client requests."""
    code, answer = await client("POST", f"{STUDIES_URL}?fieldValidation={validation}", study(mots=1))
    assert (code, "mots" in answer["spec"]) == (201, False)
    assert ('unknown field \\"spec.mots\\"' in client.headers.get("Warning", "")) is warned


async def test_invalid_objects_list_their_causes(client):
    """422 names every invalid field."""
    code, answer = await client("POST", STUDIES_URL, study(parallel=0, parameters=[{"name": "X", "max": 1}]))
    assert code == 422
    assert {cause["field"] for cause in answer["details"]["causes"]} == {
        "spec.parallel",
        "spec.parameters[0].name",
        "spec.parameters[0].min",
    }


async def test_bodies_have_a_limit(client):
    """A body of more than three MiB is rejected."""
    code, answer = await client("POST", CONFIGS, config(data={"a": "x" * 3 * 1024 * 1024}))
    assert (code, answer["reason"]) == (413, "RequestEntityTooLarge")
    assert (await client("POST", CONFIGS, config(data={"a": "x" * 2 * 1024 * 1024})))[0] == 201
