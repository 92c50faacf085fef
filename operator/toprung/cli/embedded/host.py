"""An embedded cluster that runs the operator, for the duration of a context."""

import asyncio
import errno
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from localkube.apiserver.sqlite_journal import StoreBroken, StoreInUse
from localkube.cluster import LocalCluster, set_aside
from localkube.node.container_spec import host_environment
from localkube.state_dir import UnsafeFolder
from toprung.cli.embedded.state_dir import StateFolder, Unsafe
from toprung.errors import InternalError, NotFound, TopRungError
from toprung.kube.client import KubeClient, connect
from toprung.kube.resources import NAMESPACES, PODS

NAMESPACE = "toprung-system"
OPERATOR = "toprung-operator"
_START_TIMEOUT = 60.0
_POLL_INTERVAL = 0.03
_START_OVER = (
    "`toprung run --fresh` starts with an empty one and keeps the broken file beside it; "
    "`toprung local down --wipe` removes it."
)


@asynccontextmanager
async def host_cluster(
    folder: StateFolder, *, gpus: int | None, port: int = 0, fresh: bool = False
) -> AsyncIterator[KubeClient]:
    """Serve the folder from this process; at the end no process of the cluster is left.

    Args:
        folder: the state folder.
        gpus: number of GPUs; None: those of this machine.
        port: of the API server; 0: any free port.
        fresh: set a broken database aside and start with an empty one.

    Raises:
        AlreadyRunning: another process serves the folder.
        TopRungError: the folder cannot be served; the message names the correction.
    """
    with crd_folder() as definitions:
        environment = host_environment(excluded=("TOPRUNG_",), command="toprung")
        cluster = LocalCluster(folder.path, gpus=gpus, crd_dir=definitions, port=port, environment=environment)
        try:
            await _start(cluster, folder.path, fresh=fresh)
        except OSError as error:
            raise TopRungError(advice(error, folder.path, port)) from error
        except StoreBroken as error:
            raise TopRungError(f"{error} {_START_OVER}") from error
        except UnsafeFolder as error:
            raise Unsafe(f"{error} `--dir` names the folder.") from error
        except StoreInUse as error:
            raise TopRungError(str(error)) from error
        try:
            async with await connect(folder.kubeconfig) as client:
                await _start_operator(client, folder.operator_kubeconfig)
                yield client
        finally:
            await cluster.stop()


@contextmanager
def crd_folder() -> Iterator[Path]:
    """Yield the folder of CRDs, which exists as long as the context lasts.

    Raises:
        InternalError: the package was built without them.
    """
    packaged = files("toprung") / "crds"
    if packaged.is_dir():
        with as_file(packaged) as folder:
            yield folder
        return
    clone = Path(__file__).parents[4] / "crds"
    if not clone.is_dir():
        raise InternalError(f"no CRDs in the package and none in {clone}; reinstall toprung")
    yield clone


async def _start(cluster: LocalCluster, folder: Path, *, fresh: bool) -> None:
    try:
        await cluster.start()
    except StoreBroken:
        if not fresh:
            raise
        set_aside(folder)
        await cluster.start()


def operator_pod(kubeconfig: Path, working_dir: Path) -> dict[str, Any]:
    """Return the operator as a Pod of the cluster that it serves: the node restarts it when it dies."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": OPERATOR, "namespace": NAMESPACE, "labels": {"app.kubernetes.io/name": OPERATOR}},
        "spec": {
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 5,
            "containers": [
                {
                    "name": "operator",
                    "image": "toprung",
                    "command": [sys.executable, "-m", "toprung.cli", "operator"],
                    "workingDir": str(working_dir),
                    "env": [{"name": "KUBECONFIG", "value": str(kubeconfig)}],
                }
            ],
        },
    }


async def working_dir(client: KubeClient) -> str:
    """Return the folder in which a cluster's programs run: where the cluster was started."""
    pod = await client.get(PODS, namespace=NAMESPACE, name=OPERATOR)
    folder: str = pod["spec"]["containers"][0]["workingDir"]
    return folder


async def _start_operator(client: KubeClient, kubeconfig: Path) -> None:
    """Replace the operator's Pod. One of an earlier start is lost, and may name another interpreter."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    await client.apply(NAMESPACES, namespace=None, name=NAMESPACE, body=namespace)
    with suppress(NotFound):
        await client.delete(PODS, namespace=NAMESPACE, name=OPERATOR, grace_seconds=0)
    async with asyncio.timeout(_START_TIMEOUT):
        await wait_until(lambda: _phase_is(client, ""))
        await client.create(PODS, namespace=NAMESPACE, body=operator_pod(kubeconfig, Path.cwd()))
        await wait_until(lambda: _phase_is(client, "Running"))


async def _phase_is(client: KubeClient, phase: str) -> bool:
    """Return whether the operator's Pod is in that phase; "" means that it does not exist."""
    try:
        pod = await client.get(PODS, namespace=NAMESPACE, name=OPERATOR)
    except NotFound:
        return not phase
    return bool(pod["status"].get("phase") == phase)


async def wait_until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Poll a condition until it is true."""
    while not await holds():  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(_POLL_INTERVAL)


def advice(error: OSError, folder: Path, port: int) -> str:
    """Return in one line how to correct the error of a cluster that cannot be served."""
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use by another program; choose another one by --port, or leave it out"
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return f"{folder} cannot be written to ({error.strerror}); choose another folder by --dir"
    return f"the cluster cannot be served from {folder}: {error.strerror or error}"
