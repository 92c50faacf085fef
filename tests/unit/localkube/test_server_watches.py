"""Watches stream changes and end."""

import asyncio
import json

import aiohttp
import pytest

from support.api_server import (
    CONFIGS,
    CRDS,
    STUDIES,
    STUDIES_URL,
    STUDY_CRD,
    Client,
    config,
    make_store,
    serving,
    study,
)


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


async def test_stop_ends_open_watches(client):
    """Stopping the server does not wait for watchers."""
    async with client.session.get(client.server.url + f"{CONFIGS}?watch=1") as answer:
        await asyncio.wait_for(client.server.stop(), 5)
        with pytest.raises((aiohttp.ClientError, json.JSONDecodeError)):
            json.loads(await answer.content.readline())


async def test_a_disconnected_watcher_leaves_no_task(client):
    """No task remains for a client that disconnected, even without changes."""
    async with client.session.get(client.server.url + f"{CONFIGS}?watch=1") as answer:
        assert answer.status == 200
        [stream] = client.server._streams
        answer.close()
    await asyncio.wait({stream}, timeout=5)
    assert client.server._streams == set()
