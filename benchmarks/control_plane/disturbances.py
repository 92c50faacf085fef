"""Applies the noisy workloads to a cluster and performs their disturbances (workloads.Disturbance)."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cluster import NOTES
from processes import Operator, children
from workloads import Disturbance, Neighbour, Object

from toprung.errors import ClusterError, NotFound
from toprung.kube.client import KubeClient
from toprung.kube.resources import EXPERIMENTS, NAMESPACES, PODS, TRIALS
from toprung.timestamps import timestamp

LAST_INDEX = 999_999
"""The largest index of a Trial that the schema accepts."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The two namespaces of one measurement."""

    gateway: KubeClient
    noisy: str
    healthy: str
    image: str
    rejected: list[str] = field(default_factory=list)

    def with_image(self, body: Object) -> Object:
        """Return the Experiment with an image."""
        (container,) = body["spec"]["trialTemplate"]["template"]["spec"]["containers"]
        container |= {"image": self.image, "imagePullPolicy": "IfNotPresent"}
        return body

    def noisy_body(self, body: Object) -> Object:
        """Return a noisy Experiment whose programs leave the CPU to others, as if they ran on another node."""
        (container,) = body["spec"]["trialTemplate"]["template"]["spec"]["containers"]
        container["command"] = ["nice", "-n", "19", *container["command"]]
        return self.with_image(body)

    async def apply(self, bodies: list[Object]) -> list[Object]:
        """Create the noisy Experiments; rejected ones are recorded."""
        creating = (self.gateway.create(EXPERIMENTS, namespace=self.noisy, body=self.noisy_body(b)) for b in bodies)
        answers = await asyncio.gather(*creating, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                self.reject(answer)
        return [answer for answer in answers if isinstance(answer, dict)]

    def reject(self, error: BaseException) -> None:
        """Record and print a rejection by the API server."""
        NOTES.print(f"rejected: {str(error)[:300]}", markup=False)
        self.rejected.append(str(error))


@asynccontextmanager
async def namespaces(gateway: KubeClient) -> AsyncIterator[tuple[str, str]]:
    """Create two namespaces; delete them at the end and wait until they are gone, for two minutes at most."""
    suffix = f"{time.time_ns() // 10**6 % 10**8}"
    names = f"team-a-{suffix}", f"team-b-{suffix}"
    for name in names:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        await gateway.create(NAMESPACES, namespace=None, body=body)
    try:
        yield names
    finally:
        for name in names:
            with suppress(ClusterError):
                await gateway.delete(NAMESPACES, namespace=None, name=name)
        with suppress(NotFound, TimeoutError):
            async with asyncio.timeout(120 if "KUBECONFIG" in os.environ else 0.1):
                while await gateway.get(NAMESPACES, namespace=None, name=names[0]):
                    await asyncio.sleep(1)


async def disturb(ground: Ground, neighbour: Neighbour, made: list[Object], running: Operator) -> None:
    """Perform the disturbance of a workload, until cancelled."""
    if neighbour.disturbance == Disturbance.STOP_SEARCH:
        for pid in children(running.process.pid)[:1]:
            os.kill(pid, signal.SIGSTOP)
    for body in made:
        try:
            await _disturb(ground, neighbour.disturbance, body)
        except ClusterError as error:
            ground.reject(error)


async def _disturb(ground: Ground, kind: Disturbance, body: Object) -> None:
    name = body["metadata"]["name"]
    if kind == Disturbance.FORGED_PODS:
        await asyncio.gather(*(forge_pod(ground, name, number) for number in range(200)))
    elif kind == Disturbance.FORGED_TRIAL:
        await ground.gateway.create(TRIALS, namespace=ground.noisy, body=trial(body, LAST_INDEX))
    elif kind == Disturbance.DELETE_ALL:
        await asyncio.sleep(1)
        await ground.gateway.delete(EXPERIMENTS, namespace=ground.noisy, name=name)
    while kind == Disturbance.EDIT_STORM:
        change = {"metadata": {"labels": {"edited": str(time.time_ns())}}}
        await ground.gateway.patch(EXPERIMENTS, namespace=ground.noisy, name=name, body=change)


async def forge_pod(ground: Ground, name: str, number: int) -> None:
    """Create a Pod with the labels of a trial."""
    labels = {"app.kubernetes.io/managed-by": "toprung", "toprung.dev/experiment": name}
    labels |= {"toprung.dev/trial": f"{name}-0", "toprung.dev/attempt": str(number), "toprung.dev/index": "0"}
    container = {"name": "main", "image": ground.image, "command": ["sleep", "300"]}
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"forged-{number}", "labels": labels},
        "spec": {"nodeSelector": {"no": "where"}, "containers": [container]},
    }
    await ground.gateway.create(PODS, namespace=ground.noisy, body=body)


def trial(owner: Object, index: int) -> Object:
    """Return a Trial of an Experiment as the operator creates it."""
    name, parameters = owner["metadata"]["name"], owner["spec"]["parameters"]
    reference = {"apiVersion": owner["apiVersion"], "kind": "Experiment", "name": name, "controller": True}
    return {
        "apiVersion": owner["apiVersion"],
        "kind": "Trial",
        "metadata": {
            "name": f"{name}-{index}",
            "labels": {"app.kubernetes.io/managed-by": "toprung", "toprung.dev/experiment": name},
            "ownerReferences": [{**reference, "uid": owner["metadata"]["uid"]}],
        },
        "spec": {
            "experiment": name,
            "index": index,
            "bracket": 0,
            "parameters": {each["name"]: value_of(each, index) for each in parameters},
        },
    }


def value_of(parameter: Object, index: int) -> float | str:
    """Return a value of a parameter for the trial with this index."""
    if parameter["type"] == "categorical":
        return str(parameter["values"][index % len(parameter["values"])])
    return (index * 0.618) % 1


async def write_history(ground: Ground, owners: list[Object], count: int) -> None:
    """Write finished Trials of each Experiment, 50 at a time."""
    for owner in owners:
        for start in range(0, count, 50):
            indices = range(start, min(count, start + 50))
            await asyncio.gather(*(write_finished(ground, owner, index) for index in indices))


async def write_finished(ground: Ground, owner: Object, index: int) -> None:
    """Write one finished Trial."""
    body = trial(owner, index)
    await ground.gateway.create(TRIALS, namespace=ground.noisy, body=body)
    now = timestamp(datetime.now(UTC))
    best = {"step": 1, "value": (index * 0.31) % 1, "finite": True, "time": now, "metrics": {}}
    status = {"state": "Succeeded", "latest": best, "best": best, "completionTime": now}
    await ground.gateway.patch(
        TRIALS, namespace=ground.noisy, name=body["metadata"]["name"], body={"status": status}, subresource="status"
    )
