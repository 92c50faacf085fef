"""The operator's scenarios on the embedded cluster. All share one cluster and one operator."""

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
from support.environment import Environment, Operator, Proxy, make_namespace, scenario_parameters
from toprung.kube.client import KubeClient, connect
from toprung.kube.resources import NAMESPACES

CRDS = Path(__file__).parents[2] / "crds"
USER_AGENT = "scenario"
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
class FaultInjector:
    """Injects faults into a share of the operator's requests, and forbids some requests.

    Attributes:
        rate: the share of requests that fail.
        kopf: whether kopf's requests fail too, not only those of the operator's own client.
        forbidden: requests that receive a 403.
        injected_count: the number of injected faults.
    """

    rate: float = 0.0
    kopf: bool = False
    forbidden: Callable[[RequestInfo], bool] | None = None
    generator: random.Random = field(default_factory=lambda: random.Random(5))
    injected_count: int = 0
    _accumulated: float = 0.0

    def __call__(self, info: RequestInfo) -> InjectedFault | None:
        ours = info.user_agent.startswith("toprung/") or (self.kopf and info.user_agent.startswith("kopf"))
        if ours and self.forbidden is not None and self.forbidden(info):
            self.injected_count += 1
            return InjectedFault(status=403)
        self._accumulated += self.rate * ours
        if not ours or self._accumulated < 1:
            return None
        self._accumulated -= 1
        self.injected_count += 1
        return self.generator.choice(FAULTS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("scenarios")


@pytest.fixture(scope="module")
def faults() -> FaultInjector:
    return FaultInjector()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(folder, faults) -> AsyncIterator[LocalCluster]:
    cluster = LocalCluster(folder, gpus=8, crd_dir=CRDS, faults=faults)
    await cluster.start()
    yield cluster
    await cluster.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(cluster) -> AsyncIterator[KubeClient]:
    async with await connect(cluster.kubeconfig_path) as gateway:
        gateway._transport._headers["User-Agent"] = USER_AGENT
        yield gateway


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxy(cluster, folder) -> AsyncIterator[Proxy]:
    proxy = Proxy(cluster.kubeconfig_path, folder)
    await proxy.start()
    yield proxy
    await proxy.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def operator(proxy, folder) -> AsyncIterator[Operator]:
    operator = Operator(proxy.kubeconfig, folder / "operator.log")
    await operator.start()
    yield operator
    await operator.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def env(cluster, gateway, operator, proxy, faults, request) -> AsyncIterator[Environment]:  # noqa: PLR0917 - fixtures
    """Create a namespace for the scenario, and remove the faults and the namespace afterwards."""
    made, numbers = list[str](), itertools.count(1)
    base = request.node.name.partition("[")[2].rstrip("]").replace("_", "-")

    async def another_namespace() -> Environment:
        made.append(await make_namespace(gateway, f"{base}-{next(numbers)}"))
        return Environment(gateway, cluster.kubeconfig_path, made[-1], "none", operator, proxy, another_namespace)

    yield await another_namespace()
    faults.rate, faults.kopf, faults.forbidden = 0.0, False, None
    for name in made:
        await gateway.delete(NAMESPACES, namespace=None, name=name)
    assert not operator.error_lines()


@pytest.mark.parametrize("scenario", scenario_parameters(ends, trials, changes, blocked, crashes))
async def test_scenario(env, scenario):
    """Run a scenario. Its docstring states the expected behaviour."""
    await scenario(env)


@pytest.mark.parametrize(
    ("rate", "kopf"),
    [
        pytest.param(0.1, False, id="one-in-ten"),
        pytest.param(0.2, True, id="one-in-five-and-kopf", marks=pytest.mark.slow),
    ],
)
async def test_an_experiment_completes_although_requests_fail(env, faults, rate, kopf):
    """Each trial runs once although a share of the requests fails, before or after it takes effect."""
    faults.rate, faults.kopf, faults.injected_count, env.timeout = rate, kopf, 0, 90
    await env.apply(env.experiment(crashes.EPOCHS, earlyStopping=trials.ASHA, maxTrialCount=8))
    await crashes.check_each_trial_ran_once(env, 8)
    assert faults.injected_count >= int(8 * 3 * rate), "a trial needs at least three requests"


@pytest.mark.parametrize(
    ("denied", "counts"),
    [
        pytest.param(("trials", "exp-0"), {"pending": 1, "succeeded": 3}, id="trial-status"),
        pytest.param(("pods", "exp-0-1"), {"stopped": 1, "succeeded": 3}, id="stop-of-a-pod"),
    ],
)
async def test_an_object_that_cannot_be_written_blocks_no_other(env, faults, denied, counts):
    """The other trials complete, and the status and one Event report the denied write."""
    faults.injected_count = 0
    faults.forbidden = lambda info: info.verb == "patch" and (info.resource, info.name) == denied
    program = '[ "$TOPRUNG_TRIAL" = exp-0 ] && { echo score=0.1; echo score=0; sleep 60; }; echo score=0.5'
    patience = {"patience": {"steps": 1}}
    await env.apply(env.experiment(program, maxTrialCount=4, parallelTrialCount=2, earlyStopping=patience))
    await env.wait_for_condition("Blocked", "Forbidden")

    async def counted() -> bool:
        trials = (await env.status())["trials"]
        return {state: trials[state] for state in counts} == counts

    await env.wait_until(counted, f"the status has {counts}")
    await asyncio.sleep(3)
    assert "completionTime" not in await env.status()
    assert 2 <= faults.injected_count <= 6, "the write is repeated, but not at every reconciliation"
    assert [event[0] for event in await env.events("Forbidden")] == ["exp"]
    faults.forbidden = None
    status = await env.wait_until_complete()
    assert (status["trials"]["stopped"], status["trials"]["succeeded"]) == (1, 3)
    assert (await env.condition("Blocked"))["status"] == "False"
