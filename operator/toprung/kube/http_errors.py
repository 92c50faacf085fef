"""Answers and failures of the Kubernetes API, in the words of `toprung.errors`."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import aiohttp
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.config import ConfigException

from toprung.errors import (
    AlreadyExists,
    ClusterError,
    ClusterUnavailable,
    Conflict,
    Forbidden,
    NotFound,
    Rejected,
)

_LONGEST_TEXT = 512
"""Characters of an answer that is no Status object (a proxy's page, say) that are worth showing."""

_BY_STATUS: Mapping[int, type[ClusterError]] = {
    401: ClusterUnavailable,  # an expired token is renewed within a minute
    403: Forbidden,
    404: NotFound,
    408: ClusterUnavailable,
    409: Conflict,
    410: ClusterUnavailable,  # the requested history is compacted: list again
    429: ClusterUnavailable,
}


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn what the HTTP client or the renewal of credentials raises into `ClusterUnavailable`."""
    try:
        yield
    except TimeoutError as error:
        raise ClusterUnavailable(f"{what}: no answer in time") from error
    except (aiohttp.ClientError, ApiException, ConfigException, OSError) as error:
        raise ClusterUnavailable(f"{what}: {error or type(error).__name__}") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ClusterUnavailable(f"{what}: the answer is not JSON: {error}") from error


async def raise_for_status(response: aiohttp.ClientResponse, what: str) -> None:
    """Raise the error that an answer of 400 or above stands for, its body read and the connection given back."""
    if response.status >= 400:  # noqa: PLR2004 - where HTTP's errors begin
        text = (await response.read()).decode(errors="replace")
        raise error_of(_status_object(text, response.status, what), retry_after(response.headers))


def error_of(status: Mapping[str, Any], seconds: float = 0.0) -> ClusterError:
    """The error for a Kubernetes Status object, which is also what a watch's ERROR event carries."""
    code, reason = int(status.get("code") or 0), str(status.get("reason") or "")
    seconds = seconds or float((status.get("details") or {}).get("retryAfterSeconds") or 0)
    kind = AlreadyExists if reason == "AlreadyExists" else _BY_STATUS.get(code) or _class_of(code)
    return kind(str(status.get("message") or reason or code), status=code, reason=reason, retry_after=seconds)


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds of the Retry-After header; 0 where it is missing or a date, which the API never sends."""
    value = headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else 0.0


def _class_of(code: int) -> type[ClusterError]:
    return Rejected if 400 <= code < 500 else ClusterUnavailable  # noqa: PLR2004 - HTTP's client errors


def _status_object(text: str, code: int, what: str) -> Mapping[str, Any]:
    try:
        status = json.loads(text)
    except json.JSONDecodeError:
        status = None
    if isinstance(status, dict) and status.get("kind") == "Status":
        return {"code": code, **status}
    return {"code": code, "message": f"{what}: {code} {text[:_LONGEST_TEXT].strip()}".rstrip()}
