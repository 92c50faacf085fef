"""The operator's Pod, and the errors of a cluster that cannot be served."""

import errno
from pathlib import Path

import pytest

from toprung.cli.embedded.host import advice, operator_pod


def test_the_operator_is_started_again_by_its_node():
    """A Pod with restartPolicy Always that knows its cluster by KUBECONFIG."""
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
def test_advice(number, words):
    """One line that says what to do."""
    said = advice(OSError(number, "No space left on device"), Path("/s"), 8080)
    assert words in said
    assert "\n" not in said
