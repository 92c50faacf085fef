"""Adapts kopf: watches Experiments, supplies credentials, owns the process lifecycle.

This is the only module that imports kopf.

Handlers are `on.event` only: kopf then writes nothing (no annotations, no finalizers), and since a failed one is never
retried, they only record the body and enqueue its key.
"""

import asyncio
import gc
import json
import logging
import os
import sys
from typing import Any

import kopf
from kubernetes.aio.client import Configuration

from toprung.api.v1alpha1.base import GROUP, VERSION
from toprung.controller.manager import Manager
from toprung.controller.settings import Settings
from toprung.kube.auth import log_in
from toprung.kube.proxies import proxy_for

logger = logging.getLogger(__name__)

SWITCH_INTERVAL = 0.001
"""Seconds after which a thread that makes a large plan lets the event loop run."""
PAGE = 5
"""Experiments that are listed at once: each may have 1.5 MiB, and a page is decoded at once."""
RECURSION_LIMIT = 100_000
"""An API server stores objects that are nested 10,000 levels deep, in the Pod template for example. kopf decodes and
copies them; with Python's usual limit of 1,000, one such Experiment would end the operator at every start."""
DEEPEST = 10_010
"""Levels that must be decoded."""
RESOURCE = (GROUP, VERSION, "experiments")


def run_operator(settings: Settings) -> None:
    """Run the operator until SIGTERM or SIGINT.

    Raises:
        ClusterUnavailable: no cluster is configured.
    """
    sys.setswitchinterval(SWITCH_INTERVAL)
    allow_deep_objects()
    gc.freeze()  # what was imported stays; looking through it again and again would cost half of a long listing
    gc.set_threshold(20_000, 20, 20)
    asyncio.run(_serve(settings))


def allow_deep_objects() -> None:
    """Allow objects to be decoded as deep as an API server stores them; log a warning if Python cannot."""
    sys.setrecursionlimit(RECURSION_LIMIT)
    try:
        json.loads("[" * DEEPEST + "]" * DEEPEST)
    except RecursionError:  # the limit of Python 3.12 and 3.13 is fixed, and lower
        logger.warning(
            "a deeply nested Experiment ends this operator: use Python 3.11, as the image does. python=%s",
            sys.version.partition(" ")[0],
        )


async def _serve(settings: Settings) -> None:
    """Run kopf around the operator's own tasks; when one of those fails, the process ends and is restarted."""
    stop = asyncio.Event()
    async with Manager.connect(settings) as manager:
        manager.serve_ports()
        await manager.wait_until_served()
        work = asyncio.create_task(manager.run())
        work.add_done_callback(lambda _: stop.set())
        try:
            await kopf.operator(
                registry=_registry(manager, settings, work),
                settings=kopf_settings(),
                clusterwide=settings.namespace is None,
                namespaces=[settings.namespace] if settings.namespace is not None else [],
                standalone=True,
                stop_flag=stop,
            )
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        if not work.cancelled():
            work.result()


def _registry(manager: Manager, settings: Settings, work: asyncio.Task[None]) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    @kopf.on.cleanup(registry=registry)
    async def _end_work(**_: Any) -> None:
        work.cancel()  # kopf gives tasks that are not its own 5 seconds to end by themselves

    @kopf.on.login(registry=registry)
    async def _log_in(**_: Any) -> kopf.ConnectionInfo:
        return await connection_to(await log_in(kubeconfig=settings.kubeconfig, context=settings.context))

    @kopf.on.event(*RESOURCE, registry=registry)
    async def _on_experiment_event(event: Any, **_: Any) -> None:
        await manager.on_experiment_event(event["type"], event["object"])

    return registry


async def connection_to(configuration: Configuration) -> kopf.ConnectionInfo:
    """Build the connection of kopf: the same cluster and user as the client.

    Its own log-in takes a service account before any kubeconfig, knows no context, and needs the cluster's DNS.
    """
    credentials: dict[str, Any] = dict(await configuration.auth_settings())
    scheme, _, token = next((each["value"] for each in credentials.values()), "").partition(" ")
    return kopf.ConnectionInfo(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        ca_data=configuration.ca_cert_data,
        insecure=not configuration.verify_ssl,
        scheme=scheme or None,
        token=token or None,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
        proxy_url=configuration.proxy or proxy_for(configuration.host, os.environ),
    )


class _NoProgress(kopf.ProgressStorage):
    """Stores no progress of handlers: those of events have none. The usual storages copy each object several times."""

    def fetch(self, **_: Any) -> None:
        """Return that nothing is stored."""

    def store(self, **_: Any) -> None:
        """Store nothing."""

    def purge(self, **_: Any) -> None:
        """Remove nothing."""

    def touch(self, **_: Any) -> None:
        """Change nothing."""

    def clear(self, *, essence: Any) -> Any:
        """Return the argument: kopf stores nothing in it."""
        return essence


class _NoDiffs(kopf.DiffBaseStorage):
    """Stores no last state: handlers of events need none. The usual storages copy each object several times."""

    def build(self, **_: Any) -> Any:
        """Return an empty state."""
        return {}

    def fetch(self, **_: Any) -> None:
        """Return that nothing is stored."""

    def store(self, **_: Any) -> None:
        """Store nothing."""


def kopf_settings() -> kopf.OperatorSettings:
    """Return settings by which kopf writes nothing, and copies no object."""
    settings = kopf.OperatorSettings()
    settings.persistence.progress_storage = _NoProgress()
    settings.persistence.diffbase_storage = _NoDiffs()
    settings.watching.chunk_size = PAGE
    settings.posting.enabled = False  # the operator posts its Events after the write that they report
    settings.scanning.disabled = True  # a namespaced Role is enough then: CRDs and namespaces are not watched
    return settings
