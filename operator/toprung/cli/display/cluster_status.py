"""Reads and renders the status of an embedded cluster, for `toprung local status`."""

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
    """A row of the table: one Experiment."""

    namespace: str
    name: str
    state: str
    done: str
    running: int
    best: float | None


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """Status of an embedded cluster.

    Attributes:
        folder: the state folder.
        pid: process of the cluster, None if it is not running.
        address: URL of the API server, without its token.
        kubeconfig: path of the kubeconfig file.
        pods_running: number of running Pods, without the operator's.
    """

    folder: str
    pid: int | None = None
    address: str = ""
    kubeconfig: str = ""
    pods_running: int = 0
    gpus: int = 0
    gpus_free: int = 0
    experiments: tuple[ExperimentLine, ...] = ()


async def read_status(folder: StateFolder, pid: int) -> ClusterStatus:
    """Read the status of a running cluster.

    Raises:
        ClusterUnavailable: the API server does not respond.
    """
    async with await connect(folder.kubeconfig) as client:
        pods = [pod for pod in await _all(client, PODS) if not terminal(pod)]
        nodes = await _all(client, NODES)
        experiments = await _all(client, EXPERIMENTS)
    total = sum(int(node["status"]["allocatable"].get(GPU, 0)) for node in nodes)
    return ClusterStatus(
        folder=str(folder.path),
        pid=pid,
        address=_address(folder.kubeconfig),
        kubeconfig=str(folder.kubeconfig),
        pods_running=sum(pod["status"].get("phase") == "Running" for pod in pods if _is_user_pod(pod)),
        gpus=total,
        gpus_free=total - sum(len(assigned(pod)) for pod in pods),
        experiments=tuple(_line(each) for each in experiments),
    )


def render_status(status: ClusterStatus) -> RenderableType:
    """Return the status as text with a table of the Experiments."""
    return Group(*_parts(status))


async def _all(client: KubeClient, resource: Resource) -> list[KubernetesObject]:
    return [item async for page in client.list(resource) for item in page.items]


def _is_user_pod(pod: KubernetesObject) -> bool:
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


def _parts(status: ClusterStatus) -> Iterator[RenderableType]:
    if status.pid is None:
        yield Text.assemble(("down", "bold"), f"  {status.folder}; start it with `toprung local up`")
        return
    yield Text.assemble(("up", "bold green"), f"  {status.address}  process {status.pid}  {status.folder}")
    yield Text(f"export KUBECONFIG={status.kubeconfig}", "dim")
    yield Text(f"{status.pods_running} Pods running, {status.gpus_free} of {status.gpus} GPUs free")
    if status.experiments:
        yield _table(status.experiments)


def _table(lines: Sequence[ExperimentLine]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("NAMESPACE", "EXPERIMENT", "STATUS", "DONE", "RUNNING", "BEST"):
        table.add_column(name)
    for line in lines:
        state = Text(line.state, COLOURS.get(line.state, ""))
        table.add_row(line.namespace, line.name, state, line.done, str(line.running), number(line.best))
    return table
