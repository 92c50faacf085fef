"""Informers with a server that fails in all known ways, and with the embedded API server."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client import Configuration

from localkube.apiserver.fault_injection import InjectedFault
from localkube.apiserver.requests import RequestInfo
from localkube.apiserver.server import ApiServer
from localkube.apiserver.store import Store
from support.waiting import wait_until
from toprung.kube.backoff import Backoff
from toprung.kube.cache import Cache
from toprung.kube.client import KubeClient
from toprung.kube.informer import Informer
from toprung.kube.resources import PODS
from toprung.kube.transport import Transport

QUICK = Backoff(first=0.01, longest=0.05)


def convert(obj: dict) -> tuple[str, str]:
    metadata = obj["metadata"]
    return metadata["name"], metadata.get("labels", {}).get("step", "")


@asynccontextmanager
async def informed(url: str) -> AsyncIterator[Informer[tuple[str, str]]]:
    """Start an informer of the Pods at `url`."""
    async with KubeClient(Transport(Configuration(host=url))) as gateway:
        cache = Cache(convert=convert, index=lambda row: row[0][0], on_change=lambda *_: None)
        informer = Informer(gateway, PODS, cache=cache, backoff=QUICK)
        task = asyncio.create_task(informer.run())
        try:
            yield informer
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def held(informer: Informer[tuple[str, str]]) -> dict[str, str]:
    return dict(informer.cache.of("p"))


@dataclass
class Script:
    """A server of Pods. It lists `pods` with `version`. Each watch returns the next item of `watches`, and then
    stays open.
    """

    pods: dict[str, str] = field(default_factory=dict)
    version: int = 10
    watches: list = field(default_factory=list)
    lists: list = field(default_factory=list)
    """Errors of the next lists, as (status, Status object)."""
    listed: int = 0
    watched_from: list[str] = field(default_factory=list)
    """The resourceVersions from which watches were requested."""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return self.list()
        self.watched_from.append(request.query["resourceVersion"])
        response = web.StreamResponse()
        await response.prepare(request)
        if not self.watches:
            await response.write(b"\n")
            await asyncio.Event().wait()  # the test server cancels handlers whose client has left
        for act in self.watches.pop(0):
            if act == "reset":
                request.transport.abort()
            else:
                await response.write(act if isinstance(act, bytes) else json.dumps(act).encode() + b"\n")
        return response

    def list(self) -> web.Response:
        self.listed += 1
        if self.lists:
            status = self.lists.pop(0)
            return web.json_response(
                {"kind": "Status", "code": status, "message": "storage is (re)initializing"}, status=status
            )
        items = [pod(name, step, self.version) for name, step in self.pods.items()]
        return web.json_response({"metadata": {"resourceVersion": str(self.version)}, "items": items})


@asynccontextmanager
async def playing(script: Script) -> AsyncIterator[Informer[tuple[str, str]]]:
    app = web.Application()
    app.router.add_get("/api/v1/pods", script.serve)
    async with TestServer(app) as server, informed(f"http://127.0.0.1:{server.port}") as informer:
        yield informer


def pod(name: str, step: str, version: int) -> dict:
    return {"metadata": {"name": name, "namespace": "team", "labels": {"step": step}, "resourceVersion": str(version)}}


def modified(name: str, step: str, version: int) -> dict:
    return {"type": "MODIFIED", "object": pod(name, step, version)}


def error(code: int) -> dict:
    return {"type": "ERROR", "object": {"kind": "Status", "code": code, "message": "storage is (re)initializing"}}


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(error(410), id="410 in the stream"),
        pytest.param(error(500), id="500 in the stream"),
        pytest.param(error(429), id="storage is reinitializing"),
        pytest.param(b'{"type": "MODIF\n', id="garbled line"),
        pytest.param("reset", id="connection reset"),
        pytest.param(modified("p-1", "old", 3), id="version goes back"),
        pytest.param({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "3"}}}, id="bookmark goes back"),
    ],
)
async def test_an_error_in_a_watch_causes_a_new_list(failure):
    """The new list has the changes that the watch missed."""
    script = Script(pods={"p-1": "0", "p-2": "0"}, watches=[[modified("p-1", "1", 11), failure]])
    async with playing(script) as informer:
        await wait_until(lambda: held(informer).get("p-1") == "1" or script.listed > 1)
        script.pods, script.version = {"p-1": "2", "p-3": "0"}, 20
        await wait_until(lambda: held(informer) == {"p-1": "2", "p-3": "0"} or script.listed > 2)
        await wait_until(lambda: script.listed == 2 and len(script.watched_from) == 2)
        assert informer.synced.is_set()


@pytest.mark.parametrize("status", [410, 429, 500, 503, 403, 404])
async def test_a_list_is_retried_until_it_succeeds(status):
    """No error ends an informer: a request quota, missing permissions, or a CRD that does not exist yet."""
    script = Script(pods={"p-1": "0"}, lists=[status] * 3)
    async with playing(script) as informer:
        await wait_until(informer.synced.is_set)
        assert (held(informer), script.listed) == ({"p-1": "0"}, 4)


async def test_a_watch_continues_from_its_last_version():
    """Servers end watches every few minutes. That causes no new list, and a bookmark counts as progress."""
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "15"}}}
    script = Script(pods={"p-1": "0"}, watches=[[modified("p-1", "1", 11)], [bookmark], []])
    async with playing(script) as informer:
        await wait_until(lambda: len(script.watched_from) == 4)
        assert (script.watched_from, script.listed) == (["10", "11", "15", "15"], 1)
        assert held(informer) == {"p-1": "1"}


async def test_a_server_restored_from_a_backup_is_listed_again():
    """Lower versions are accepted after a new list, and lost objects are dropped."""
    script = Script(pods={"p-1": "9", "p-2": "9"}, version=5000, watches=[["reset"]])
    async with playing(script) as informer:
        await wait_until(lambda: script.listed == 1 and held(informer))
        script.pods, script.version = {"p-1": "3"}, 7
        await wait_until(lambda: held(informer) == {"p-1": "3"} or script.listed > 2)
        await wait_until(lambda: script.watched_from[-1] == "7")


@asynccontextmanager
async def embedded(store: Store, faults=None) -> AsyncIterator[tuple[ApiServer, int]]:
    server = ApiServer(store, token="secret", faults=faults)
    port = await server.start()
    try:
        yield server, port
    finally:
        await server.stop()


POD = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "train", "image": "i"}]}}


async def test_the_informer_agrees_with_a_server_that_fails_half_of_all_requests():
    """In the end the informer has the objects of the server."""
    kinds = [
        InjectedFault(status=500),
        InjectedFault(status=429),
        InjectedFault(status=410),
        InjectedFault(drop=True),
        InjectedFault(drop=True, after=True),
    ]
    count = 0

    def spoil(info: RequestInfo) -> InjectedFault | None:
        nonlocal count
        if info.verb not in ("list", "watch"):
            return None
        count += 1
        return kinds[count // 2 % len(kinds)] if count % 2 else None

    store = Store(None, now=lambda: datetime.now(UTC))
    async with embedded(store, spoil) as (server, _), informed(server.url) as informer:
        async with KubeClient(Transport(Configuration(host=server.url))) as gateway:
            visible = []
            for i in range(30):
                body = {**POD, "metadata": {"name": f"p-{i}", "labels": {"step": "0"}}}
                informer.cache.put(await gateway.create(PODS, namespace="default", body=body))
                visible.append(f"p-{i}" in held(informer))
            for i in range(0, 30, 2):
                await gateway.delete(PODS, namespace="default", name=f"p-{i}", grace_seconds=0)
            for i in range(1, 30, 2):
                await gateway.patch(
                    PODS, namespace="default", name=f"p-{i}", body={"metadata": {"labels": {"step": "1"}}}
                )
        await wait_until(lambda: held(informer) == {f"p-{i}": "1" for i in range(1, 30, 2)})
    assert visible == [True] * 30
    assert count > 2


async def test_the_informer_survives_a_restart_of_the_server():
    """It has the objects of the restarted server."""
    store = Store(None, now=lambda: datetime.now(UTC))
    store.create("pods", {**POD, "metadata": {"name": "p-1", "namespace": "default"}})
    async with embedded(store) as (server, port), informed(server.url) as informer:
        await wait_until(lambda: "p-1" in held(informer))
        await server.stop()
        store.delete("pods", "default", "p-1", grace=0)
        store.create("pods", {**POD, "metadata": {"name": "p-2", "namespace": "default"}})
        again = ApiServer(store, token="secret")
        await again.start(port=port)
        await wait_until(lambda: held(informer) == {"p-2": ""})
        await again.stop()
