"""Where kopf is met, and nowhere else: it sees the Experiments, logs in, answers probes and lives the process's life.

Handlers are `on.event` only: kopf then writes nothing (no annotations, no finalizers), and since a failed one is never
retried, they do nothing but note the body and queue its key.
"""

import asyncio
import gc
import logging
import os
from typing import Any

import kopf

from toprung.api.base import GROUP, VERSION
from toprung.service.app import App
from toprung.service.settings import Settings

logger = logging.getLogger(__name__)
RESOURCE = (GROUP, VERSION, "experiments")


def run_operator(settings: Settings) -> None:
    """Run the operator until it is told to end by SIGTERM or SIGINT.

    Raises:
        ClusterUnavailable: no cluster is configured.
    """
    gc.freeze()  # what was imported stays; looking through it again and again would cost half of a long listing
    gc.set_threshold(20_000, 20, 20)
    if settings.kubeconfig is not None:
        os.environ["KUBECONFIG"] = str(settings.kubeconfig)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    """Run kopf around the operator's own tasks; when one of those breaks, the process ends and is started anew."""
    stop = asyncio.Event()
    async with App.connect(settings) as app:
        work = asyncio.create_task(app.run())
        work.add_done_callback(lambda _: stop.set())
        try:
            await kopf.operator(
                registry=_registry(app),
                settings=_kopf_settings(),
                clusterwide=settings.namespace is None,
                namespaces=[settings.namespace] if settings.namespace is not None else [],
                standalone=True,
                liveness_endpoint=f"http://0.0.0.0:{settings.liveness_port}/healthz"
                if settings.liveness_port
                else None,
                stop_flag=stop,
            )
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        if not work.cancelled():
            work.result()


def _registry(app: App) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(_log_in)

    @kopf.on.event(*RESOURCE, registry=registry)
    async def _see(event: Any, **_: Any) -> None:
        app.see(event["type"], event["object"])

    return registry


def _liveness(settings: Settings) -> str | None:
    return f"http://0.0.0.0:{settings.liveness_port}/healthz" if settings.liveness_port else None


def _log_in(**kwargs: Any) -> kopf.ConnectionInfo | None:
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)


def _kopf_settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False  # our Events are posted after the write that they tell of
    settings.scanning.disabled = True  # a namespaced Role is enough then: CRDs and namespaces are not watched
    return settings
