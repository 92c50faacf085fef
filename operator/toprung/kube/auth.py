"""Selects the cluster and its credentials."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config
from kubernetes.aio.config.incluster_config import SERVICE_HOST_ENV_NAME
from yaml import YAMLError

from toprung.errors import ClusterUnavailable

_RENEWAL_INTERVAL = 60.0
"""Seconds between reads of a kubeconfig's credentials: token file, exec plug-in, identity provider."""


async def log_in(*, kubeconfig: Path | None, context: str | None) -> Configuration:
    """Return the connection to the cluster: the file given, KUBECONFIG, the Pod's service account, ~/.kube/config.

    A `context` exists only in a file, so it leaves the service account out.

    Raises:
        ClusterUnavailable: none of them exists, or the first found is unusable; the message has the reason.
    """
    configuration = Configuration()
    source = _source(kubeconfig, context)
    try:
        if source is None:
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        else:
            loader = await load_kube_config(source, context, configuration, persist_config=False)  # type: ignore[no-untyped-call]
            configuration.refresh_api_key_hook = _renewal(loader.load_and_set)  # type: ignore[assignment]
    except (ConfigException, OSError, ValueError, TypeError, YAMLError) as error:
        raise ClusterUnavailable(f"{source or 'the service account of this Pod'}: {error}") from error
    return configuration


def _source(kubeconfig: Path | None, context: str | None) -> str | None:
    """Return the path (or paths) of the kubeconfig to read, None for the service account."""
    configured = str(kubeconfig) if kubeconfig else os.environ.get("KUBECONFIG", "")
    if not configured and not context and os.environ.get(SERVICE_HOST_ENV_NAME):
        return None
    source = configured or str(Path.home() / ".kube" / "config")
    if not any(path and Path(path).expanduser().is_file() for path in source.split(os.pathsep)):
        origin = (
            "--kubeconfig" if kubeconfig else "KUBECONFIG" if configured else "neither KUBECONFIG nor a Pod is set, and"
        )
        raise ClusterUnavailable(
            f"no cluster: {origin} {source} does not exist. Set --kubeconfig or KUBECONFIG to a kubeconfig file, or"
            " start a cluster on this machine with `toprung local up`."
        )
    return source


def _renewal(load: Callable[[Configuration], Awaitable[None]]) -> Callable[[Configuration], Awaitable[None]]:
    """Return a hook for every request that regularly reads the credentials again."""
    renewed = asyncio.get_running_loop().time()

    async def renew(configuration: Configuration) -> None:
        nonlocal renewed
        now = asyncio.get_running_loop().time()
        if now - renewed < _RENEWAL_INTERVAL:
            return
        renewed = now  # before the wait: the other requests continue with the old token meanwhile
        await load(configuration)

    return renew
