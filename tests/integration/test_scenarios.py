"""The operator's scenarios on the embedded cluster; one cluster and one operator serve them all."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from localkube.apiserver.fault_injection import InjectedFault
from localkube.apiserver.requests import RequestInfo
from localkube.cluster import LocalCluster
from scenarios import blocked, changes, crashes, ends, trials
from support.stage import Line, Operator, Stage, cases, make_namespace
from toprung.kube.client import KubeClient, connect
from toprung.kube.resources import NAMESPACES

CRDS = Path(__file__).parents[2] / "crds"
US = "scenario"
FAULTS = (
    InjectedFault(status=500),
    InjectedFault(status=500, after=True),
    InjectedFault(status=503),
    InjectedFault(status=409),
    InjectedFault(status=429),
    InjectedFault(drop=True),
    InjectedFault(drop=True, after=True),
    InjectedFault(delay=0.3),
)
pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Chaos:
    """Fails some of the operator's requests: every so-manieth, of its own client's or of kopf's too; or forbids some."""

    share: float = 0.0
    due: float = 0.0
    kopf: bool = False
    forbidden: Callable[[RequestInfo], bool] | None = None
    dice: random.Random = field(default_factory=lambda: random.Random(5))
    failed: int = 0

    def __call__(self, info: RequestInfo) -> InjectedFault | None:
        ours = info.user_agent.startswith("toprung/") or (self.kopf and info.user_agent.startswith("kopf"))
        if ours and self.forbidden is not None and self.forbidden(info):
            self.failed += 1
            return InjectedFault(status=403)
        self.due += self.share * ours
        if not ours or self.due < 1:
            return None
        self.due -= 1
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
async def gateway(cluster) -> AsyncIterator[KubeClient]:
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
    chaos.share, chaos.kopf, chaos.forbidden = 0.0, False, None
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
    chaos.share, chaos.kopf, chaos.failed, stage.patience = share, kopf, 0, 90
    await stage.apply(stage.experiment(crashes.EPOCHS, earlyStopping=trials.ASHA, maxTrialCount=8))
    await crashes.every_trial_once(stage, 8)
    assert chaos.failed >= int(8 * 3 * share), "a trial takes three requests at least"


@pytest.mark.parametrize(
    ("denied", "told"),
    [
        pytest.param(("trials", "exp-0"), {"pending": 1, "succeeded": 3}, id="a-trial-can-not-be-written"),
        pytest.param(("pods", "exp-0-1"), {"stopped": 1, "succeeded": 3}, id="a-pod-can-not-be-stopped"),
    ],
)
async def test_what_is_forbidden_for_good(stage, chaos, denied, told):
    """One object that the operator may not write holds up no other; the status is written, and says why, once."""
    chaos.failed = 0
    chaos.forbidden = lambda info: info.verb == "patch" and (info.resource, info.name) == denied
    program = '[ "$TOPRUNG_TRIAL" = exp-0 ] && { echo score=0.1; echo score=0; sleep 60; }; echo score=0.5'
    patience = {"patience": {"steps": 1}}
    await stage.apply(stage.experiment(program, maxTrialCount=4, parallelTrialCount=2, earlyStopping=patience))
    await stage.has_condition("Blocked", "Forbidden")

    async def as_told() -> bool:
        trials = (await stage.status())["trials"]
        return {state: trials[state] for state in told} == told

    await stage.until(as_told, f"the status says {told}")
    await asyncio.sleep(3)
    assert "completionTime" not in await stage.status()
    assert 2 <= chaos.failed <= 6, "it is tried again, but not at every pass"
    assert [event[0] for event in await stage.events("Forbidden")] == ["exp"]
    chaos.forbidden = None
    status = await stage.ended()
    assert (status["trials"]["stopped"], status["trials"]["succeeded"]) == (1, 3)
    assert (await stage.condition("Blocked"))["status"] == "False"
