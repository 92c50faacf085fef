"""The table of Pods, validated by the API server of KUBECONFIG."""

import os
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from kubernetes.aio import client
from kubernetes.aio.config import new_client_from_config

from support.pods import ACCEPTED, REFUSED, PodCase


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api() -> AsyncIterator[tuple[client.CoreV1Api, str]]:
    namespace = f"toprung-pods-{uuid.uuid4().hex[:8]}"
    async with await new_client_from_config() as api_client:
        core = client.CoreV1Api(api_client)
        await core.create_namespace({"metadata": {"name": namespace}})
        account = {"metadata": {"name": "default"}}
        try:
            await core.create_namespaced_service_account(namespace, account)
        except client.ApiException as error:
            assert error.status == 409  # noqa: PT017 - the controller was faster
        yield core, namespace
        await core.delete_namespace(namespace)


async def accepts(api: tuple[client.CoreV1Api, str], pod: dict[str, Any]) -> bool:
    core, namespace = api
    try:
        await core.create_namespaced_pod(namespace, pod, dry_run="All", field_validation="Strict")
    except client.ApiException as error:
        assert error.status in (400, 422)  # noqa: PT017
        return False
    return True


@pytest.mark.e2e
@pytest.mark.skipif(not os.environ.get("KUBECONFIG"), reason="needs a real cluster in KUBECONFIG")
@pytest.mark.asyncio(loop_scope="module")
class TestRealServer:
    """The tests of `toprung validate` and of the embedded API server use the same table."""

    @pytest.mark.parametrize("case", REFUSED, ids=str)
    async def test_an_invalid_pod_is_rejected(self, api: tuple[client.CoreV1Api, str], case: PodCase):
        """The status is 400 or 422. It is not the failure of an admission plug-in."""
        assert not await accepts(api, case.pod())

    @pytest.mark.parametrize("case", ACCEPTED, ids=str)
    async def test_a_valid_pod_is_accepted(self, api: tuple[client.CoreV1Api, str], case: PodCase):
        """A dry run accepts the Pod."""
        assert await accepts(api, case.pod())
