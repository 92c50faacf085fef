"""Translates error responses and failures of the Kubernetes API into `toprung.errors`."""

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
"""Characters shown of a response that is not a Status object, such as a proxy's page."""

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
    """Convert errors of the HTTP client and of the renewal of credentials to `ClusterUnavailable`."""
    try:
        yield
    except TimeoutError as error:
        raise ClusterUnavailable(f"{what}: no answer in time") from error
    except (aiohttp.ClientError, ApiException, ConfigException, OSError) as error:
        raise ClusterUnavailable(f"{what}: {error or type(error).__name__}") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ClusterUnavailable(f"{what}: the answer is not JSON: {error}") from error


async def raise_for_status(response: aiohttp.ClientResponse, what: str) -> None:
    """Raise the error of a response of 400 or above; its body is read and the connection released."""
    if response.status >= 400:  # noqa: PLR2004 - where HTTP's errors begin
        text = (await response.read()).decode(errors="replace")
        raise error_of(_status_object(text, response.status, what), retry_after(response.headers))


def error_of(status: Mapping[str, Any], seconds: float = 0.0) -> ClusterError:
    """Return the error for a Kubernetes Status object; an ERROR event of a watch has one too."""
    code, reason = int(status.get("code") or 0), str(status.get("reason") or "")
    seconds = seconds or float((status.get("details") or {}).get("retryAfterSeconds") or 0)
    kind = AlreadyExists if reason == "AlreadyExists" else _BY_STATUS.get(code) or _class_of(code)
    return kind(str(status.get("message") or reason or code), status=code, reason=reason, retry_after=seconds)


def retry_after(headers: Mapping[str, str]) -> float:
    """Return the seconds of the Retry-After header; 0 if it is missing or a date, which the API never sends."""
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
