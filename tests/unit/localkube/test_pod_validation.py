"""The Pods that the embedded API server refuses are those that a real one refuses."""

import copy
from datetime import UTC, datetime

import pytest

from localkube.apiserver import decoding, pod_validation
from localkube.apiserver.store import Store
from support.pods import ACCEPTED, REFUSED, PodCase

POD = next(kind for kind in Store(None, now=lambda: datetime.now(UTC)).registry if kind.kind == "Pod")


def messages(case: PodCase) -> list[str]:
    pod = decoding.decode(POD, copy.deepcopy(case.pod())).object
    pod_validation.set_defaults(pod)
    return [cause.line() for cause in pod_validation.validate(pod, None)]


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_a_pod_that_a_server_refuses(case: PodCase):
    """A laptop does not run what a cluster would refuse."""
    assert messages(case)


@pytest.mark.parametrize("case", ACCEPTED, ids=str)
def test_a_pod_that_a_server_accepts(case: PodCase):
    """A laptop runs what a cluster runs."""
    assert messages(case) == []
