"""The HTTP server on loopback, in the process and the event loop that own the Store."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from localkube import VERSION, json_utils
from localkube.apiserver import discovery, openapi, requests
from localkube.apiserver.calls import Answer, Call, Stream
from localkube.apiserver.errors import ApiError, InternalError, NotFound, TooLarge, Unauthorized
from localkube.apiserver.fault_injection import FaultHook, inject
from localkube.apiserver.http_responses import failure_response, response, send_stream
from localkube.apiserver.log_source import LogSource
from localkube.apiserver.requests import Representation, RequestInfo
from localkube.apiserver.rest import Rest
from localkube.apiserver.store import Store

Object = dict[str, Any]
_TOKEN_PREFIX = "/token/"  # noqa: S105 - a path, not a token
_HEALTH = frozenset({"/healthz", "/readyz", "/livez"})
_MAX_BODY = 3 * 1024 * 1024
_CRDS = "customresourcedefinitions.apiextensions.k8s.io"
_LOGGER = logging.getLogger(__name__)
_MALFORMED = logging.getLogger(f"{__name__}.malformed")
_MALFORMED.setLevel(logging.CRITICAL)  # the HTTP library would log the request with a traceback


AuditHook = Callable[[str, str, str, str], None]


class ApiServer:
    """Serves a Store to kubectl, kopf and other clients that have the token.

    `crd_dir` is a folder of CustomResourceDefinitions (YAML) to create or update at the start. `on_request` receives
    (verb, resource, subresource, user agent) of every request on a resource. `faults` may choose a fault for a request
    (tests of clients).
    """

    def __init__(
        self,
        store: Store,
        *,
        token: str,
        crd_dir: Path | None = None,
        logs: LogSource | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        on_request: AuditHook | None = None,
        faults: FaultHook | None = None,
    ) -> None:
        self._store = store
        self._token = token
        self._crd_dir = crd_dir
        self._rest = Rest(store, logs=logs, now=now)
        self._on_request = on_request
        self._faults = faults
        self._runner: web.ServerRunner | None = None
        self._streams: set[asyncio.Task[Any]] = set()
        self.url = ""

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Load the definitions, listen, and return the port."""
        if self._crd_dir is not None:
            load_definitions(self._store, self._crd_dir)
        self._runner = web.ServerRunner(
            web.Server(
                self._handle, request_factory=_request, access_log=None, logger=_MALFORMED, handler_cancellation=True
            ),
            shutdown_timeout=1.0,
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        bound: int = self._runner.addresses[0][1]
        self.url = f"http://{host}:{bound}{_TOKEN_PREFIX}{self._token}"
        return bound

    async def stop(self) -> None:
        """Stop listening and end every connection, including watches. The Store stays open."""
        for stream in self._streams:
            stream.cancel()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def kubeconfig(self, *, token_in_url: bool = True) -> Object:
        """Return a kubeconfig for this server. It contains the token: restrict the file to its owner (mode 0600).

        kubectl sends no Authorization header over plain HTTP, so for kubectl the token is in the URL.
        """
        name = "localkube"
        server = self.url if token_in_url else self.url.partition(_TOKEN_PREFIX)[0]
        user = {} if token_in_url else {"token": self._token}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": server}}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "default"}}],
            "current-context": name,
        }

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._respond(request)
        except ApiError as error:
            return failure_response(error)
        except ConnectionError:
            raise
        except web.HTTPRequestEntityTooLarge:
            return failure_response(TooLarge(f"the body of the request is larger than {_MAX_BODY} bytes"))
        except Exception:
            _LOGGER.exception("%s %s failed", request.method, _without_token(request.path))
            return failure_response(InternalError("an error on the server has prevented the request from succeeding"))

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse:
        path = self._authenticated(request)
        if path in _HEALTH:
            return web.Response(text="ok")
        info = requests.parse(request.method, path, request.query, request.headers.get("User-Agent", ""))
        if not info.resource:
            return response(self._describe(request, info))
        if self._on_request is not None:
            self._on_request(info.verb, info.resource, info.subresource, info.user_agent)
        fault = self._faults(info) if self._faults is not None else None
        if fault is None:
            return await self._serve(request, info)
        return await inject(request, fault, lambda: self._serve(request, info))

    def _authenticated(self, request: web.BaseRequest) -> str:
        """Return the path without the token. The token may precede the path, for clients that send no Authorization
        header over plain HTTP.
        """
        given, path = request.headers.get("Authorization", "").removeprefix("Bearer "), request.path
        while path.startswith(_TOKEN_PREFIX):
            given, _, rest = path.removeprefix(_TOKEN_PREFIX).partition("/")
            path = f"/{rest}"
        sent = given.encode(errors="surrogateescape")
        if path not in _HEALTH and not hmac.compare_digest(sent, self._token.encode()):
            raise Unauthorized("Unauthorized")
        return path

    async def _serve(self, request: web.BaseRequest, info: RequestInfo) -> web.StreamResponse:
        content_type = request.headers.get("Content-Type", "")
        data = await request.read() if request.body_exists else b""
        body = requests.body(content_type, data) if data else None
        if (info.group, info.version, info.resource) == discovery.REVIEWS:
            return response(_review(body))
        call = Call(
            info=info,
            kind=self._store.registry.served(info.group, info.version, info.resource),
            wants=requests.accepted(request.headers.get("Accept", "")),
            content_type=content_type,
            body=body,
        )
        answer = self._rest.handle(call)
        return response(answer) if isinstance(answer, Answer) else await self._stream(request, answer)

    async def _stream(self, request: web.BaseRequest, answer: Stream) -> web.StreamResponse:
        task = asyncio.current_task()
        if task is None:
            raise InternalError("a request is served outside of a task")
        self._streams.add(task)
        try:
            return await send_stream(request, answer)
        finally:
            self._streams.discard(task)

    def _describe(self, request: web.BaseRequest, info: RequestInfo) -> Answer:  # noqa: PLR0911 - a route each
        """Return discovery, version and schema documents."""
        kinds, parts = list(self._store.registry), [part for part in info.path.split("/") if part]
        wants = requests.accepted(request.headers.get("Accept", ""))
        match parts:
            case ["api" | "apis"] if wants.as_ == "APIGroupDiscoveryList":
                return _aggregated(discovery.aggregated(kinds, core=parts[0] == "api"), wants)
            case ["api"]:
                return _json(discovery.core_versions())
            case ["apis"]:
                return _json(discovery.groups(kinds))
            case ["api", version]:
                return _json(discovery.resources(kinds, "", version))
            case ["apis", group]:
                return _json(discovery.group(kinds, group))
            case ["apis", group, version]:
                return _json(discovery.resources(kinds, group, version))
            case ["openapi", *rest]:
                return self._schemas(rest)
            case ["version"]:
                return _json(_VERSION)
        raise NotFound("the server could not find the requested resource")

    def _schemas(self, parts: list[str]) -> Answer:
        match parts:
            case ["v2"]:  # kubectl reads it for a List; an empty document delegates validation to the server
                return Answer(b"", content_type=openapi.V2_PROTOBUF)
            case ["v3"]:
                prefix = f"{_TOKEN_PREFIX}{self._token}"
                return _json(openapi.index(self._store.registry, self._store.registry.generation, prefix))
            case ["v3", *rest]:
                return _json(openapi.document(self._store.registry, "/".join(rest)))
        raise NotFound("the server could not find the requested resource")


