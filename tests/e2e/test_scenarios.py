"""The operator's scenarios on a real cluster with a node; each has a namespace and an operator of its own.

TOPRUNG_TEST_IMAGE names an image with `sh` that the nodes have or can pull.
"""

import os
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scenarios import blocked, changes, crashes, ends, trials
from support.stage import Line, Operator, Stage, cases, make_namespace
from toprung.kube.client import connect
from toprung.kube.resources import NAMESPACES

IMAGE = os.environ.get("TOPRUNG_TEST_IMAGE", "local/busybox:1")
PATIENCE = 120.0
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not os.environ.get("KUBECONFIG"), reason="KUBECONFIG names no cluster"),
]


@pytest.fixture
async def stage(tmp_path) -> AsyncIterator[Stage]:
    """A namespace with an operator behind a line that may be cut."""
    kubeconfig = Path(os.environ["KUBECONFIG"])
    line, made, operators = Line(kubeconfig, tmp_path), list[str](), list[Operator]()
    await line.start()
    async with await connect(kubeconfig) as gateway:

        async def another() -> Stage:
            namespace = await make_namespace(gateway, f"toprung-scenario-{uuid.uuid4().hex[:8]}")
            made.append(namespace)
            operators.append(Operator(line.kubeconfig, tmp_path / f"{namespace}.log", namespace))
            await operators[-1].start()
            return Stage(gateway, kubeconfig, namespace, IMAGE, operators[-1], line, another, PATIENCE, real=True)

        try:
            yield await another()
        finally:
            for operator in operators:
                await operator.stop()
            for namespace in made:
                await gateway.delete(NAMESPACES, namespace=None, name=namespace)
            await line.stop()
    assert not [defect for operator in operators for defect in operator.defects()]


@pytest.mark.parametrize("scenario", cases(ends, trials, changes, blocked, crashes))
async def test_scenario(stage, scenario):
    """What the scenario's own docstring says."""
    await scenario(stage)


@pytest.mark.parametrize("scenario", [pytest.param(each, id=each.__name__) for each in blocked.REAL_SCENARIOS])
async def test_scenario_of_a_real_node(stage, scenario):
    """What the scenario's own docstring says."""
    await scenario(stage)
