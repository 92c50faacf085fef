"""Translation of answers of the API server into errors."""

import asyncio
import json

import aiohttp
import pytest
from kubernetes.aio.config import ConfigException

from toprung.errors import AlreadyExists, ClusterUnavailable, Conflict, Forbidden, NotFound, Rejected
from toprung.kube.http_errors import error_of, retry_after, translated


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        pytest.param(400, "BadRequest", Rejected, id="malformed"),
        pytest.param(401, "Unauthorized", ClusterUnavailable, id="token expired"),
        pytest.param(403, "Forbidden", Forbidden, id="quota or RBAC"),
        pytest.param(404, "NotFound", NotFound, id="gone"),
        pytest.param(409, "AlreadyExists", AlreadyExists, id="exists"),
        pytest.param(409, "Conflict", Conflict, id="stale copy"),
        pytest.param(410, "Expired", ClusterUnavailable, id="history compacted"),
        pytest.param(422, "Invalid", Rejected, id="validation"),
        pytest.param(429, "TooManyRequests", ClusterUnavailable, id="throttled"),
        pytest.param(500, "InternalError", ClusterUnavailable, id="internal error"),
        pytest.param(503, "ServiceUnavailable", ClusterUnavailable, id="restarting"),
    ],
)
def test_a_status_becomes_an_error(code, reason, expected):
    """The code and the reason determine the class. The message is kept."""
    error = error_of({"kind": "Status", "code": code, "reason": reason, "message": "why"})
    assert type(error) is expected
    assert (str(error), error.status, error.reason) == ("why", code, reason)


@pytest.mark.parametrize(
    ("status", "header", "expected"),
    [
        pytest.param({"details": {"retryAfterSeconds": 3}}, 0.0, 3.0, id="in the Status"),
        pytest.param({"details": {"retryAfterSeconds": 3}}, 7.0, 7.0, id="the header wins"),
        pytest.param({"details": None}, 0.0, 0.0, id="nowhere"),
    ],
)
def test_retry_after_is_read_from_header_or_body(status, header, expected):
    """The header precedes the body."""
    assert error_of({"code": 429, **status}, header).retry_after == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("12", 12.0, id="seconds"),
        pytest.param("Fri, 20 Nov 2026 00:00:00 GMT", 0.0, id="a date"),
        pytest.param("-1", 0.0, id="negative"),
    ],
)
def test_retry_after_is_an_integer(value, expected):
    """Other values are ignored, as in client-go."""
    assert retry_after({"Retry-After": value}) == expected


@pytest.mark.parametrize(
    "raised",
    [
        pytest.param(TimeoutError(), id="timeout"),
        pytest.param(aiohttp.ServerTimeoutError(), id="aiohttp's timeout"),
        pytest.param(aiohttp.ServerDisconnectedError(), id="disconnected"),
        pytest.param(aiohttp.ClientPayloadError("cut"), id="answer cut short"),
        pytest.param(ConnectionResetError("reset"), id="reset"),
        pytest.param(json.JSONDecodeError("no", "x", 0), id="not JSON"),
        pytest.param(ConfigException("token file is empty"), id="credentials"),
    ],
)
def test_a_failed_request_is_a_retryable_error(raised):
    """The message has the request, and the cause is kept."""
    with pytest.raises(ClusterUnavailable, match="GET pods") as caught, translated("GET pods"):
        raise raised
    assert caught.value.__cause__ is raised


@pytest.mark.parametrize("raised", [asyncio.CancelledError(), KeyError("a defect")], ids=["cancelled", "defect"])
def test_other_exceptions_are_not_translated(raised):
    """Cancellation and internal errors are not errors of the cluster."""
    with pytest.raises(type(raised)), translated("GET pods"):
        raise raised
