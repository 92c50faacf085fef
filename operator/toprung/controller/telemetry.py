"""Counts for Prometheus, each write only after it has succeeded."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, MetricsHandler

from toprung.controller.bounded_server import BoundedServer, serve
from toprung.controller.event_loop import LoopMonitor

LAG_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
RECONCILE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Telemetry:
    """The operator's own metrics."""

    def __init__(self, registry: CollectorRegistry, monitor: LoopMonitor) -> None:
        self._registry = registry
        self._reconciliations = Histogram(
            "toprung_reconcile_seconds",
            "Duration of one reconciliation of an Experiment.",
            buckets=RECONCILE_BUCKETS,
            registry=registry,
        )
        self._experiments = Counter("toprung_experiments_ended", "Experiments that ended.", registry=registry)

        lag = Histogram(
            "toprung_event_loop_lag_seconds",
            "How late the event loop ran a callback that was due.",
            buckets=LAG_BUCKETS,
            registry=registry,
        )
        monitor.on_lag = lag.observe
        longest = Gauge(
            "toprung_event_loop_lag_seconds_max",
            "Longest lag of the event loop in the last minute, a block that still lasts included.",
            registry=registry,
        )
        longest.set_function(monitor.longest)

    def serve(self, port: int) -> BoundedServer:
        """Serve /metrics on that port from a separate thread."""
        return serve(port, MetricsHandler.factory(self._registry), "metrics")

    @contextmanager
    def timed_reconciliation(self) -> Iterator[None]:
        """Observe the duration of a reconciliation."""
        with self._reconciliations.time():
            yield

    def experiment_ended(self) -> None:
        """Count an experiment's end, once its status records it."""
        self._experiments.inc()
