"""Requests need the token, and it is never logged."""

import asyncio

import pytest

from support.api_server import (
    CONFIGS,
    TOKEN,
)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        pytest.param("/readyz", {}, 200, id="health"),
        pytest.param("/api", {}, 401, id="no-token"),
        pytest.param("/token/wrong/api", {}, 401, id="wrong-token-in-the-path"),
        pytest.param("/api", {"Authorization": "Bearer wrong"}, 401, id="wrong-token-in-the-header"),
        pytest.param("/api", {"Authorization": "Bearer correct-horse"}, 200, id="token"),
    ],
)
async def test_requests_need_the_token(client, path, headers, status):
    """Health is public; all other paths need the token, in the path or in a header."""
    base = client.server.url.split("/token/")[0]
    async with client.session.get(base + path, headers=headers) as answer:
        assert answer.status == status


@pytest.mark.parametrize("sent", [b"Bearer \xff\xfe", b"Bearer \xc3\xa9", b"Basic eDp5"])
async def test_an_authorization_that_is_no_token_is_unauthorized(client, sent):
    """Any bytes in the header are answered with 401."""
    host, port = client.server.url.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /api/v1/pods HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: " + sent + b"\r\n\r\n")
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("line", [b"GET /\xc3\xa9 HTTP/1.1", b"GET", b"\x00\x01", b"GET http:// HTTP/1.1"])
async def test_a_malformed_request_is_not_logged(client, caplog, line):
    """It is answered with 400 and not logged."""
    host, port = client.server.url.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    assert answer.split()[1] in {b"400", b"401"}
    assert caplog.text == ""


async def test_the_token_is_not_logged(client, caplog, monkeypatch):
    """A failure of the server is logged without the token in its URL."""
    monkeypatch.setattr(client.store, "entry", lambda *_: 1 / 0)
    status, _ = await client("GET", f"{CONFIGS}/a")
    assert (status, "ZeroDivisionError" in caplog.text) == (500, True)
    assert TOKEN not in caplog.text
