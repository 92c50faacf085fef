"""The client's requests, and its behaviour for invalid answers of a server."""

import asyncio
import json
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from kubernetes.aio.client import Configuration

from support.waiting import wait_until
from toprung.errors import ClusterUnavailable, Forbidden, Rejected
from toprung.kube.client import KubeClient, connect
from toprung.kube.resources import EXPERIMENTS, PODS, TRIALS
from toprung.kube.transport import Transport
from toprung.objects.events import Event


def app_of(handler) -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    return app


@asynccontextmanager
async def gateway_to(handler) -> AsyncIterator[KubeClient]:
    """Return a client whose server answers all requests with `handler`."""
    async with TestServer(app_of(handler)) as server:
        configuration = Configuration(
            host=f"http://127.0.0.1:{server.port}/token/hidden", api_key={"BearerToken": "Bearer t"}
        )
        async with KubeClient(Transport(configuration)) as gateway:
            yield gateway


class Recorder:
    """A server that returns the same JSON for all requests, and records them."""

    def __init__(self, answer: dict | None = None) -> None:
        self.answer = answer or {}
        self.seen: list[dict] = []

    async def serve(self, request: web.Request) -> web.Response:
        self.seen.append(
            {
                "line": f"{request.method} {request.path.removeprefix('/token/hidden')}",
                "query": dict(request.query),
                "type": request.content_type,
                "body": await request.json() if request.body_exists else None,
                "headers": request.headers,
            }
        )
        return web.json_response(self.answer)


EVENT = Event(
    involved={"apiVersion": "v1", "kind": "Pod", "namespace": "team", "name": "p", "uid": "u"},
    type="Normal",
    reason="TrialStarted",
    message="m",
    key="1",
)
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("call", "line", "content_type", "body"),
    [
        pytest.param(
            lambda g: g.get(EXPERIMENTS, namespace="team", name="mnist"),
            "GET /apis/toprung.dev/v1alpha1/namespaces/team/experiments/mnist",
            "application/json",
            None,
            id="get",
        ),
        pytest.param(
            lambda g: g.create(PODS, namespace="team", body={"a": 1}),
            "POST /api/v1/namespaces/team/pods",
            "application/json",
            {"a": 1},
            id="create",
        ),
        pytest.param(
            lambda g: g.patch(TRIALS, namespace="team", name="t", body={"status": None}, subresource="status"),
            "PATCH /apis/toprung.dev/v1alpha1/namespaces/team/trials/t/status",
            "application/merge-patch+json",
            {"status": None},
            id="merge patch",
        ),
        pytest.param(
            lambda g: g.delete(PODS, namespace="team", name="p", uid="u", grace_seconds=0),
            "DELETE /api/v1/namespaces/team/pods/p",
            "application/json",
            {
                "kind": "DeleteOptions",
                "apiVersion": "v1",
                "propagationPolicy": "Background",
                "preconditions": {"uid": "u"},
                "gracePeriodSeconds": 0,
            },
            id="delete by UID",
        ),
    ],
)
async def test_each_method_sends_its_request(call, line, content_type, body):
    """Each method requests the correct path with the correct body, user agent and credentials."""
    recorder = Recorder()
    async with gateway_to(recorder.serve) as gateway:
        await call(gateway)
    (seen,) = recorder.seen
    assert (seen["line"], seen["type"], seen["body"]) == (line, content_type, body)
    assert seen["headers"]["Authorization"] == "Bearer t"
    assert seen["headers"]["User-Agent"].startswith("toprung/")


async def test_a_list_is_read_page_by_page():
    """A list follows continue tokens to its last page, with the same selector."""
    queries = []

    async def serve(request):
        queries.append(dict(request.query))
        more = {"": "second", "second": "third"}.get(request.query.get("continue", ""), "")
        items = [{"metadata": {"name": request.query.get("continue", "first")}}]
        return web.json_response({"metadata": {"resourceVersion": "9", "continue": more}, "items": items})

    async with gateway_to(serve) as gateway:
        pages = [page async for page in gateway.list(PODS, label_selector="a=b")]
    assert [page.items[0]["metadata"]["name"] for page in pages] == ["first", "second", "third"]
    assert {page.resource_version for page in pages} == {"9"}
    assert {query["labelSelector"] for query in queries} == {"a=b"}
    assert max(int(query["limit"]) for query in queries) <= 500


