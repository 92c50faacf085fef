"""A client of an embedded API server."""

import aiohttp
import pytest

from support.api_server import (
    Client,
    serving,
)


@pytest.fixture
async def client():
    async with serving() as server, aiohttp.ClientSession() as session:
        made = Client(server, session)
        made.store = server._store
        yield made
