"""The answers of /healthz and /readyz."""

import json
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from toprung.controller.event_loop import INTERVAL, LoopMonitor
from toprung.controller.probes import STUCK, serve_probes


@contextmanager
def served(blocked=0.0, not_ready=None):
    """Serve the probes of an operator whose event loop has been blocked for so many seconds. Yield the address."""
    times = iter([0.0])
    monitor = LoopMonitor(clock=lambda: next(times, blocked + INTERVAL))
    monitor.start()
    server = serve_probes(0, monitor, lambda: not_ready)
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def get(url):
    """Return the status code and the body."""
    try:
        with urlopen(url, timeout=10) as response:
            return response.status, json.loads(response.read())
    except HTTPError as error:
        with error:
            return error.code, json.loads(error.read()) if error.code == 503 else None


@pytest.mark.parametrize(
    ("blocked", "code"),
    [
        pytest.param(0.0, 200, id="free"),
        pytest.param(STUCK - 1, 200, id="a long block may still end"),
        pytest.param(STUCK + 1, 503, id="stuck"),
    ],
)
def test_health_reports_the_block_of_the_event_loop(blocked, code):
    """The probe answers while the loop is blocked, and fails if only a restart helps."""
    with served(blocked) as address:
        status, body = get(f"{address}/healthz")
    assert (status, body["healthy"]) == (code, code == 200)
    assert body["eventLoop"]["blockedSeconds"] == pytest.approx(blocked, abs=0.01)


@pytest.mark.parametrize(
    ("not_ready", "code"),
    [pytest.param(None, 200, id="ready"), pytest.param("the CRDs are not installed", 503, id="not ready")],
)
def test_readiness_reports_what_is_missing(not_ready, code):
    """An operator without CRDs is alive and not ready."""
    with served(not_ready=not_ready) as address:
        status, body = get(f"{address}/readyz")
        assert get(f"{address}/healthz")[0] == 200
    assert (status, body["reason"]) == (code, not_ready or "Experiments are served")


def test_other_paths_are_not_found():
    """The server has only the paths of the probes."""
    with served() as address:
        assert get(f"{address}/other") == (404, None)
