"""The table of manifests, judged by the embedded API server."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from kubernetes.aio.config import new_client_from_config_dict

from localkube.apiserver.server import ApiServer
from localkube.apiserver.store import Store
from support.server_contract import Judge, ManifestSuite, judging


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def judge() -> AsyncIterator[Judge]:
    server = ApiServer(Store(None, now=lambda: datetime.now(UTC)), token="secret")
    await server.start()
    try:
        async with (
            await new_client_from_config_dict(server.kubeconfig()) as api_client,
            judging(api_client, "manifests") as judge,
        ):
            yield judge
    finally:
        await server.stop()


@pytest.mark.asyncio(loop_scope="module")
class TestEmbeddedServer(ManifestSuite):
    """What the schemas say, as the embedded API server reads them."""
