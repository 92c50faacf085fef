"""Serves /healthz and /readyz from a thread, so that they answer while the event loop is blocked."""

import json
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from toprung.service.event_loop import LoopMonitor

STUCK = 30.0
"""Seconds after which a blocked event loop counts as stuck: only a restart helps."""
MAX_CONNECTIONS = 16
"""Open connections, each with its thread; one more closes the oldest. The kubelet has one or two for some ms."""
SILENCE = 2.0
"""Seconds without a byte after which a connection is closed."""


class ProbeServer(ThreadingHTTPServer):
    """A server with a bounded number of threads, which clients that send nothing cannot occupy."""

    daemon_threads = True

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        """Listen on all interfaces: the kubelet connects to the address of the Pod."""
        self._open: dict[Any, None] = {}
        self._lock = Lock()
        super().__init__(("", port), handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer a connection in a thread."""
        with self._lock:
            if len(self._open) >= MAX_CONNECTIONS:
                oldest = next(iter(self._open))
                del self._open[oldest]
                with suppress(OSError):  # the client may have closed it
                    oldest.shutdown(socket.SHUT_RDWR)
            self._open[request] = None
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection that is answered."""
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)


def serve_probes(port: int, monitor: LoopMonitor, not_ready: Callable[[], str | None]) -> ProbeServer:
    """Serve the probes on that port; `not_ready` returns why the operator serves nothing, None where it serves.

    Raises:
        OSError: the port is taken.
    """
    answers: dict[str, Callable[[], tuple[bool, dict[str, object]]]] = {
        "/healthz": partial(_health, monitor),
        "/readyz": partial(_readiness, not_ready),
    }

    class Handler(BaseHTTPRequestHandler):
        """Answers GET requests of the kubelet."""

        timeout = SILENCE

        def do_GET(self) -> None:
            answer = answers.get(self.path.partition("?")[0])
            if answer is None:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            good, body = answer()
            content = json.dumps(body).encode()
            self.send_response(HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Log nothing: probes come every few seconds."""

    server = ProbeServer(port, Handler)
    Thread(target=server.serve_forever, name="probes", daemon=True).start()
    return server


def _health(monitor: LoopMonitor) -> tuple[bool, dict[str, object]]:
    current = monitor.current()
    body = {"eventLoop": {"blockedSeconds": round(current, 3), "longestLagSeconds": round(monitor.longest(), 3)}}
    return current < STUCK, {"healthy": current < STUCK, **body}


def _readiness(not_ready: Callable[[], str | None]) -> tuple[bool, dict[str, object]]:
    reason = not_ready()
    return reason is None, {"ready": reason is None, "reason": reason or "Experiments are served"}
