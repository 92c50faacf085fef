"""Writes that fail are retried with back-off."""

from datetime import timedelta

import pytest

from support.experiments import KEY, SPEC, body
from support.reconciling import INVALID, NOW, Failed, Failing, NoLogs, Refusing, reconciler_of
from toprung.errors import ClusterUnavailable, Forbidden, NotFound, Rejected
from toprung.kube.cache import Cache


class Counting(Refusing):
    """A client whose API server does not answer. It counts the requests."""

    count = 0

    async def patch(self, *_, **__):
        self.count += 1
        raise self.error


async def test_events_do_not_end_the_back_off(caplog):
    """While the API server is down, requests become rarer and the log reports it once a minute."""
    reconciler = reconciler_of(NotFound("gone", status=404))
    reconciler.client = gateway = Counting(ClusterUnavailable("connection refused"))
    for tick in range(1200):  # an event every 50 ms for a minute
        reconciler.clock = lambda tick=tick: NOW + timedelta(seconds=tick / 20)
        await reconciler.reconcile(KEY)
    assert 5 <= gateway.count <= 9
    assert len(caplog.records) == 1


async def test_an_edit_ends_the_back_off():
    """The user may have corrected the failure."""
    reconciler = reconciler_of(NotFound("gone", status=404))
    reconciler.client = gateway = Counting(Forbidden("no", status=403))
    await reconciler.reconcile(KEY)
    await reconciler.reconcile(KEY)
    assert gateway.count == 1
    reconciler.experiments.put(
        {**INVALID, "metadata": {**INVALID["metadata"], "resourceVersion": "9", "generation": 2}}
    )
    await reconciler.reconcile(KEY)
    assert gateway.count == 2


async def minute_of_events(gateway):
    """Reconcile a valid, suspended Experiment every 50 ms for a minute."""
    reconciler = reconciler_of(NotFound("gone", status=404))
    reconciler.experiments.put({**body("uid", 2), "spec": {**SPEC, "suspend": True}})
    reconciler.client = gateway
    reconciler.suggestion_cache, reconciler.log_collection = Failed(), NoLogs()
    reconciler.trials = Cache(convert=id, index=id, on_change=id)
    for tick in range(1200):
        reconciler.clock = lambda tick=tick: NOW + timedelta(seconds=tick / 20)
        await reconciler.reconcile(KEY)
    return reconciler


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(Rejected("no", status=422), id="refused"),
        pytest.param(ClusterUnavailable("connection refused"), id="API server down"),
        pytest.param(ClusterUnavailable("a webhook fails", status=500), id="one kind of request fails"),
    ],
)
async def test_a_status_that_cannot_be_written_is_retried_with_back_off(error):
    """The write and the Events before it are not repeated at each reconciliation."""
    gateway = Failing(status=error)
    await minute_of_events(gateway)
    assert 5 <= gateway.patches <= 9
    assert gateway.emitted <= gateway.patches


async def test_a_failed_event_store_does_not_delay_the_status():
    """A large cluster stores Events separately."""
    gateway = Failing(event=ClusterUnavailable("the event store is down", status=500))
    reconciler = await minute_of_events(gateway)
    assert [each.type for each in reconciler.experiments.get(KEY).conditions if each.status] == ["Valid", "Suspended"]
