"""The operator's scenarios on a real cluster with a node. Each has its own namespace and operator.

TOPRUNG_TEST_IMAGE is an image with `sh` that the nodes have or can pull.
"""

import os
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scenarios import blocked, changes, crashes, ends, trials
from support.environment import Environment, Operator, Proxy, make_namespace, scenario_parameters
from toprung.kube.client import connect
from toprung.kube.resources import NAMESPACES

IMAGE = os.environ.get("TOPRUNG_TEST_IMAGE", "local/busybox:1")
TIMEOUT = 120.0
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not os.environ.get("KUBECONFIG"), reason="KUBECONFIG names no cluster"),
]


@pytest.fixture
async def env(tmp_path) -> AsyncIterator[Environment]:
    """Create a namespace with an operator that reaches the API server through a proxy."""
    kubeconfig = Path(os.environ["KUBECONFIG"])
    proxy, made, operators = Proxy(kubeconfig, tmp_path), list[str](), list[Operator]()
    await proxy.start()
    async with await connect(kubeconfig) as gateway:

        async def another_namespace() -> Environment:
            namespace = await make_namespace(gateway, f"toprung-scenario-{uuid.uuid4().hex[:8]}")
            made.append(namespace)
            operators.append(Operator(proxy.kubeconfig, tmp_path / f"{namespace}.log", namespace))
            await operators[-1].start()
            return Environment(gateway, kubeconfig, namespace, IMAGE, operators[-1], proxy, another_namespace, TIMEOUT)

        try:
            yield await another_namespace()
        finally:
            for operator in operators:
                await operator.stop()
            for namespace in made:
                await gateway.delete(NAMESPACES, namespace=None, name=namespace)
            await proxy.stop()
    assert [line for operator in operators for line in operator.error_lines()] == []


@pytest.mark.parametrize("scenario", scenario_parameters(ends, trials, changes, blocked, crashes))
async def test_scenario(env, scenario):
    """Run a scenario. Its docstring states the expected behaviour."""
    await scenario(env)


@pytest.mark.parametrize("scenario", [pytest.param(each, id=each.__name__) for each in blocked.REAL_SCENARIOS])
async def test_scenario_that_needs_a_kubelet(env, scenario):
    """Run a scenario. Its docstring states the expected behaviour."""
    await scenario(env)
