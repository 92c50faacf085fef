"""Serves /healthz and /readyz from a thread, so that they answer while the event loop is blocked."""

import json
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any

from toprung.controller.bounded_server import BoundedServer, serve
from toprung.controller.event_loop import LoopMonitor

STUCK = 30.0
"""Seconds after which a blocked event loop counts as stuck: only a restart helps."""


def serve_probes(port: int, monitor: LoopMonitor, not_ready: Callable[[], str | None]) -> BoundedServer:
    """Serve the probes on that port; `not_ready` returns why the operator is not ready, None if it is.

    Raises:
        OSError: the port is in use.
    """
    answers: dict[str, Callable[[], tuple[bool, dict[str, object]]]] = {
        "/healthz": partial(_health, monitor),
        "/readyz": partial(_readiness, not_ready),
    }

    class Handler(BaseHTTPRequestHandler):
        """Answers GET requests of the kubelet."""

        def do_GET(self) -> None:
            answer = answers.get(self.path.partition("?")[0])
            if answer is None:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            ok, body = answer()
            content = json.dumps(body).encode()
            self.send_response(HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Log nothing: probes come every few seconds."""

    return serve(port, Handler, "probes")


def _health(monitor: LoopMonitor) -> tuple[bool, dict[str, object]]:
    current = monitor.current()
    body = {"eventLoop": {"blockedSeconds": round(current, 3), "longestLagSeconds": round(monitor.longest(), 3)}}
    return current < STUCK, {"healthy": current < STUCK, **body}


def _readiness(not_ready: Callable[[], str | None]) -> tuple[bool, dict[str, object]]:
    reason = not_ready()
    return reason is None, {"ready": reason is None, "reason": reason or "Experiments are served"}
