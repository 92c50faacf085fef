"""Faults that tests inject into the API server: delays, error responses and broken connections."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from localkube import json_utils
from localkube.apiserver.errors import ApiError
from localkube.apiserver.requests import RequestInfo

_REASONS = {409: "Conflict", 410: "Expired", 429: "TooManyRequests", 503: "ServiceUnavailable", 504: "Timeout"}


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """A failure to simulate: wait `delay` seconds, then answer `status` instead of serving, or drop the connection.

    With `after` the request is served first and only its response is lost: the client cannot know that it succeeded.
    """

    delay: float = 0.0
    status: int = 0
    drop: bool = False
    after: bool = False


FaultHook = Callable[[RequestInfo], InjectedFault | None]


async def inject(
    request: web.BaseRequest, fault: InjectedFault, serve: Callable[[], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer a request by a fault; `serve` executes the request."""
    if fault.delay:
        await asyncio.sleep(fault.delay)
    served = await serve() if fault.after or not (fault.drop or fault.status) else None
    if fault.drop:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("dropped by fault injection")
    if fault.status:
        error = ApiError("injected fault")
        body = {**error.status(), "code": fault.status, "reason": _REASONS.get(fault.status, "InternalError")}
        return web.Response(
            body=json_utils.dumps(body), status=fault.status, headers={"Content-Type": "application/json"}
        )
    return served if served is not None else await serve()
