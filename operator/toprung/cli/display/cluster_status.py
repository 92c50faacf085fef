"""How an embedded cluster stands: what `toprung local status` shows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from localkube.apiserver.pods import terminal
from localkube.node.gpus import GPU, assigned
from toprung.cli.display.format import number
from toprung.cli.display.table import COLOURS
from toprung.cli.embedded.host import NAMESPACE
from toprung.cli.embedded.state_dir import StateFolder
from toprung.kube.client import KubeClient, KubernetesObject, connect
from toprung.kube.resources import EXPERIMENTS, NODES, PODS, Resource


@dataclass(frozen=True, slots=True)
class ExperimentLine:
    """One Experiment as the table lists it."""

    namespace: str
    name: str
    state: str
    done: str
    running: int
    best: float | None


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """What there is to tell; a cluster that is not up has no process.

    Attributes:
        folder: the state folder.
        pid: the process that serves it, None where none does.
        address: of the API server, without the token that opens it.
        kubeconfig: path of the file by which kubectl finds it.
        pods_running: Pods of trials and of others, without the operator.
    """

    folder: str
    pid: int | None = None
    address: str = ""
    kubeconfig: str = ""
    pods_running: int = 0
    gpus: int = 0
    gpus_free: int = 0
    experiments: tuple[ExperimentLine, ...] = ()


async def look(folder: StateFolder, pid: int) -> ClusterStatus:
    """Ask a cluster that is up.

    Raises:
        ClusterUnavailable: it does not answer.
    """
    async with await connect(folder.kubeconfig) as gateway:
        pods = [pod for pod in await _all(gateway, PODS) if not terminal(pod)]
        nodes = await _all(gateway, NODES)
        experiments = await _all(gateway, EXPERIMENTS)
    total = sum(int(node["status"]["allocatable"].get(GPU, 0)) for node in nodes)
    return ClusterStatus(
        folder=str(folder.path),
        pid=pid,
        address=_address(folder.kubeconfig),
        kubeconfig=str(folder.kubeconfig),
        pods_running=sum(pod["status"].get("phase") == "Running" for pod in pods if _of_users(pod)),
        gpus=total,
        gpus_free=total - sum(len(assigned(pod)) for pod in pods),
        experiments=tuple(_line(each) for each in experiments),
    )


def standing_view(standing: ClusterStatus) -> RenderableType:
    """Draw it for people."""
    return Group(*_parts(standing))


async def _all(gateway: KubeClient, resource: Resource) -> list[KubernetesObject]:
    return [item async for page in gateway.list(resource) for item in page.items]


def _of_users(pod: KubernetesObject) -> bool:
    return bool(pod["metadata"]["namespace"] != NAMESPACE)


def _address(kubeconfig: Path) -> str:
    server = urlsplit(yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))["clusters"][0]["cluster"]["server"])
    return f"{server.scheme}://{server.netloc}"


def _line(experiment: KubernetesObject) -> ExperimentLine:
    metadata, status = experiment["metadata"], experiment.get("status") or {}
    return ExperimentLine(
        namespace=metadata["namespace"],
        name=metadata["name"],
        state=status.get("state") or "Pending",
        done=status.get("done") or f"0/{experiment['spec']['maxTrialCount']}",
        running=(status.get("trials") or {}).get("running", 0),
        best=(status.get("best") or {}).get("value"),
    )


def _parts(standing: ClusterStatus) -> Iterator[RenderableType]:
    if standing.pid is None:
        yield Text.assemble(("down", "bold"), f"  {standing.folder}; `toprung local up` starts it")
        return
    yield Text.assemble(("up", "bold green"), f"  {standing.address}  process {standing.pid}  {standing.folder}")
    yield Text(f"export KUBECONFIG={standing.kubeconfig}", "dim")
    yield Text(f"{standing.pods_running} Pods running, {standing.gpus_free} of {standing.gpus} GPUs free")
    if standing.experiments:
        yield _table(standing.experiments)


def _table(lines: Sequence[ExperimentLine]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("NAMESPACE", "EXPERIMENT", "STATUS", "DONE", "RUNNING", "BEST"):
        table.add_column(name)
    for line in lines:
        state = Text(line.state, COLOURS.get(line.state, ""))
        table.add_row(line.namespace, line.name, state, line.done, str(line.running), number(line.best))
    return table
