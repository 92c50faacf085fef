"""The table of manifests, validated by the API server of KUBECONFIG."""

import os
import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from kubernetes.aio.config import new_client_from_config

from support.server_contract import ManifestClient, ManifestSuite, manifest_client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def manifests() -> AsyncIterator[ManifestClient]:
    namespace = f"toprung-manifests-{uuid.uuid4().hex[:8]}"
    async with await new_client_from_config() as api_client, manifest_client(api_client, namespace) as client:
        yield client


@pytest.mark.e2e
@pytest.mark.skipif(not os.environ.get("KUBECONFIG"), reason="needs a real cluster in KUBECONFIG")
@pytest.mark.asyncio(loop_scope="module")
class TestRealServer(ManifestSuite):
    """The schemas compile within the server's CEL cost budget, and the server's answers are those of the table."""
