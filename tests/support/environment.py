"""The environment of a scenario: a namespace in a cluster, an operator that serves it, and a client."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import sysconfig
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from aiohttp import ClientError, ClientSession

from toprung.errors import NotFound
from toprung.kube.client import KubeClient
from toprung.kube.resources import EVENTS, EXPERIMENTS, NAMESPACES, PODS, TRIALS, Resource

KUBECTL = Path(sysconfig.get_path("scripts")) / "kubectl"
QUOTAS = Resource("", "v1", "resourcequotas")
ERROR_WORDS = ("internal error", "Traceback", "never retrieved", "cannot be read")
MAX_IDLE_RECONCILIATIONS = 4
"""Reconciliations that an idle operator may make during `wait_until_idle`."""

Object = dict[str, Any]


class Proxy:
    """A TCP proxy between the operator and the API server, whose connections a test can break."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        self._cluster = config["clusters"][0]["cluster"]
        self._config = config
        self.kubeconfig = folder / "kubeconfig-of-the-proxy"
        self._open: set[asyncio.StreamWriter] = set()
        self._refusing = False
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        url = urlsplit(self._cluster["server"])
        self._target = (url.hostname, url.port)
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self._cluster["server"] = url._replace(netloc=f"127.0.0.1:{port}").geturl()
        self.kubeconfig.write_text(yaml.safe_dump(self._config))
        self.kubeconfig.chmod(0o600)

    def cut(self) -> None:
        """Break all connections and refuse new ones."""
        self._refusing = True
        for writer in self._open:
            writer.transport.abort()

    def restore(self) -> None:
        """Accept connections again."""
        self._refusing = False

    async def stop(self) -> None:
        self.cut()
        assert self._server is not None
        self._server.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        upstream_reader, upstream_writer = await asyncio.open_connection(*self._target)
        self._open |= {writer, upstream_writer}
        try:
            await asyncio.gather(_copy(reader, upstream_writer), _copy(upstream_reader, writer))
        finally:
            self._open -= {writer, upstream_writer}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


class Operator:
    """`toprung operator` as a process that restarts when it exits, as in a Deployment. All starts append to one log.

    Attributes:
        starts: the number of starts.
    """

    def __init__(self, kubeconfig: Path, log: Path, namespace: str | None = None) -> None:
        self.log = log
        self.starts = 0
        self._port = _free_port()
        self._command = [sys.executable, "-m", "toprung.cli", "operator", "--kubeconfig", str(kubeconfig)]
        self._command += ["--metrics-port", str(self._port)]
        if namespace is not None:
            self._command += ["--namespace", namespace]
        self._process: asyncio.subprocess.Process | None = None
        self._supervisor: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._supervisor = asyncio.create_task(self._supervise())

    async def stop(self) -> None:
        assert self._supervisor is not None
        self._supervisor.cancel()
        await asyncio.gather(self._supervisor, return_exceptions=True)
        self._signal(signal.SIGTERM)
        if self._process is not None:
            await self._process.wait()

    async def kill(self) -> None:
        """Send SIGKILL. The operator restarts."""
        self._signal(signal.SIGKILL)

    async def reconcile_count(self) -> float:
        """Return the number of reconciliations since the last start, or -1 without an answer."""
        try:
            async with ClientSession() as session, session.get(f"http://127.0.0.1:{self._port}/metrics") as response:
                metrics = await response.text()
        except ClientError:
            return -1
        count = next(
            (line for line in metrics.splitlines() if line.startswith("toprung_reconcile_seconds_count ")), "0"
        )
        return float(count.split()[-1])

    def error_lines(self) -> list[str]:
        """Return the lines of the log that report an internal error."""
        return [line for line in self.log.read_text().splitlines() if any(word in line for word in ERROR_WORDS)]

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _supervise(self) -> None:
        while True:
            with self.log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(*self._command, stderr=log, stdout=log)
            self.starts += 1
            await self._process.wait()
            await asyncio.sleep(0.2)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@dataclass(slots=True)
