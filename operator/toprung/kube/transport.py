"""Sends HTTP requests to the API server by the client library's sessions, configured for thousands of streams."""

import json
import os
import socket
from asyncio.sslproto import SSLProtocol
from collections.abc import AsyncGenerator, Mapping
from importlib.metadata import version
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
from kubernetes.aio.client import Configuration
from kubernetes.aio.client.rest import RESTClientObject

from toprung.kube.http_errors import raise_for_status, translated
from toprung.kube.proxies import proxy_for
from toprung.kube.request_limits import RequestLimits

MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
"""YAML by its name; JSON is YAML."""
_JSON = "application/json"

_REQUEST_CONNECTIONS = 160
"""More than all 16 workers use with eight concurrent writes each: a namespace does not wait for others (ADR 41)."""
_REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=10)
_STREAM_READ_BUFFER = 16 * 1024
"""Bytes that aiohttp holds for a slow reader before it stops reading; double that at most."""
_STREAM_SOCKET_BUFFER = 64 * 1024
"""Bytes that the kernel holds; otherwise thousands of logs replayed at once arrive in pieces of 256 KiB each."""
_TLS_BUFFER = 8 * 1024
"""Bytes that asyncio reads at once from a TLS connection, and fills with zeros for each one beforehand: 256 KiB unless
told, which makes half a GiB of 2,000 idle streams. It can only be told for all of them (ADR 3)."""
_KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
"""Seconds until the first probe, between probes, and how many may be lost: a dead peer is seen after a minute."""

AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]


class Transport:
    """One server, two pools of connections: a bounded one for requests, an unbounded one for streams."""

    def __init__(self, configuration: Configuration) -> None:
        SSLProtocol.max_size = _TLS_BUFFER
        self._configuration = configuration
        self._requests = _Sessions(configuration, limit=_REQUEST_CONNECTIONS)
        self._streams = _Sessions(
            configuration, limit=0, read_buffer=_STREAM_READ_BUFFER, socket_buffer=_STREAM_SOCKET_BUFFER
        )
        self._limits = RequestLimits()
        host = urlsplit(configuration.host)
        self._server = f"{host.scheme}://{host.netloc}"  # for messages: a path may hold a token
        self._headers = {"Accept": _JSON, "User-Agent": f"toprung/{version('toprung')}"}

    async def close(self) -> None:
        """End every request and stream."""
        await self._requests.close()
        await self._streams.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = _JSON,
    ) -> Any:
        """Send one request and decode its answer.

        Raises:
            ClusterError: the subclass depends on the response.
        """
        what = f"{method} {self._server}{path}"
        async with self._limits.slot(path):
            with translated(what):
                response = await self._send(
                    self._requests, method, path, query or {}, _REQUEST_TIMEOUT, body=body, content_type=content_type
                )
                await raise_for_status(response, what)
                return json.loads(await response.read())

    async def read(self, path: str, *, query: Mapping[str, str | int]) -> bytes:
        """GET a resource and return its body, not decoded.

        Raises:
            ClusterError: the subclass depends on the response.
        """
        what = f"GET {self._server}{path}"
        async with self._limits.slot(path):
            with translated(what):
                response = await self._send(self._requests, "GET", path, query, _REQUEST_TIMEOUT)
                await raise_for_status(response, what)
                return await response.read()

    async def stream(
        self, path: str, *, query: Mapping[str, str | int], silence: float | None = None
    ) -> AsyncGenerator[bytes]:
        """GET a stream and yield its bytes as they come, until the server ends it.

        Args:
            path: URL path.
            query: URL parameters.
            silence: seconds without a byte after which the stream counts as broken; None: no limit.

        Raises:
            ClusterError: the server refused, or the connection broke.
        """
        what = f"GET {self._server}{path}"
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=silence)
        with translated(what):
            response = await self._send(self._streams, "GET", path, query, timeout)
            try:
                await raise_for_status(response, what)
                async for chunk in response.content.iter_any():
                    yield chunk
            finally:
                response.close()

    async def _send(
        self,
        sessions: "_Sessions",
        method: str,
        path: str,
        query: Mapping[str, str | int],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - passed on, not implemented
        **content: Any,
    ) -> aiohttp.ClientResponse:
        headers = {**self._headers, "Content-Type": content.pop("content_type", _JSON)}
        credentials: dict[str, Any] = dict(await self._configuration.auth_settings())
        for setting in credentials.values():
            headers[setting["key"]] = setting["value"]
        url = self._configuration.host + path + (f"?{urlencode(query)}" if query else "")
        answer = await sessions.request(method, url, headers, _request_timeout=timeout, **content)  # type: ignore[no-untyped-call]
        response: aiohttp.ClientResponse = answer.response
        return response


class _Sessions(RESTClientObject):
    """The client library's HTTP layer (TLS, proxy) with a pool and buffers of our choice."""

    def __init__(
        self, configuration: Configuration, *, limit: int, read_buffer: int = 2**16, socket_buffer: int = 0
    ) -> None:
        super().__init__(configuration)
        self.proxy = self.proxy or proxy_for(configuration.host, os.environ)
        self.maxsize = limit
        self._read_buffer = read_buffer
        self._socket_buffer = socket_buffer

    def _create_connector(self) -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(limit=self.maxsize, ssl=self.ssl_context, socket_factory=self._socket)

    def _create_pool_manager(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(connector=self._create_connector(), read_bufsize=self._read_buffer)

    def _socket(self, address: AddressInfo) -> socket.socket:
        created = socket.socket(*address[:3])
        created.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE.items():
            if hasattr(socket, option):  # not every system has all of them
                created.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
        if self._socket_buffer:
            created.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._socket_buffer)
        return created
