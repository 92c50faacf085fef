"""The operator's Pod, and the errors of a cluster that cannot be served."""

import errno
from pathlib import Path

import pytest

from toprung.cli.embedded.host import advice, operator_pod


def test_the_node_restarts_the_operator():
    """Its Pod has restartPolicy Always, and KUBECONFIG names the cluster."""
    spec = operator_pod(Path("/s/kubeconfig"), Path("/work"))["spec"]
    (container,) = spec["containers"]
    assert spec["restartPolicy"] == "Always"
    assert container["env"] == [{"name": "KUBECONFIG", "value": "/s/kubeconfig"}]
    assert container["command"][1:] == ["-m", "toprung.cli", "operator"]
    assert container["workingDir"] == "/work"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        pytest.param(errno.EADDRINUSE, "another one by --port", id="port"),
        pytest.param(errno.EACCES, "another folder by --dir", id="folder"),
        pytest.param(errno.ENOSPC, "No space left", id="anything-else"),
    ],
)
def test_each_error_has_a_correction(number, words):
    """It is one line."""
    fragment = advice(OSError(number, "No space left on device"), Path("/s"), 8080)
    assert words in fragment
    assert "\n" not in fragment
