"""The operator's scenarios on the embedded cluster; one cluster and one operator serve them all."""

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from scenarios import ends, trials
from scenarios.stage import Operator, Stage, make_namespace
from toprung.cluster.gateway import Gateway, connect
from toprung.cluster.resources import NAMESPACES
from toprung.local.cluster import LocalCluster

CRDS = Path(__file__).parents[2] / "crds"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("scenarios")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(folder) -> AsyncIterator[LocalCluster]:
    cluster = LocalCluster(folder, gpus=8, crd_dir=CRDS)
    await cluster.start()
    yield cluster
    await cluster.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(cluster) -> AsyncIterator[Gateway]:
    async with await connect(cluster.kubeconfig_path) as gateway:
        yield gateway


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def operator(cluster, folder) -> AsyncIterator[Operator]:
    operator = Operator(cluster.kubeconfig_path, folder / "operator.log")
    await operator.start()
    yield operator
    await operator.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def stage(cluster, gateway, operator, request) -> AsyncIterator[Stage]:
    """A namespace of the scenario's own."""
    made, numbers = list[str](), itertools.count(1)
    base = request.node.callspec.id.replace("_", "-")

    async def another() -> Stage:
        made.append(await make_namespace(gateway, f"{base}-{next(numbers)}"))
        return Stage(gateway, cluster.kubeconfig_path, made[-1], "none", operator, another)

    yield await another()
    for name in made:
        await gateway.delete(NAMESPACES, namespace=None, name=name)
    assert operator.running, operator.log.read_text()[-4000:]
    assert not operator.defects()


def cases(*modules):
    quick = [pytest.param(each, id=each.__name__) for module in modules for each in module.SCENARIOS]
    longer = [
        pytest.param(each, id=each.__name__, marks=pytest.mark.slow)
        for module in modules
        for each in module.LONG_SCENARIOS
    ]
    return [*quick, *longer]


@pytest.mark.parametrize("scenario", cases(ends, trials))
async def test_scenario(stage, scenario):
    """What the scenario's own docstring says."""
    await scenario(stage)
