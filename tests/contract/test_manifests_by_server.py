"""The table of manifests, validated by the embedded API server."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from kubernetes.aio.config import new_client_from_config_dict

from localkube.apiserver.server import ApiServer
from localkube.apiserver.store import Store
from support.server_contract import ManifestClient, ManifestSuite, manifest_client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def manifests() -> AsyncIterator[ManifestClient]:
    server = ApiServer(Store(None, now=lambda: datetime.now(UTC)), token="secret")
    await server.start()
    try:
        async with (
            await new_client_from_config_dict(server.kubeconfig()) as api_client,
            manifest_client(api_client, "manifests") as client,
        ):
            yield client
    finally:
        await server.stop()


@pytest.mark.asyncio(loop_scope="module")
class TestEmbeddedServer(ManifestSuite):
    """The embedded API server evaluates the schemas and CEL rules as a real server does."""
