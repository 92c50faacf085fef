"""The hooks of a server: its audit log and injected faults."""

import aiohttp
import pytest

from localkube.apiserver.fault_injection import InjectedFault
from support.api_server import CONFIGS, MERGE, PODS, Client, config, serving


async def test_requests_are_reported_to_the_audit_hook():
    """The hook receives each request on a resource, with its verb."""
    heard = []
    async with serving(on_request=lambda *call: heard.append(call)) as server, aiohttp.ClientSession() as session:
        client = Client(server, session)
        await client("GET", "/apis")
        await client("GET", PODS, **{"User-Agent": "me"})
        await client("PATCH", f"{PODS}/p/status", {}, **{"User-Agent": "me", **MERGE})
    assert heard == [("list", "pods", "", "me"), ("patch", "pods", "status", "me")]


@pytest.mark.parametrize(
    ("fault", "status", "made"),
    [(InjectedFault(status=429), 429, False), (InjectedFault(status=500), 500, False), (InjectedFault(status=500, after=True), 500, True), (InjectedFault(drop=True), 0, False), (InjectedFault(drop=True, after=True), 0, True), (InjectedFault(delay=0.001), 201, True)],
)  # fmt: skip
async def test_injected_faults(fault, status, made):
    """A fault before the request prevents it; one after it loses only the response."""
    async with (
        serving(faults=lambda info: fault if info.verb == "create" else None) as server,
        aiohttp.ClientSession() as session,
    ):
        try:
            code, _ = await Client(server, session)("POST", CONFIGS, config())
        except aiohttp.ClientError:
            code = 0
        assert (code, server._store.exists("configmaps", "default", "c")) == (status, made)
