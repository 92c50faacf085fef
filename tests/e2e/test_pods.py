"""The tables of Pods, validated by the API server of KUBECONFIG."""

import os
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from kubernetes.aio import client
from kubernetes.aio.config import new_client_from_config

from support.accepted_pods import ACCEPTED
from support.pods import PodCase
from support.rejected_pods import REJECTED

JSON = {"Content-Type": "application/json", "Accept": "application/json"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api() -> AsyncIterator[tuple[client.ApiClient, str]]:
    namespace = f"toprung-pods-{uuid.uuid4().hex[:8]}"
    async with await new_client_from_config() as api_client:
        core = client.CoreV1Api(api_client)
        await core.create_namespace({"metadata": {"name": namespace}})
        account = {"metadata": {"name": "default"}}
        try:
            await core.create_namespaced_service_account(namespace, account)
        except client.ApiException as error:
            assert error.status == 409  # noqa: PT017 - the controller was faster
        yield api_client, namespace
        await core.delete_namespace(namespace)


async def status_of(api: tuple[client.ApiClient, str], pod: dict[str, Any]) -> int:
    """Create a Pod as a dry run and return the HTTP status. The typed client would validate the Pod itself."""
    api_client, namespace = api
    request = await api_client.param_serialize(
        "POST",
        f"/api/v1/namespaces/{namespace}/pods",
        query_params=[("dryRun", "All"), ("fieldValidation", "Strict")],
        header_params=dict(JSON),
        body=pod,
        auth_settings=["BearerToken"],
    )
    response = await api_client.call_api(*request)
    await response.read()
    return int(response.status)


@pytest.mark.e2e
@pytest.mark.skipif(not os.environ.get("KUBECONFIG"), reason="needs a real cluster in KUBECONFIG")
@pytest.mark.asyncio(loop_scope="module")
class TestRealServer:
    """The tests of `toprung validate` and of the embedded API server use the same tables."""

    @pytest.mark.parametrize("case", REJECTED, ids=str)
    async def test_an_invalid_pod_is_rejected(self, api: tuple[client.ApiClient, str], case: PodCase):
        """The status is 400 or 422. It is not the failure of an admission plug-in."""
        assert await status_of(api, case.pod()) in {400, 422}

    @pytest.mark.parametrize("case", ACCEPTED, ids=str)
    async def test_a_valid_pod_is_accepted(self, api: tuple[client.ApiClient, str], case: PodCase):
        """A dry run accepts the Pod."""
        assert await status_of(api, case.pod()) == 201
