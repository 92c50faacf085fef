"""Counters for Prometheus; counted only after the write that they count has succeeded."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server

PASS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Telemetry:
    """What the operator counts of itself."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._passes = Histogram(
            "toprung_reconcile_seconds",
            "Duration of a pass over one experiment.",
            buckets=PASS_BUCKETS,
            registry=registry,
        )
        self._experiments = Counter("toprung_experiments_ended", "Experiments that ended.", registry=registry)

    def serve(self, port: int) -> None:
        """Answer /metrics on that port from a thread of its own."""
        start_http_server(port, registry=self._registry)

    @contextmanager
    def timed_pass(self) -> Iterator[None]:
        """Observe how long a pass takes."""
        with self._passes.time():
            yield

    def experiment_ended(self) -> None:
        """Count an experiment's end, once its status says so."""
        self._experiments.inc()
