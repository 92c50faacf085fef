"""Runs a cluster and an operator process for measurements, and observes them."""

import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from no_op_runtime import NoOpRuntime
from rich.console import Console

from localkube.cluster import LocalCluster
from toprung.kube.client import KubeClient, connect
from toprung.kube.resources import EXPERIMENTS, PODS

NAMESPACE = "toprung-bench"
CRDS = Path(__file__).parents[2] / "crds"
NOTES = Console(stderr=True)


@dataclass
class Bench:
    """A cluster to measure on.

    Attributes:
        writes: counts by the embedded API server: (verb, resource, subresource) -> writes; None on another cluster.
        figures: the recorded figures.
        write_counts: the writes of each run, in words.
    """

    gateway: KubeClient
    kubeconfig: Path
    image: str
    writes: Counter[tuple[str, str, str]] | None
    figures: list[dict[str, Any]] = field(default_factory=list)
    write_counts: list[str] = field(default_factory=list)

    def record(self, figure: str, measured: str, limit: str, *, met: bool) -> None:
        """Record and print a figure."""
        self.figures.append({"figure": figure, "measured": measured, "limit": limit, "met": met})
        NOTES.print(f"{figure}: {measured} (limit {limit})")

    def command(self, seconds: float, value: str, epochs: int = 1) -> list[str]:
        """Return the command of a trial."""
        if self.writes is not None:
            return ["noop", str(seconds), value, str(epochs)]
        each = f"sleep {seconds / epochs}; echo epoch=$i acc={value}"
        return ["sh", "-c", f"for i in $(seq {epochs}); do {each}; done"]

    async def apply(self, name: str, *, seconds: float = 0.0, epochs: int = 1, **spec: Any) -> dict[str, Any]:
        """Create an Experiment whose trials take this many seconds."""
        command = self.command(seconds, "0.${trial.index}", epochs)
        container = {"name": "main", "image": self.image, "command": command}
        body = {
            "apiVersion": "toprung.dev/v1alpha1",
            "kind": "Experiment",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                "objective": {"metric": "acc", "type": "maximize"},
                "parameters": [
                    {"name": f"p{number}", "type": "double", "min": 1e-4, "max": 1.0, "scale": "log"}
                    for number in range(4)
                ],
                "algorithm": {"seed": 1, "random": {}},
                "trialTemplate": {
                    "template": {"spec": {"terminationGracePeriodSeconds": 1, "containers": [container]}}
                },
                **spec,
            },
        }
        return await self.gateway.create(EXPERIMENTS, namespace=NAMESPACE, body=body)

    async def until(self, name: str, *conditions: str) -> dict[str, Any]:
        """Wait for one of the conditions."""
        while True:
            body = await self.gateway.get(EXPERIMENTS, namespace=NAMESPACE, name=name)
            true = {each["type"] for each in body.get("status", {}).get("conditions", ()) if each["status"] == "True"}
            if true & set(conditions):
                return body
            await asyncio.sleep(0.1)

    async def delete(self, name: str) -> None:
        """Delete an Experiment and wait until its Pods are gone."""
        await self.gateway.delete(EXPERIMENTS, namespace=NAMESPACE, name=name)
        while [page async for page in self.gateway.list(PODS, namespace=NAMESPACE) if page.items]:
            await asyncio.sleep(0.2)


@dataclass
class Watcher:
    """Collects Pod events: (seconds, event type, Pod)."""

    events: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)

    def creations(self) -> list[float]:
        """Return when Pods were created."""
        return [at for at, kind, _ in self.events if kind == "ADDED"]

    def ends(self) -> list[float]:
        """Return when the end of each Pod was first observed."""
        ends: dict[str, float] = {}
        for at, _, pod in self.events:
            if pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
                ends.setdefault(pod["metadata"]["name"], at)
        return sorted(ends.values())


@asynccontextmanager
async def watching(gateway: KubeClient) -> AsyncIterator[Watcher]:
    """Watch the Pods."""
    watcher, version = Watcher(), ""
    async for page in gateway.list(PODS, namespace=NAMESPACE):
        version = page.resource_version

    async def watch() -> None:
        async for event in gateway.watch(PODS, namespace=NAMESPACE, resource_version=version):
            if event["type"] != "BOOKMARK":
                watcher.events.append((time.perf_counter(), event["type"], event["object"]))

    task = asyncio.create_task(watch())
    await asyncio.sleep(0.1)
    try:
        yield watcher
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def operator(bench: Bench) -> AsyncIterator[int]:
    """Run the operator and yield its process id."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "toprung.cli", "operator", "--namespace", NAMESPACE, "--kubeconfig", bench.kubeconfig),
        stderr=asyncio.subprocess.DEVNULL,
    )
    await asyncio.sleep(4)
    try:
        yield process.pid
    finally:
        process.terminate()
        await process.wait()


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mebibytes(pid: int) -> float:
    """Return the resident memory of a process."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


@asynccontextmanager
async def open_cluster(image: str) -> AsyncIterator[Bench]:
    """Connect to the cluster of KUBECONFIG, or run an embedded one until the end of the block."""
    if "KUBECONFIG" in os.environ:
        async with await connect() as gateway:
            yield Bench(gateway, Path(os.environ["KUBECONFIG"]), image, None)
        return
    writes: Counter[tuple[str, str, str]] = Counter()

    def count(verb: str, resource: str, subresource: str, user_agent: str) -> None:
        if verb in ("create", "update", "patch", "delete") and user_agent.startswith("toprung/"):
            writes[verb, resource, subresource] += 1

    with tempfile.TemporaryDirectory() as folder:
        cluster = LocalCluster(Path(folder), gpus=0, crd_dir=CRDS, runtime=NoOpRuntime(), on_request=count)
        await cluster.start()
        try:
            async with await connect(cluster.kubeconfig_path) as gateway:
                yield Bench(gateway, cluster.kubeconfig_path, image, writes)
        finally:
            await cluster.stop()
