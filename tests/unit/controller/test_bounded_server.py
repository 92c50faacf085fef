"""Bounded numbers of threads in the servers of probes and metrics."""

import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry

from toprung.controller.bounded_server import MAX_CONNECTIONS, BoundedServer
from toprung.controller.event_loop import LoopMonitor
from toprung.controller.probes import serve_probes
from toprung.controller.telemetry import Telemetry


def probes() -> BoundedServer:
    monitor = LoopMonitor()
    monitor.start()
    return serve_probes(0, monitor, lambda: None)


def metrics() -> BoundedServer:
    return Telemetry(CollectorRegistry(), LoopMonitor()).serve(0)


@pytest.mark.parametrize(
    ("start", "path", "content"),
    [
        pytest.param(probes, "healthz", "healthy", id="probes"),
        pytest.param(metrics, "metrics", "toprung_reconcile_seconds_bucket", id="metrics"),
    ],
)
def test_clients_that_send_nothing_do_not_block_others(start: Callable[[], BoundedServer], path: str, content: str):
    """The oldest connections are closed, so that the number of threads is limited."""
    server = start()
    before = threading.active_count()
    with ExitStack() as stack:
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.server_port), timeout=10))
            for _ in range(MAX_CONNECTIONS + 5)
        ]
        with urlopen(f"http://127.0.0.1:{server.server_port}/{path}", timeout=10) as response:
            assert content in response.read().decode()
        assert [each.recv(1) for each in silent[:5]] == [b""] * 5
        assert threading.active_count() - before <= MAX_CONNECTIONS + 1
