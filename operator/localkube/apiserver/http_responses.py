"""Conversion of answers, streams and errors to responses of the HTTP library."""

from __future__ import annotations

import asyncio

from aiohttp import web

from localkube import json_utils
from localkube.apiserver.calls import Answer, Stream
from localkube.apiserver.errors import ApiError

_REFUSAL_SECONDS = 0.1


def response(answer: Answer) -> web.Response:
    """Return an answer as an HTTP response."""
    made = web.Response(body=answer.body, status=answer.status, headers={"Content-Type": answer.content_type})
    for warning in answer.warnings:
        made.headers.add("Warning", f"299 - {json_utils.shown(warning)}")
    return made


def failure_response(error: ApiError) -> web.Response:
    """Return an error as an HTTP response with a Status body."""
    headers = {"Content-Type": "application/json"}
    if error.code == 429:  # noqa: PLR2004
        headers["Retry-After"] = "1"
    return web.Response(body=json_utils.dumps(error.status()), status=error.code, headers=headers)


async def send_stream(request: web.BaseRequest, answer: Stream) -> web.StreamResponse:
    """Send chunks as they arrive.

    A source that may refuse can raise an ApiError within 0.1 s, before the response starts.
    """
    chunks = answer.chunks
    response = web.StreamResponse(headers={"Content-Type": answer.content_type})
    first = asyncio.ensure_future(anext(chunks, None))
    try:
        if answer.may_refuse:
            await asyncio.wait((first,), timeout=_REFUSAL_SECONDS)
            if first.done():
                first.result()
        await response.prepare(request)
        chunk = await first
        while chunk is not None:
            await response.write(chunk)
            chunk = await anext(chunks, None)
        await response.write_eof()
    except ConnectionError:
        pass
    finally:
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await chunks.aclose()  # type: ignore[attr-defined]
    return response
