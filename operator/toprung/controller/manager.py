"""Builds the operator from its parts, and runs them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, Self

from prometheus_client import CollectorRegistry

from toprung.api.names import MANAGED_BY
from toprung.controller.event_loop import LoopMonitor
from toprung.controller.experiment_cache import ExperimentCache
from toprung.controller.log_collection import LogCollection
from toprung.controller.node_models import NodeModels
from toprung.controller.pod_events import PodEvents
from toprung.controller.probes import serve_probes
from toprung.controller.reconciler import Reconciler
from toprung.controller.served_kinds import wait_until_served, watch_served
from toprung.controller.settings import Settings
from toprung.controller.suggestion_cache import SuggestionCache
from toprung.controller.telemetry import Telemetry
from toprung.controller.validation import Validator
from toprung.kube.cache import Cache
from toprung.kube.client import KubeClient, connect
from toprung.kube.informer import Informer
from toprung.kube.resources import PODS, TRIALS
from toprung.kube.work_queue import WorkQueue
from toprung.objects.owner_references import claimed_by
from toprung.objects.pod import PodRecord, pod_from
from toprung.objects.trial import TrialRecord
from toprung.objects.trial_json import trial_from
from toprung.search.process_pool import Limits, SearchPool

SELECTOR = "=".join(MANAGED_BY)
MAX_BACKOFF = 0.02
"""Seconds that an experiment backs off after a reconciliation: most of one is waiting for the API server, not work."""
WORKERS_PER_NAMESPACE = 4
"""Largest share of the workers that one namespace has: it waits for its own API calls, not for those of others."""


class Manager:
    """One operator in one event loop; made inside the loop that it runs in."""

    def __init__(self, client: KubeClient, pool: SearchPool, settings: Settings) -> None:
        self._settings = settings
        self._client = client
        self._pool = pool
        self._validator = Validator()
        self._experiments = ExperimentCache(settings.own_account, self._validator)
        self._queue = queue = WorkQueue(max_backoff=MAX_BACKOFF, per_namespace=WORKERS_PER_NAMESPACE)
        trials = Cache(
            convert=_living_trial,
            index=_experiment_key,
            on_change=self._on_change,
            claim=partial(claimed_by, "Experiment"),
        )
        pods = Cache(
            convert=partial(pod_from, accelerators=settings.accelerators),
            index=_experiment_key,
            on_change=self._on_change,
            claim=partial(claimed_by, "Trial"),
        )
        watch = partial(Informer, client, namespace=settings.namespace, label_selector=SELECTOR)
        self._informers = (watch(TRIALS, cache=trials), watch(PODS, cache=pods))
        self._monitor = LoopMonitor()
        self._telemetry = Telemetry(CollectorRegistry(), self._monitor)
        self._not_ready: str | None = "the caches are not synchronized"
        self._reconciler = Reconciler(
            client=client,
            experiments=self._experiments,
            trials=trials,
            pods=pods,
            log_collection=LogCollection(client, queue.add),
            suggestion_cache=SuggestionCache(pool, queue.add, self._experiments.get, trials.of, _now),
            queue=queue,
            telemetry=self._telemetry,
            nodes=NodeModels(client, _now),
            pod_events=PodEvents(client, queue.add),
            clock=_now,
        )

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncIterator[Self]:
        """Log in to the cluster and start the search pool; both are closed at the end.

        Raises:
            ClusterUnavailable: no cluster is configured.
        """
        pool = SearchPool(Limits(models=settings.search_processes, memory=settings.search_memory))
        try:
            async with await connect(settings.kubeconfig, settings.context) as client:
                yield cls(client, pool, settings)
        finally:
            await pool.close()

    async def on_experiment_event(self, kind: str | None, body: Mapping[str, Any]) -> None:
        """Record an Experiment: `kind` is the watch event's type, None at the first listing."""
        if kind != "DELETED":
            await self._validator.prepare(body)
        else:
            self._validator.forget(body)
        self._queue.add(self._experiments.put(body, deleted=kind == "DELETED"))

    def serve_ports(self) -> None:
        """Serve the probes and the metrics, each where a port is set."""
        if self._settings.liveness_port:
            serve_probes(self._settings.liveness_port, self._monitor, lambda: self._not_ready)
        if self._settings.metrics_port:
            self._telemetry.serve(self._settings.metrics_port)

    async def wait_until_served(self) -> None:
        """Wait until the API server serves the kinds of TopRung: the CRDs may be installed after the operator."""
        self._not_ready = "the CRDs are not installed"
        await wait_until_served(self._client)
        self._not_ready = "the caches are not synchronized"

    async def run(self) -> None:
        """Run until cancelled; reconciliations begin when the caches are complete.

        Raises:
            NotFound: the CRDs were deleted.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._monitor.run())
            tasks.create_task(watch_served(self._client))
            for informer in self._informers:
                tasks.create_task(informer.run())
            await asyncio.gather(self._pool.start(), *(informer.synced.wait() for informer in self._informers))
            self._not_ready = None
            await self._reconciler.run(self._settings.workers)

    def _on_change(self, key: str, _old: object, _new: object) -> None:
        self._queue.add(key)


def _living_trial(body: Mapping[str, Any]) -> TrialRecord | None:
    """Read a Trial; one that is being deleted gets no further Pod."""
    return None if "deletionTimestamp" in body["metadata"] else trial_from(body)


def _now() -> datetime:
    return datetime.now(UTC)


def _experiment_key(record: TrialRecord | PodRecord) -> str:
    return record.experiment_key
