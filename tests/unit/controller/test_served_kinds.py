"""CRDs that are created or deleted while the operator runs."""

import asyncio
import logging

import pytest

from toprung.controller.served_kinds import wait_until_served, watch_served
from toprung.errors import ClusterUnavailable, NotFound

MISSING = NotFound("the cluster has no kind Experiment in toprung.dev/v1alpha1", status=404)
pytestmark = pytest.mark.looptime


class Discovery:
    """An API server whose discovery changes with time: (from when on, error or None)."""

    def __init__(self, *answers):
        self.answers = answers

    async def resource_of(self, *_):
        now = asyncio.get_running_loop().time()
        error = next(error for since, error in reversed(self.answers) if now >= since)
        if error is not None:
            raise error


async def test_the_operator_waits_for_its_crds(caplog):
    """It starts without a restart once they exist, and logs once a minute what is missing."""
    with caplog.at_level(logging.WARNING):
        await wait_until_served(Discovery((0, MISSING), (90, ClusterUnavailable("no answer")), (125, None)))
    assert 125 <= asyncio.get_running_loop().time() <= 130
    assert [record.message for record in caplog.records if "kubectl apply -f crds/" in record.message] != []
    assert len(caplog.records) == 3


async def test_the_operator_ends_when_a_crd_is_deleted():
    """Its restart waits until the CRD exists again."""
    with pytest.raises(NotFound, match="a CRD was deleted, the operator ends"):
        await watch_served(Discovery((0, None), (60, MISSING)))
    assert 60 <= asyncio.get_running_loop().time() <= 70


async def test_an_api_server_that_does_not_answer_does_not_end_the_operator():
    """Only an answer that the kind does not exist counts."""
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(watch_served(Discovery((0, None), (60, ClusterUnavailable("down")))), 600)
