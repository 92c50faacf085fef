"""The operator put together: who is told of what, and what runs."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, Self

from prometheus_client import CollectorRegistry

from toprung.api.names import MANAGED_BY
from toprung.cluster.cache import Cache
from toprung.cluster.gateway import Gateway, connect
from toprung.cluster.informer import Informer
from toprung.cluster.queue import WorkQueue
from toprung.cluster.resources import PODS, TRIALS
from toprung.planning.codec import trial_from
from toprung.planning.pods import pod_from
from toprung.planning.records import PodRecord, TrialRecord
from toprung.search.worker import SearchWorker
from toprung.service.experiments import Experiments
from toprung.service.followers import Followers
from toprung.service.reconciler import Reconciler
from toprung.service.settings import Settings
from toprung.service.suggestions import Suggester
from toprung.service.telemetry import Telemetry

SELECTOR = "=".join(MANAGED_BY)
LONGEST_REST = 0.02
"""Seconds that an experiment rests after a pass, at most: most of a pass is waiting for the API, not work."""


class App:
    """One operator in one event loop; made inside the loop that it runs in."""

    def __init__(self, gateway: Gateway, worker: SearchWorker, settings: Settings) -> None:
        self._settings = settings
        self._gateway = gateway
        self._worker = worker
        self._experiments = Experiments()
        self._queue = queue = WorkQueue(longest_rest=LONGEST_REST)
        trials = Cache(convert=_living_trial, index=_owner, on_change=self._on_change)
        pods = Cache(convert=pod_from, index=_owner, on_change=self._on_change)
        watch = partial(Informer, gateway, namespace=settings.namespace, label_selector=SELECTOR)
        self._informers = (watch(TRIALS, cache=trials), watch(PODS, cache=pods))
        self._telemetry = Telemetry(CollectorRegistry())
        self._reconciler = Reconciler(
            gateway=gateway,
            experiments=self._experiments,
            trials=trials,
            pods=pods,
            followers=Followers(gateway, queue.add),
            suggester=Suggester(worker, queue.add, self._experiments.get, trials.of, _now),
            queue=queue,
            telemetry=self._telemetry,
            clock=_now,
        )

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncIterator[Self]:
        """Log in to the cluster and start the search worker; both are closed at the end.

        Raises:
            ClusterUnavailable: no cluster is configured.
        """
        worker = SearchWorker()
        try:
            async with await connect(settings.kubeconfig, settings.context) as gateway:
                yield cls(gateway, worker, settings)
        finally:
            await worker.close()

    def see(self, kind: str | None, body: Mapping[str, Any]) -> None:
        """Take note of an Experiment: `kind` is the watch event's type, None at the first listing."""
        self._queue.add(self._experiments.put(body, deleted=kind == "DELETED"))

    async def run(self) -> None:
        """Work until cancelled; passes begin when the caches are complete."""
        if self._settings.metrics_port:
            self._telemetry.serve(self._settings.metrics_port)
        async with asyncio.TaskGroup() as tasks:
            for informer in self._informers:
                tasks.create_task(informer.run())
            await asyncio.gather(self._worker.start(), *(informer.synced.wait() for informer in self._informers))
            await self._reconciler.run(self._settings.workers)

    def _on_change(self, owner: str, _old: object, _new: object) -> None:
        self._queue.add(owner)


def _living_trial(body: Mapping[str, Any]) -> TrialRecord | None:
    """Read a Trial; one that is being deleted gets no Pod any more."""
    return None if "deletionTimestamp" in body["metadata"] else trial_from(body)


def _now() -> datetime:
    return datetime.now(UTC)


def _owner(record: TrialRecord | PodRecord) -> str:
    return record.owner
