"""Where a scenario plays: a namespace of its own in some cluster, with an operator that serves it."""

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
DEFECTS = ("internal error", "Traceback", "never retrieved", "cannot be read")
FEW_PASSES = 4
"""Passes that an operator with nothing to do may make while one waits for it to settle."""

Object = dict[str, Any]


class Line:
    """The network between the operator and the API server, which may be cut."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        self._cluster = config["clusters"][0]["cluster"]
        self._config = config
        self.kubeconfig = folder / "kubeconfig-through-the-line"
        self._open: set[asyncio.StreamWriter] = set()
        self._dead = False
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        url = urlsplit(self._cluster["server"])
        self._target = (url.hostname, url.port)
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self._cluster["server"] = url._replace(netloc=f"127.0.0.1:{port}").geturl()
        self.kubeconfig.write_text(yaml.safe_dump(self._config))
        self.kubeconfig.chmod(0o600)

    def cut(self) -> None:
        """Break every connection and let none through."""
        self._dead = True
        for writer in self._open:
            writer.transport.abort()

    def mend(self) -> None:
        self._dead = False

    async def stop(self) -> None:
        self.cut()
        assert self._server is not None
        self._server.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._dead:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection(*self._target)
        self._open |= {writer, back}
        try:
            await asyncio.gather(_pump(reader, back), _pump(there, writer))
        finally:
            self._open -= {writer, back}


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


class Operator:
    """`toprung operator` as a process that is started again when it ends, as a Deployment does; its log is kept.

    Attributes:
        starts: how often it was started.
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
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        assert self._keeper is not None
        self._keeper.cancel()
        await asyncio.gather(self._keeper, return_exceptions=True)
        self._signal(signal.SIGTERM)
        if self._process is not None:
            await self._process.wait()

    async def kill(self) -> None:
        """End it with -9; another one follows."""
        self._signal(signal.SIGKILL)

    async def passes(self) -> float:
        """How many passes it has made since its start; -1 where it does not say."""
        try:
            async with ClientSession() as session, session.get(f"http://127.0.0.1:{self._port}/metrics") as answer:
                said = await answer.text()
        except ClientError:
            return -1
        count = next((line for line in said.splitlines() if line.startswith("toprung_reconcile_seconds_count ")), "0")
        return float(count.split()[-1])

    def defects(self) -> list[str]:
        """Lines of the log that should never be there."""
        return [line for line in self.log.read_text().splitlines() if any(word in line for word in DEFECTS)]

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _keep(self) -> None:
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
class Stage:
    """What a scenario is given.

    Attributes:
        image: what the trials' containers are made of; `sh` must be in it.
        patience: seconds after which a wait is given up, so that a test that hangs ends.
        real: whether a real kubelet runs the Pods.
        another: makes a stage in a further namespace of the same cluster.
    """

    gateway: KubeClient
    kubeconfig: Path
    namespace: str
    image: str
    operator: Operator
    line: Line
    another: Callable[[], Awaitable[Stage]]
    patience: float = 30.0
    real: bool = False
    most_alive: dict[str, int] = field(default_factory=dict)

    def experiment(self, program: str, *, name: str = "exp", container: Object | None = None, **spec: Any) -> Object:
        """An Experiment whose trials run a shell program with an int x of 0 to 9 as `${parameters.x}`."""
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
        """The condition of that type, {} where there is none."""
        status = await self.status(name)
        return next((each for each in status.get("conditions", ()) if each["type"] == kind), {})

    async def objects(self, resource: Resource) -> list[Object]:
        pages = [page async for page in self.gateway.list(resource, namespace=self.namespace)]
        return [item for page in pages for item in page.items]

    async def trials(self, name: str = "exp") -> list[Object]:
        """The Trials of an Experiment, by index."""
        all_trials = await self.objects(TRIALS)
        return sorted(
            (trial for trial in all_trials if trial["spec"]["experiment"] == name),
            key=lambda trial: trial["spec"]["index"],
        )

    async def trial(self, index: int = 0, name: str = "exp") -> Object:
        return await self.gateway.get(TRIALS, namespace=self.namespace, name=f"{name}-{index}")

    async def pods(self, name: str = "exp", *, alive: bool = False) -> dict[str, Object]:
        """The Pods of an Experiment by name; with `alive` those in which something may run."""
        return {
            pod["metadata"]["name"]: pod
            for pod in await self.objects(PODS)
            if pod["metadata"].get("labels", {}).get("toprung.dev/experiment") == name
            and not (alive and pod.get("status", {}).get("phase") in ("Succeeded", "Failed"))
        }

    async def events(self, reason: str = "") -> list[tuple[str, str, str]]:
        """The operator's Events as (object, reason, message)."""
        return sorted(
            (each["involvedObject"]["name"], each["reason"], each["message"])
            for each in await self.objects(EVENTS)
            if each.get("source", {}).get("component") == "toprung" and reason in ("", each["reason"])
        )

    async def until(self, condition: Callable[[], Awaitable[Any]], what: str = "") -> Any:
        """Wait until the condition gives something true, and give that."""
        try:
            async with asyncio.timeout(self.patience):
                while not (found := await condition()):
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"not within {self.patience} s: {what}\n{await self.tell()}") from None
        return found

    async def ended(self, name: str = "exp", *, done: str = "") -> Object:
        """Wait for the end of an Experiment (with so many trials done) and give its status; soon nothing of it runs."""

        async def over() -> Object:
            alive = len(await self.pods(name, alive=True))
            self.most_alive[name] = max(alive, self.most_alive.get(name, 0))
            status = await self.status(name)
            return status if "completionTime" in status and status["done"].startswith(done) else {}

        status = await self.until(over, f"the end of {name}")

        async def still() -> bool:
            return not await self.pods(name, alive=True)

        await self.until(still, f"no Pod of {name} runs")
        return status

    async def has_condition(self, kind: str, reason: str, *, status: str = "True", name: str = "exp") -> Object:
        """Wait until a condition has that reason and status."""

        async def there() -> Object:
            found = await self.condition(kind, name)
            return found if (found.get("reason"), found.get("status")) == (reason, status) else {}

        return await self.until(there, f"{kind}={status} {reason}")

    async def runs(self, *names: str) -> None:
        """Wait until these Pods run."""

        async def running() -> bool:
            pods = {pod["metadata"]["name"]: pod for pod in await self.objects(PODS)}
            return all(pods.get(name, {}).get("status", {}).get("phase") == "Running" for name in names)

        await self.until(running, f"{names} run")

    async def says(self, pod: str, word: str) -> None:
        """Wait until a Pod has printed the word."""

        async def said() -> bool:
            with suppress(NotFound):
                return word in await self.log(pod)
            return False

        await self.until(said, f"{pod} says {word}")

    async def log(self, pod: str) -> str:
        """What `kubectl logs` says."""
        return (await self.kubectl("logs", pod))[1]

    async def delete(self, resource: Resource, name: str) -> None:
        await self.gateway.delete(resource, namespace=self.namespace, name=name)

    async def is_gone(self, resource: Resource, name: str) -> bool:
        try:
            await self.gateway.get(resource, namespace=self.namespace, name=name)
        except NotFound:
            return True
        return False

    async def quiet(self, seconds: float = 1.5) -> None:
        """See that the operator has settled: it writes nothing, and hardly looks."""

        async def versions() -> list[str]:
            bodies = [*await self.objects(EXPERIMENTS), *await self.objects(TRIALS), *await self.objects(PODS)]
            return [body["metadata"]["resourceVersion"] for body in bodies]

        async def settled() -> bool:
            before, passes = await versions(), await self.operator.passes()
            await asyncio.sleep(seconds)
            return before == await versions() and 0 <= await self.operator.passes() - passes <= FEW_PASSES

        await self.until(settled, "the operator settles")

    async def kubectl(self, *words: str, stdin: str = "") -> tuple[int, str]:
        """Run kubectl in the namespace; gives its exit code and what it said."""
        process = await asyncio.create_subprocess_exec(
            KUBECTL,
            *("--namespace", self.namespace, *words),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(self.kubeconfig.parent)},
        )
        said, _ = await process.communicate(stdin.encode())
        return process.returncode or 0, said.decode()

    async def tell(self) -> str:
        """Everything there is, for the message of a scenario that failed."""
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


def cases(*modules: Any) -> list[Any]:
    """The scenarios of some modules as parameters of a test; the longer ones are marked slow."""
    quick = [(each, ()) for module in modules for each in module.SCENARIOS]
    longer = [(each, (pytest.mark.slow,)) for module in modules for each in module.LONG_SCENARIOS]
    return [
        pytest.param(each, id=f"{each.__module__.rpartition('.')[2]}_{each.__name__}", marks=marks)
        for each, marks in (*quick, *longer)
    ]