_VERSION = {
    "major": "1",
    "minor": "37",
    "gitVersion": VERSION,
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "",
}


def load_definitions(store: Store, folder: Path) -> None:
    """Create or update every CustomResourceDefinition in the *.yaml files of a folder."""
    for file in sorted(folder.glob("*.yaml")):
        for definition in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            if definition and definition.get("kind") == "CustomResourceDefinition":
                known = store.exists(_CRDS, None, definition["metadata"]["name"])
                write = store.update if known else store.create
                write(_CRDS, definition)


def _request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=_MAX_BODY)


def _without_token(path: str) -> str:
    return f"/{path.removeprefix(_TOKEN_PREFIX).partition('/')[2]}" if path.startswith(_TOKEN_PREFIX) else path


def _review(body: Any) -> Answer:
    """Answer an access review: the token allows every request."""
    spec = body if isinstance(body, dict) else {}
    review = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", **spec}
    return Answer(json_utils.dumps({**review, "status": {"allowed": True}}), status=201)


def _json(value: Object) -> Answer:
    return Answer(json_utils.dumps(value))


def _aggregated(value: Object, wants: Representation) -> Answer:
    return Answer(
        json_utils.dumps(value), content_type=f"application/json;g={wants.group};v={wants.version};as={wants.as_}"
    )