def status_answer(code: int, **headers: str):
    async def serve(request):
        body = {"kind": "Status", "code": code, "reason": "Because", "message": "exceeded quota"}
        return web.json_response(body, status=code, headers=headers)

    return serve


async def page_answer(request):
    return web.Response(text="<html>nginx", status=502, content_type="text/html")


async def garbage_answer(request):
    return web.Response(body=b'{"half": ')


async def cut_answer(request):
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"half": ')
    request.transport.abort()
    return response


@pytest.mark.parametrize(
    ("serve", "expected", "message"),
    [
        pytest.param(status_answer(403), Forbidden, "exceeded quota", id="Status"),
        pytest.param(status_answer(422), Rejected, "exceeded quota", id="rejected"),
        pytest.param(page_answer, ClusterUnavailable, "502 <html>nginx", id="page of a proxy"),
        pytest.param(garbage_answer, ClusterUnavailable, "not JSON", id="garbage"),
        pytest.param(cut_answer, ClusterUnavailable, "GET http", id="cut short"),
    ],
)
async def test_an_invalid_answer_becomes_an_error(serve, expected, message):
    """The error belongs to the tree of errors, and contains no token of the server's URL."""
    async with gateway_to(serve) as gateway:
        with pytest.raises(expected, match=message) as caught:
            await gateway.get(PODS, namespace="team", name="p")
    assert "hidden" not in str(caught.value)


async def test_retry_after_is_part_of_the_error():
    """The caller reads the wait that the server requests."""
    async with gateway_to(status_answer(429, **{"Retry-After": "7"})) as gateway:
        with pytest.raises(ClusterUnavailable) as caught:
            await gateway.get(PODS, namespace="team", name="p")
    assert (caught.value.retry_after, caught.value.status) == (7.0, 429)


async def test_a_server_that_is_down_is_unavailable(tmp_path):
    """The message has the address."""
    port = unused_port()
    path = tmp_path / "config"
    path.write_text(
        json.dumps(
            {
                "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": ""}}],
                "current-context": "c",
            }
        )
    )
    async with await connect(path) as gateway:
        with pytest.raises(ClusterUnavailable, match=str(port)):
            await gateway.get(PODS, namespace="team", name="p")


def streaming(*chunks: bytes, abort: bool = False):
    async def serve(request):
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
            await asyncio.sleep(0.005)  # so that each chunk arrives separately
        if abort:
            request.transport.abort()
        return response

    return serve


def lines(*events: dict) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


ADDED = {"type": "ADDED", "object": {"metadata": {"name": "ä"}}}
BOOKMARK = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}}
BIG = {"type": "MODIFIED", "object": {"metadata": {"name": "big"}, "fill": "x" * 3_000_000}}


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        pytest.param([lines(ADDED, BOOKMARK)], [ADDED, BOOKMARK], id="two in one piece"),
        pytest.param([lines(ADDED)[:9], lines(ADDED)[9:20], lines(ADDED)[20:]], [ADDED], id="cut inside"),
        pytest.param([lines(ADDED)[:-1], b"\n"], [ADDED], id="newline on its own"),
        pytest.param([b"\n", lines(ADDED)], [ADDED], id="empty line"),
        pytest.param([lines(ADDED), lines(ADDED)[:9]], [ADDED], id="incomplete at the end"),
        pytest.param([lines(BIG, ADDED)], [BIG, ADDED], id="three megabytes"),
        pytest.param([], [], id="nothing"),
    ],
)
async def test_watch_reads_events(chunks, expected):
    """Events are the lines of the stream, for all sizes of chunks and lines."""
    async with gateway_to(streaming(*chunks)) as gateway:
        assert [event async for event in gateway.watch(PODS, resource_version="1")] == expected


@pytest.mark.parametrize(
    ("serve", "message"),
    [
        pytest.param(streaming(b'{"type": "ADD\n'), "not JSON", id="garbled line"),
        pytest.param(streaming(b"\xff\xfe\n"), "not JSON", id="no UTF-8"),
        pytest.param(streaming(b'["ADDED"]\n'), "is no event", id="another shape"),
        pytest.param(streaming(b"", abort=True), "GET http", id="reset"),
        pytest.param(
            streaming(lines({"type": "ERROR", "object": {"code": 410, "message": "too old"}})),
            "too old",
            id="ERROR event",
        ),
        pytest.param(status_answer(410), "exceeded", id="refused"),
    ],
)
async def test_a_broken_watch_raises_an_error(serve, message):
    """A watch with an invalid line or a lost connection never ends normally."""
    async with gateway_to(serve) as gateway:
        with pytest.raises(ClusterUnavailable, match=message):
            _ = [event async for event in gateway.watch(PODS, resource_version="1")]