class Environment:
    """A namespace, and functions that create objects in it, read them and wait for them.

    Attributes:
        image: the image of the trials' containers. It needs `sh`.
        another_namespace: creates an environment in another namespace of the same cluster.
        timeout: seconds after which a wait fails.
        max_active_pods: by experiment, the most Pods that `wait_until_complete` saw running.
    """

    gateway: KubeClient
    kubeconfig: Path
    namespace: str
    image: str
    operator: Operator
    proxy: Proxy
    another_namespace: Callable[[], Awaitable[Environment]]
    timeout: float = 30.0
    max_active_pods: dict[str, int] = field(default_factory=dict)

    def experiment(self, program: str, *, name: str = "exp", container: Object | None = None, **spec: Any) -> Object:
        """Return an Experiment whose trials run a shell program. Its parameter `x` is an integer from 0 to 9."""
        main = {
            "name": "main",
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["sh", "-c", program],
            **(container or {}),
        }
        template = spec.pop("template", {})
        whole = {
            "objective": {"metric": "score", "type": "maximize"},
            "parameters": [{"name": "x", "type": "int", "min": 0, "max": 9}],
            "algorithm": {"seed": 7, "random": {}},
            "maxTrialCount": 3,
            **spec,
        }
        whole.setdefault("parallelTrialCount", min(2, whole["maxTrialCount"]))
        pod = {"terminationGracePeriodSeconds": 1, "containers": [main], **whole.pop("pod", {})}
        whole["trialTemplate"] = {"template": {"spec": pod}, **template}
        return {
            "apiVersion": "toprung.dev/v1alpha1",
            "kind": "Experiment",
            "metadata": {"name": name},
            "spec": whole,
        }

    async def apply(self, body: Object) -> Object:
        return await self.gateway.create(EXPERIMENTS, namespace=self.namespace, body=body)

    async def edit(self, name: str = "exp", **spec: Any) -> Object:
        return await self.gateway.patch(EXPERIMENTS, namespace=self.namespace, name=name, body={"spec": spec})

    async def get(self, name: str = "exp") -> Object:
        return await self.gateway.get(EXPERIMENTS, namespace=self.namespace, name=name)

    async def status(self, name: str = "exp") -> Object:
        return (await self.get(name)).get("status") or {}

    async def condition(self, kind: str, name: str = "exp") -> Object:
        """Return the condition of a type, or {}."""
        status = await self.status(name)
        return next((each for each in status.get("conditions", ()) if each["type"] == kind), {})

    async def objects(self, resource: Resource) -> list[Object]:
        pages = [page async for page in self.gateway.list(resource, namespace=self.namespace)]
        return [item for page in pages for item in page.items]

    async def trials(self, name: str = "exp") -> list[Object]:
        """Return the Trials of an Experiment, ordered by index."""
        all_trials = await self.objects(TRIALS)
        return sorted(
            (trial for trial in all_trials if trial["spec"]["experiment"] == name),
            key=lambda trial: trial["spec"]["index"],
        )

    async def trial(self, index: int = 0, name: str = "exp") -> Object:
        return await self.gateway.get(TRIALS, namespace=self.namespace, name=f"{name}-{index}")

    async def pods(self, name: str = "exp", *, alive: bool = False) -> dict[str, Object]:
        """Return the Pods of an Experiment by name. With `alive`, omit Pods that have ended."""
        return {
            pod["metadata"]["name"]: pod
            for pod in await self.objects(PODS)
            if pod["metadata"].get("labels", {}).get("toprung.dev/experiment") == name
            and not (alive and pod.get("status", {}).get("phase") in ("Succeeded", "Failed"))
        }

    async def events(self, reason: str = "") -> list[tuple[str, str, str]]:
        """Return the operator's Events as (object, reason, message)."""
        return sorted(
            (each["involvedObject"]["name"], each["reason"], each["message"])
            for each in await self.objects(EVENTS)
            if each.get("source", {}).get("component") == "toprung" and reason in ("", each["reason"])
        )

    async def wait_until(self, condition: Callable[[], Awaitable[Any]], what: str = "") -> Any:
        """Wait until the condition returns a true value, and return that value."""
        try:
            async with asyncio.timeout(self.timeout):
                while not (found := await condition()):
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"not within {self.timeout} s: {what}\n{await self.describe()}") from None
        return found

    async def wait_until_complete(self, name: str = "exp", *, done: str = "") -> Object:
        """Wait until an Experiment is complete and none of its Pods runs. Return its status.

        Args:
            name: of the Experiment.
            done: the start of `status.done`, such as "4/4".
        """

        async def completed() -> Object:
            alive = len(await self.pods(name, alive=True))
            self.max_active_pods[name] = max(alive, self.max_active_pods.get(name, 0))
            status = await self.status(name)
            return status if "completionTime" in status and status["done"].startswith(done) else {}

        status = await self.wait_until(completed, f"{name} is complete")

        async def no_pod_runs() -> bool:
            return not await self.pods(name, alive=True)

        await self.wait_until(no_pod_runs, f"no Pod of {name} runs")
        return status

    async def wait_for_condition(self, kind: str, reason: str, *, status: str = "True", name: str = "exp") -> Object:
        """Wait until a condition has a reason and a status, and return it."""

        async def matching() -> Object:
            found = await self.condition(kind, name)
            return found if (found.get("reason"), found.get("status")) == (reason, status) else {}

        return await self.wait_until(matching, f"{kind}={status} {reason}")

    async def wait_until_running(self, *names: str) -> None:
        """Wait until all these Pods run."""

        async def running() -> bool:
            pods = {pod["metadata"]["name"]: pod for pod in await self.objects(PODS)}
            return all(pods.get(name, {}).get("status", {}).get("phase") == "Running" for name in names)

        await self.wait_until(running, f"{names} run")

    async def wait_until_printed(self, pod: str, text: str) -> None:
        """Wait until the log of a Pod contains a text."""

        async def printed() -> bool:
            with suppress(NotFound):
                return text in await self.log(pod)
            return False

        await self.wait_until(printed, f"{pod} prints {text}")

    async def log(self, pod: str) -> str:
        """Return the output of `kubectl logs`."""
        return (await self.kubectl("logs", pod))[1]

    async def delete(self, resource: Resource, name: str) -> None:
        await self.gateway.delete(resource, namespace=self.namespace, name=name)

    async def is_gone(self, resource: Resource, name: str) -> bool:
        try:
            await self.gateway.get(resource, namespace=self.namespace, name=name)
        except NotFound:
            return True
        return False

    async def wait_until_idle(self, seconds: float = 1.5) -> None:
        """Wait until the operator writes nothing and hardly reconciles, for that many seconds."""

        async def versions() -> list[str]:
            bodies = [*await self.objects(EXPERIMENTS), *await self.objects(TRIALS), *await self.objects(PODS)]
            return [body["metadata"]["resourceVersion"] for body in bodies]

        async def idle() -> bool:
            before, count = await versions(), await self.operator.reconcile_count()
            await asyncio.sleep(seconds)
            reconciliations = await self.operator.reconcile_count() - count
            return before == await versions() and 0 <= reconciliations <= MAX_IDLE_RECONCILIATIONS

        await self.wait_until(idle, "the operator is idle")

    async def kubectl(self, *words: str, stdin: str = "") -> tuple[int, str]:
        """Run kubectl in the namespace and return its exit code and output."""
        process = await asyncio.create_subprocess_exec(
            KUBECTL,
            *("--namespace", self.namespace, *words),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(self.kubeconfig.parent)},
        )
        output, _ = await process.communicate(stdin.encode())
        return process.returncode or 0, output.decode()

    async def describe(self) -> str:
        """Return the state of all objects and the end of the operator's log, for the message of a failure."""
        lines = [f"--- {self.namespace}"]
        lines += [
            f"{body['kind']} {body['metadata']['name']}: {json.dumps(body.get('status'))[:1500]}"
            for body in (*await self.objects(EXPERIMENTS), *await self.objects(TRIALS))
        ]
        for pod in await self.objects(PODS):
            status = pod.get("status", {})
            lines.append(f"Pod {pod['metadata']['name']}: {status.get('phase')} {status.get('reason', '')}")
        lines += [f"Event {event}" for event in await self.events()]
        lines += ["--- operator", *self.operator.log.read_text().splitlines()[-15:]]
        return "\n".join(lines)


async def make_namespace(gateway: KubeClient, name: str) -> str:
    await gateway.create(NAMESPACES, namespace=None, body={"metadata": {"name": name}})
    return name


def scenario_parameters(*modules: Any) -> list[Any]:
    """Return the scenarios of modules as parameters of a test. The long ones are marked slow."""
    quick = [(each, ()) for module in modules for each in module.SCENARIOS]
    longer = [(each, (pytest.mark.slow,)) for module in modules for each in module.LONG_SCENARIOS]
    return [
        pytest.param(each, id=f"{each.__module__.rpartition('.')[2]}_{each.__name__}", marks=marks)
        for each, marks in (*quick, *longer)
    ]
