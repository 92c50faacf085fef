"""Internal errors and unreadable objects block their Experiment."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from support.experiments import KEY, SPEC, body
from support.reconciling import NOW, Accepting, Failed, NoLogs, reconciler_of
from toprung.errors import NotFound
from toprung.kube.cache import Cache


class Broken:
    """A cache whose records raise an unexpected exception."""

    def unreadable(self, _key):
        return {}

    def of(self, _key):
        raise TypeError("'NoneType' object is not a mapping")


async def test_an_internal_error_is_reported_and_retried_with_back_off(caplog):
    """The condition Blocked and one Event report it. The log has the traceback."""
    reconciler = reconciler_of(NotFound("gone", status=404))
    reconciler.experiments.put(body("uid", 2))
    reconciler.client, reconciler.trials = (gateway := Accepting(valid=True)), Broken()
    for _ in range(3):
        await reconciler.reconcile(KEY)
    blocked = next(each for each in reconciler.experiments.get(KEY).conditions if each.type == "Blocked")
    assert (blocked.status, blocked.reason) == (True, "InternalError")
    assert "TypeError: 'NoneType' object is not a mapping" in blocked.message
    assert [reason for reason, _ in gateway.events] == ["InternalError"]
    assert sum(record.exc_info is not None for record in caplog.records) == 1


@pytest.mark.parametrize(
    ("controller", "reported"),
    [
        pytest.param("uid", True, id="of the experiment"),
        pytest.param("uid-of-another", False, id="of an earlier Experiment"),
    ],
)
async def test_an_unreadable_object_blocks_its_experiment(controller, reported):
    """Planning without the object could start its trial twice. Unreadable objects of other owners are ignored."""
    reconciler = reconciler_of(NotFound("gone", status=404))
    reconciler.experiments.put(body("uid", 2))
    reconciler.client = gateway = Accepting(valid=True)
    reconciler.suggestion_cache, reconciler.log_collection = Failed(), NoLogs()
    changes = []
    reconciler.trials = Cache(
        convert=lambda _: {}["spec"],
        index=id,
        on_change=lambda *change: changes.append(change),
        claim=lambda _: (KEY, controller),
    )
    trial = {"metadata": {"namespace": "team", "name": "exp-0", "resourceVersion": "5"}}
    reconciler.trials.apply({"type": "ADDED", "object": trial})
    await reconciler.reconcile(KEY)
    found = [message for reason, message in gateway.events if reason == "Unreadable"]
    assert [each.partition(" until")[0] for each in found] == [
        "team/exp-0 cannot be read: KeyError: 'spec'. Correct or delete it;"
    ] * reported
    reconciler.trials.replace({}, version="9", requested_at=0)
    assert reconciler.trials.unreadable(KEY) == {}
    assert changes == [(KEY, None, None)] * 2  # enqueued when the object appears, and when it is deleted


class BrokenLogs(NoLogs):
    """A log collection with a defect."""

    def follow(self, *_):
        raise TypeError("a defect")


async def test_an_error_after_the_status_write_keeps_the_end_of_the_experiment():
    """The condition Blocked is added to the conditions that were just written."""
    reconciler = reconciler_of(NotFound("gone", status=404))
    start = (NOW - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    over = {**body("uid", 2), "spec": {**SPEC, "maxDuration": "1h"}, "status": {"startTime": start}}
    reconciler.experiments.put(over)
    reconciler.client = Accepting()
    reconciler.client.stored = over
    reconciler.telemetry = SimpleNamespace(experiment_ended=lambda: None)
    reconciler.suggestion_cache, reconciler.log_collection = Failed(), BrokenLogs()
    reconciler.trials = reconciler.pods = Cache(convert=id, index=id, on_change=id)
    await reconciler.reconcile(KEY)
    current = {each.type: each.status for each in reconciler.experiments.get(KEY).conditions}
    assert (current["Finished"], current["Running"], current["Blocked"]) == (True, False, True)
