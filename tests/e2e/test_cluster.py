"""The client and the informer with a real API server."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from support.waiting import wait_until
from toprung.errors import AlreadyExists, ClusterUnavailable, Conflict, NotFound, Rejected
from toprung.kube.cache import Cache
from toprung.kube.client import KubeClient, connect
from toprung.kube.informer import Informer
from toprung.kube.resources import EVENTS, PODS, Resource
from toprung.objects.events import Event

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not os.environ.get("KUBECONFIG"), reason="KUBECONFIG names no cluster"),
]

NAMESPACES = Resource("", "v1", "namespaces")
CONFIG_MAPS = Resource("", "v1", "configmaps")
SELECTOR = "test=informer"


@pytest.fixture
async def gateway() -> AsyncIterator[KubeClient]:
    async with await connect() as gateway:
        yield gateway


@pytest.fixture
async def namespace(gateway: KubeClient) -> AsyncIterator[str]:
    """Create a namespace for the test."""
    name = f"toprung-e2e-{uuid.uuid4().hex[:8]}"
    await gateway.create(NAMESPACES, namespace=None, body={"metadata": {"name": name}})
    yield name
    await gateway.delete(NAMESPACES, namespace=None, name=name)


def config_map(name: str, step: str) -> dict:
    return {"metadata": {"name": name, "labels": {"test": "informer"}}, "data": {"step": step}}


async def test_errors_are_translated(gateway, namespace):
    """The errors of a real server become the classes that the operator distinguishes."""
    made = await gateway.create(CONFIG_MAPS, namespace=namespace, body=config_map("a", "0"))
    with pytest.raises(AlreadyExists):
        await gateway.create(CONFIG_MAPS, namespace=namespace, body=config_map("a", "0"))
    with pytest.raises(NotFound):
        await gateway.get(CONFIG_MAPS, namespace=namespace, name="b")
    with pytest.raises(Rejected, match="containers"):
        await gateway.create(PODS, namespace=namespace, body={"metadata": {"name": "p"}, "spec": {}})
    with pytest.raises(Conflict):
        await gateway.delete(CONFIG_MAPS, namespace=namespace, name="a", uid=str(uuid.uuid4()))
    await gateway.patch(CONFIG_MAPS, namespace=namespace, name="a", body={"data": {"step": "1"}})
    stale = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "data": {"step": "2"}}
    with pytest.raises(Conflict):
        await gateway.patch(CONFIG_MAPS, namespace=namespace, name="a", body=stale)
    # A new server still serves version 1, so no version is reliably too old. The answer to a malformed one is 500.
    with pytest.raises(ClusterUnavailable):
        _ = [event async for event in gateway.watch(CONFIG_MAPS, namespace=namespace, resource_version="x")]


async def test_an_event_is_created_once(gateway, namespace):
    """A real server accepts the Events, and a repeated request creates no second one."""
    made = await gateway.create(CONFIG_MAPS, namespace=namespace, body=config_map("a", "0"))
    involved = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "namespace": namespace,
        "name": "a",
        "uid": made["metadata"]["uid"],
    }
    event = Event(involved=involved, type="Warning", reason="Retrying", message="m" * 3000, key="1")
    for _ in range(2):
        await gateway.emit(event, now=datetime.now(UTC))
    pages = [page async for page in gateway.list(EVENTS, namespace=namespace)]
    assert [item["reason"] for page in pages for item in page.items] == ["Retrying"]


async def test_the_informer_follows_changes(gateway, namespace):
    """Creations, changes and deletions arrive. Own writes are visible immediately, and lists of several pages
    are complete.
    """
    cache = Cache(
        convert=lambda obj: (obj["metadata"]["name"], obj["data"]["step"]),
        index=lambda row: row[0][0],
        on_change=lambda *_: None,
    )

    def create(i: int):
        return gateway.create(CONFIG_MAPS, namespace=namespace, body=config_map(f"m-{i}", "0"))

    await asyncio.gather(*map(create, range(520)))
    informer = Informer(gateway, CONFIG_MAPS, cache=cache, namespace=namespace, label_selector=SELECTOR)
    task = asyncio.create_task(informer.run())
    async with asyncio.timeout(60):
        await informer.synced.wait()
        assert len(cache.of("m")) == 520
        cache.put(await gateway.patch(CONFIG_MAPS, namespace=namespace, name="m-0", body={"data": {"step": "1"}}))
        assert cache.get(namespace, "m-0") == ("m-0", "1")
        await gateway.delete(CONFIG_MAPS, namespace=namespace, name="m-1")
        await create(520)
        # An object that leaves the selector counts as deleted for a watch with that selector.
        await gateway.patch(CONFIG_MAPS, namespace=namespace, name="m-2", body={"metadata": {"labels": {"test": None}}})
        expected = {f"m-{i}": "1" if i == 0 else "0" for i in range(521) if i not in (1, 2)}
        await wait_until(lambda: dict(cache.of("m")) == expected)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