async def test_a_silent_watch_times_out():
    """A lost peer is detected, because servers send bookmarks to watches."""

    async def serve(request):
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"x")
        return await asyncio.Event().wait()

    async with TestServer(app_of(serve)) as server:
        transport = Transport(Configuration(host=f"http://127.0.0.1:{server.port}"))
        async with aclosing(transport.stream("/watch", query={}, silence=0.05)) as chunks:
            assert await anext(chunks) == b"x"
            with pytest.raises(ClusterUnavailable, match="in time"):
                await anext(chunks)
        await transport.close()


async def test_a_log_is_returned_unchanged():
    """A log can contain any bytes. The request has the requested options."""
    content = [b"2026-01-02T12:00:00Z a=1\n", bytes(range(256)), b"no newline at the end"]
    queries = []

    async def serve(request):
        queries.append(dict(request.query))
        return await streaming(*content)(request)

    async with gateway_to(serve) as gateway:
        log = gateway.log(namespace="team", pod="p", container="train", since=NOON.replace(microsecond=900_000))
        assert b"".join([chunk async for chunk in log]) == b"".join(content)
    expected = {"container": "train", "follow": "true", "timestamps": "true", "sinceTime": "2026-01-02T12:00:00Z"}
    assert queries == [expected]


async def test_a_reader_that_leaves_closes_its_stream():
    """The server sees the end of an abandoned stream. Otherwise thousands of connections would accumulate."""
    closed = asyncio.Event()

    async def serve(request):
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"x\n")
        try:
            await asyncio.Event().wait()  # the test server cancels handlers whose client has left
        finally:
            closed.set()

    async with gateway_to(serve) as gateway:
        async with aclosing(gateway.log(namespace="team", pod="p", container="c")) as log:
            await anext(log)
        async with asyncio.timeout(10):
            await closed.wait()


async def test_an_existing_event_is_not_an_error():
    """A retry after a crash finds the Event of the first request."""
    seen = []

    async def serve(request):
        name = (await request.json())["metadata"]["name"]
        seen.append(name)
        if seen.count(name) > 1:
            return web.json_response({"kind": "Status", "code": 409, "reason": "AlreadyExists"}, status=409)
        return web.json_response({})

    async with gateway_to(serve) as gateway:
        await gateway.emit(EVENT, now=NOON)
        await gateway.emit(EVENT, now=NOON)
    assert seen == [EVENT.name] * 2


async def test_open_streams_do_not_delay_requests():
    """Many open logs leave connections for requests and for each other."""

    async def serve(request):
        if not request.path.endswith("/log"):
            return web.json_response({"ok": True})
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"x\n")
        return await asyncio.Event().wait()

    async with gateway_to(serve) as gateway:
        logs = [gateway.log(namespace="team", pod=f"p-{i}", container="c") for i in range(150)]
        async with asyncio.timeout(30):
            assert await asyncio.gather(*(anext(log) for log in logs)) == [b"x\n"] * 150
            assert await gateway.get(PODS, namespace="team", name="p") == {"ok": True}
        for log in logs:
            await log.aclose()


async def test_tls_connections_are_small():
    """The event loop reads the size of its TLS buffer from the constant that the client sets (ADR 3)."""
    async with gateway_to(Recorder().serve):
        loop = asyncio.get_running_loop()
        protocol = SSLProtocol(loop, asyncio.Protocol(), ssl.create_default_context(), loop.create_future())
    assert len(protocol._ssl_buffer) <= 16 * 1024


async def test_a_namespace_with_a_hanging_webhook_does_not_delay_another_one():
    """Creates in team-a hang until a create in team-b is answered."""
    answered, hanging = asyncio.Event(), []

    async def handler(request: web.Request) -> web.Response:
        if "/namespaces/team-a/" in request.path:
            hanging.append(request.path)
            await answered.wait()
        return web.json_response({"kind": "Pod"})

    async with gateway_to(handler) as gateway:
        creates = [asyncio.create_task(gateway.create(PODS, namespace="team-a", body={})) for _ in range(200)]
        await wait_until(lambda: hanging)
        async with asyncio.timeout(10):
            await gateway.create(PODS, namespace="team-b", body={})
        concurrent = len(hanging)
        answered.set()
        await asyncio.gather(*creates)
    assert (concurrent, len(hanging)) == (8, 200)
