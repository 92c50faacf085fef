"""The operator's scenarios on the embedded cluster; one cluster and one operator serve them all."""

import itertools
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from scenarios import blocked, changes, crashes, ends, trials
from scenarios.stage import Line, Operator, Stage, cases, make_namespace
from toprung.cluster.gateway import Gateway, connect
from toprung.cluster.resources import NAMESPACES
from toprung.local.cluster import LocalCluster
from toprung.local.requests import RequestInfo
from toprung.local.server import Fault

CRDS = Path(__file__).parents[2] / "crds"
US = "scenario"
FAULTS = (
    Fault(status=500),
    Fault(status=500, after=True),
    Fault(status=503),
    Fault(status=409),
    Fault(status=429),
    Fault(drop=True),
    Fault(drop=True, after=True),
    Fault(delay=0.3),
)
pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Chaos:
    """Fails some of the operator's requests: a share of them, of its own client's or of kopf's too."""

    share: float = 0.0
    kopf: bool = False
    dice: random.Random = field(default_factory=lambda: random.Random(5))
    failed: int = 0

    def __call__(self, info: RequestInfo) -> Fault | None:
        ours = info.user_agent.startswith("toprung/") or (self.kopf and info.user_agent.startswith("kopf"))
        if not ours or self.dice.random() >= self.share:
            return None
        self.failed += 1
        return self.dice.choice(FAULTS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("scenarios")


@pytest.fixture(scope="module")
def chaos() -> Chaos:
    return Chaos()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(folder, chaos) -> AsyncIterator[LocalCluster]:
    cluster = LocalCluster(folder, gpus=8, crd_dir=CRDS, faults=chaos)
    await cluster.start()
    yield cluster
    await cluster.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(cluster) -> AsyncIterator[Gateway]:
    async with await connect(cluster.kubeconfig_path) as gateway:
        gateway._transport._headers["User-Agent"] = US
        yield gateway


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def line(cluster, folder) -> AsyncIterator[Line]:
    line = Line(cluster.kubeconfig_path, folder)
    await line.start()
    yield line
    await line.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def operator(line, folder) -> AsyncIterator[Operator]:
    operator = Operator(line.kubeconfig, folder / "operator.log")
    await operator.start()
    yield operator
    await operator.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def stage(cluster, gateway, operator, line, chaos, request) -> AsyncIterator[Stage]:  # noqa: PLR0917 - fixtures
    """A namespace of the scenario's own."""
    made, numbers = list[str](), itertools.count(1)
    base = request.node.name.partition("[")[2].rstrip("]").replace("_", "-")

    async def another() -> Stage:
        made.append(await make_namespace(gateway, f"{base}-{next(numbers)}"))
        return Stage(gateway, cluster.kubeconfig_path, made[-1], "none", operator, line, another)

    yield await another()
    chaos.share, chaos.kopf = 0.0, False
    for name in made:
        await gateway.delete(NAMESPACES, namespace=None, name=name)
    assert not operator.defects()


@pytest.mark.parametrize("scenario", cases(ends, trials, changes, blocked, crashes))
async def test_scenario(stage, scenario):
    """What the scenario's own docstring says."""
    await scenario(stage)


@pytest.mark.parametrize(
    ("share", "kopf"),
    [
        pytest.param(0.1, False, id="a-tenth"),
        pytest.param(0.2, True, id="a-fifth-and-kopf-s-too", marks=pytest.mark.slow),
    ],
)
async def test_faults_of_the_api(stage, chaos, share, kopf):
    """Whatever share of its requests fails, before or after they took effect, the operator does what it should."""
    chaos.share, chaos.kopf, stage.patience = share, kopf, 90
    await stage.apply(stage.experiment(crashes.EPOCHS, earlyStopping=trials.ASHA, maxTrialCount=8))
    await crashes.every_trial_once(stage, 8)
    assert chaos.failed > 3
