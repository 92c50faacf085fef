"""CRDs that are created, and deleted and recreated, while the operator runs, on the embedded cluster."""

import asyncio
import json
import socket
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import yaml

from localkube.cluster import LocalCluster
from toprung.errors import ClusterError, NotFound
from toprung.kube.client import connect
from toprung.kube.resources import EXPERIMENTS, Resource

CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions")
DEFINITIONS = [yaml.safe_load(path.read_text()) for path in sorted((Path(__file__).parents[2] / "crds").glob("*.yaml"))]


def experiment(name: str) -> dict:
    """Return an Experiment with one trial that prints its metric."""
    container = {"name": "main", "image": "none", "command": ["sh", "-c", "echo loss=0.5"]}
    return {
        "apiVersion": "toprung.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "objective": {"metric": "loss", "type": "minimize"},
            "parameters": [{"name": "x", "type": "double", "min": 0, "max": 1}],
            "algorithm": {"random": {}},
            "maxTrialCount": 1,
            "trialTemplate": {"template": {"spec": {"containers": [container]}}},
        },
    }


def free_port() -> int:
    """Return a port without a listener."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@asynccontextmanager
async def deployed(kubeconfig: Path, port: int):
    """Run the operator, and restart it when it exits, as a Deployment does."""

    async def run() -> None:
        while True:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "toprung.cli", "operator"),
                *("--kubeconfig", str(kubeconfig), "--liveness-port", str(port)),
                stderr=asyncio.subprocess.DEVNULL,
            )
            try:
                await process.wait()
            finally:
                with suppress(ProcessLookupError):
                    process.kill()

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def readiness(port: int) -> str:
    """Return the reason in the answer of /readyz. Wait until the server answers."""

    def fetch() -> str:
        try:
            with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as response:
                return json.loads(response.read())["reason"]
        except HTTPError as error:
            with error:
                return json.loads(error.read())["reason"]

    while True:
        with suppress(URLError):
            return await asyncio.to_thread(fetch)
        await asyncio.sleep(0.2)


async def ready(port: int, reason: str) -> None:
    """Wait until /readyz returns a reason."""
    while await readiness(port) != reason:
        await asyncio.sleep(0.2)


async def create_definitions(gateway) -> None:
    """Create the CRDs and wait until they are served."""
    for body in DEFINITIONS:
        await gateway.apply(CRDS, namespace=None, name=body["metadata"]["name"], body=body)
    while True:
        with suppress(ClusterError):
            await anext(gateway.list(EXPERIMENTS, namespace="default"))
            return
        await asyncio.sleep(0.1)


async def complete_an_experiment(gateway, name: str) -> None:
    """Create an Experiment and wait until it is complete."""
    await gateway.create(EXPERIMENTS, namespace="default", body=experiment(name))
    while "completionTime" not in (await gateway.get(EXPERIMENTS, namespace="default", name=name)).get("status", {}):
        await asyncio.sleep(0.2)


async def test_crds_may_be_created_and_recreated_while_the_operator_runs(tmp_path):
    """Experiments are served each time, and the readiness probe reports when none can be."""
    cluster, port = LocalCluster(tmp_path, gpus=0), free_port()
    await cluster.start()
    try:
        async with (
            asyncio.timeout(180),
            await connect(cluster.kubeconfig_path) as gateway,
            deployed(cluster.kubeconfig_path, port),
        ):
            await ready(port, "the CRDs are not installed")
            await create_definitions(gateway)
            await ready(port, "Experiments are served")
            await complete_an_experiment(gateway, "first")
            for body in DEFINITIONS:
                with suppress(NotFound):
                    await gateway.delete(CRDS, namespace=None, name=body["metadata"]["name"])
            await create_definitions(gateway)
            await complete_an_experiment(gateway, "second")
    finally:
        await cluster.stop()
