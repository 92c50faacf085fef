"""Serves HTTP in a bounded number of threads; clients that send nothing cannot occupy them."""

import socket
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

MAX_CONNECTIONS = 16
"""Open connections, each with its thread; one more closes the oldest. The kubelet and Prometheus
have one or two for some ms."""
SILENCE = 2.0
"""Seconds without a byte after which a connection is closed."""


class BoundedServer(ThreadingHTTPServer):
    """A server with a bounded number of threads, which clients that send nothing cannot occupy."""

    daemon_threads = True

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        """Listen on all interfaces: clients connect to the address of the Pod."""
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


def serve(port: int, handler: type[BaseHTTPRequestHandler], name: str) -> BoundedServer:
    """Serve on that port from a thread of this name.

    Raises:
        OSError: the port is in use.
    """
    handler.timeout = SILENCE
    server = BoundedServer(port, handler)
    Thread(target=server.serve_forever, name=name, daemon=True).start()
    return server
