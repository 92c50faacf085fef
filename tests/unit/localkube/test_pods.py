"""The embedded API server accepts and rejects the Pods that a real one does."""

import copy
from datetime import UTC, datetime

import pytest

from localkube.apiserver import decoding, pods
from localkube.apiserver.store import Store
from support.accepted_pods import ACCEPTED
from support.pods import PodCase, container, spec
from support.rejected_pods import REJECTED

POD = next(kind for kind in Store(None, now=lambda: datetime.now(UTC)).registry if kind.kind == "Pod")
RULE = {"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}


def messages(case: PodCase) -> list[str]:
    """Return the errors of the server for a Pod."""
    pod = decoding.decode(POD, copy.deepcopy(case.pod())).object
    pods.set_defaults(pod)
    return [cause.line() for cause in pods.validate(pod, None)]


@pytest.mark.parametrize("case", REJECTED, ids=str)
def test_a_pod_that_a_server_rejects_is_rejected(case: PodCase):
    """A laptop does not run a Pod that a cluster rejects."""
    assert messages(case)


@pytest.mark.parametrize("case", ACCEPTED, ids=str)
def test_a_pod_that_a_server_accepts_is_accepted(case: PodCase):
    """A laptop runs the Pods that a cluster runs."""
    assert messages(case) == []


@pytest.mark.parametrize(
    ("case", "field"),
    [
        (container(restartPolicy="Never"), "spec.containers[0].restartPolicy"),
        (container(restartPolicy="Never", restartPolicyRules=[RULE]), "spec.containers[0].restartPolicyRules"),
        (
            spec(initContainers=[{"name": "i", "image": "i", "restartPolicy": "OnFailure"}]),
            "spec.initContainers[0].restartPolicy",
        ),
    ],
)
def test_restart_policies_of_containers_are_rejected(case: PodCase, field: str):
    """The node restarts containers by the policy of the Pod, and sidecars always."""
    assert any(line.startswith(f"{field}: Forbidden: is not supported") for line in messages(case))
