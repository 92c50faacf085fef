"""Ends of Pods: an exit of the program, or a disruption."""

import pytest

from toprung.objects.pod import pod_from

LABELS = {"toprung.dev/experiment": "exp", "toprung.dev/trial": "exp-0", "toprung.dev/attempt": "1"}
DELETED_AT_10 = {"deletionTimestamp": "2026-01-01T00:00:40Z", "deletionGracePeriodSeconds": 30}
DELETED_AT_15 = {"deletionTimestamp": "2026-01-01T00:00:45Z", "deletionGracePeriodSeconds": 30}


def ended(phase: str, *, second: int | None = 20, code: int = 0, metadata=None, why: str = "", **status):
    terminated = {"exitCode": code, "finishedAt": f"2026-01-01T00:00:{second}Z", "reason": why}
    containers = [{"name": "main", "state": {"terminated": terminated}}] if second is not None else []
    about = {"namespace": "team", "name": "exp-0-1", "uid": "u", "labels": LABELS, **(metadata or {})}
    return pod_from(
        {
            "metadata": {**about, "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"containers": [{"name": "main"}]},
            "status": {"phase": phase, "containerStatuses": containers, **status},
        }
    )


TARGETED = {"conditions": [{"type": "DisruptionTarget", "status": "True"}]}


@pytest.mark.parametrize(
    ("pod", "disrupted"),
    [
        pytest.param(ended("Failed", code=1), False, id="failed"),
        pytest.param(ended("Succeeded"), False, id="succeeded"),
        pytest.param(ended("Failed", code=143, metadata=DELETED_AT_10), True, id="deleted-while-running"),
        pytest.param(ended("Succeeded", metadata=DELETED_AT_10), True, id="deleted-and-exits-with-zero"),
        pytest.param(ended("Succeeded", second=10, metadata=DELETED_AT_15), False, id="deleted-after-its-end"),
        pytest.param(ended("Failed", second=None, metadata=DELETED_AT_10), True, id="deleted-and-unknown"),
        pytest.param(ended("Succeeded", **TARGETED), True, id="evicted-and-exits-with-zero"),
        pytest.param(ended("Failed", second=None, reason="OutOfnvidia.com/gpu"), True, id="rejected-by-the-node"),
        pytest.param(ended("Failed", second=None, reason="NodeAffinity"), True, id="node-changed"),
    ],
)
def test_an_evicted_rejected_or_deleted_pod_is_disrupted(pod, disrupted):
    """Its program did not reach its end."""
    assert pod.disrupted is disrupted


@pytest.mark.parametrize(
    ("pod", "message"),
    [
        pytest.param(ended("Failed", code=137, why="OOMKilled"), "OOMKilled", id="out-of-memory"),
        pytest.param(ended("Failed", code=1, why="Error"), "", id="error-fragment-nothing"),
        pytest.param(
            ended("Failed", second=None, message="The node was low on resource"),
            "The node was low on resource",
            id="eviction",
        ),
    ],
)
def test_a_message_has_the_cause_beside_the_exit_code(pod, message):
    """The reason of the container or the Pod is kept."""
    assert pod.message == message
