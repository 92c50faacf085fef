"""Where a scenario plays: a namespace of its own in some cluster, with an operator that serves it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import sysconfig
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toprung.api.errors import NotFound
from toprung.cluster.gateway import Gateway
from toprung.cluster.resources import EVENTS, EXPERIMENTS, NAMESPACES, PODS, TRIALS, Resource

KUBECTL = Path(sysconfig.get_path("scripts")) / "kubectl"
QUOTAS = Resource("", "v1", "resourcequotas")
DEFECTS = ("a defect of the operator", "Traceback", "never retrieved", "can't be understood")
TERMINAL = ("Succeeded", "Stopped", "Failed")

Object = dict[str, Any]


class Operator:
    """`toprung operator` as a process that may be killed and started again; what it logs is kept."""

    def __init__(self, kubeconfig: Path, log: Path, namespace: str | None = None) -> None:
        self.log = log
        self._command = [sys.executable, "-m", "toprung.cli", "operator", "--kubeconfig", str(kubeconfig)]
        if namespace is not None:
            self._command += ["--namespace", namespace]
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(*self._command, stderr=log, stdout=log)

    async def stop(self, number: int = signal.SIGTERM) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.send_signal(number)
        await self._process.wait()

    async def kill(self) -> None:
        """End it with -9."""
        await self.stop(signal.SIGKILL)

    async def restart(self) -> None:
        """Kill it with -9 and start it anew, as a Deployment does."""
        await self.kill()
        await self.start()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    def defects(self) -> list[str]:
        """Lines of the log that should never be there."""
        return [line for line in self.log.read_text().splitlines() if any(word in line for word in DEFECTS)]


@dataclass(slots=True)
class Stage:
    """What a scenario is given.

    Attributes:
        image: what the trials' containers are made of; `sh` must be in it.
        patience: seconds after which a wait is given up, so that a test that hangs ends.
        real: whether a real kubelet runs the Pods.
        another: makes a stage in a further namespace of the same cluster.
    """

    gateway: Gateway
    kubeconfig: Path
    namespace: str
    image: str
    operator: Operator
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

    async def ended(self, name: str = "exp") -> Object:
        """Wait for the end of an Experiment and give its status; nothing of it runs any more soon after."""

        async def over() -> Object:
            alive = len(await self.pods(name, alive=True))
            self.most_alive[name] = max(alive, self.most_alive.get(name, 0))
            status = await self.status(name)
            return status if "completionTime" in status else {}

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
        """See that nobody writes the experiments or trials any more: the operator has settled."""

        async def versions() -> list[str]:
            bodies = [*await self.objects(EXPERIMENTS), *await self.objects(TRIALS), *await self.objects(PODS)]
            return [body["metadata"]["resourceVersion"] for body in bodies]

        async def settled() -> bool:
            before = await versions()
            await asyncio.sleep(seconds)
            return before == await versions()

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


async def make_namespace(gateway: Gateway, name: str) -> str:
    await gateway.create(NAMESPACES, namespace=None, body={"metadata": {"name": name}})
    return name
