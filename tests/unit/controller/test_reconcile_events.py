"""A reconciliation emits each Event once."""

import asyncio
from types import SimpleNamespace

import pytest

from support.experiments import KEY, SPEC, body
from support.reconciling import INVALID, Accepting, NoLogs, reconciler_of
from toprung.controller.suggestion_cache import PendingSuggestions
from toprung.errors import Forbidden, NotFound
from toprung.kube.cache import Cache


async def test_an_invalid_spec_is_reported_by_one_event():
    """Further reconciliations emit none. Another error is another Event."""
    reconciler = reconciler_of(NotFound("gone", status=404))
    reconciler.client = gateway = Accepting()
    for _ in range(3):
        await reconciler.reconcile(KEY)
    condition = reconciler.experiments.get(KEY).conditions[0]
    assert gateway.events == [("Invalid", condition.message)]
    changed = {**INVALID["metadata"], "resourceVersion": "9", "generation": 2}
    reconciler.experiments.put({**INVALID, "metadata": changed, "spec": {"maxTrialCount": 3}})
    await reconciler.reconcile(KEY)
    assert len(gateway.events) == 2


async def test_a_refused_event_does_not_delay_the_status():
    """The condition has the same message."""
    reconciler = reconciler_of(NotFound("gone", status=404))
    reconciler.client = Accepting(Forbidden("no Events", status=403))
    await reconciler.reconcile(KEY)
    assert [each.reason for each in reconciler.experiments.get(KEY).conditions] == ["Invalid"]


class WarmStarted:
    """A suggestion cache whose sampler learned from no trial."""

    def pending(self, _experiment):
        return PendingSuggestions(prior=(), prior_in_space=0)


async def test_a_warm_start_from_no_trial_is_reported_once():
    """Further reconciliations emit no Warning."""
    reconciler = reconciler_of(NotFound("gone", status=404))
    warm = {**SPEC, "warmStart": {"experiments": ["a"]}, "suspend": True}
    reconciler.experiments.put({**body("uid", 2), "spec": warm})
    reconciler.client = gateway = Accepting()
    reconciler.suggestion_cache, reconciler.log_collection = WarmStarted(), NoLogs()
    reconciler.trials = reconciler.pods = Cache(convert=id, index=id, on_change=id)
    for _ in range(2):
        await reconciler.reconcile(KEY)
    message = "spec.warmStart: no trial of a had ended when this Experiment was created. Recreate it when some have."
    assert gateway.events == [("WarmStart", message)]


class Dying(Accepting):
    """A client whose process ends at the status write."""

    async def patch(self, *_, **__):
        raise asyncio.CancelledError


async def test_a_crash_before_the_status_write_loses_no_event():
    """Both processes emit it with the same name, so that the API server keeps one."""
    names = []
    for gateway in (Dying(), Accepting()):
        reconciler = reconciler_of(NotFound("gone", status=404))
        gateway.emit = lambda event, *, now: _note(names, event)  # noqa: ARG005
        reconciler.client = gateway
        await asyncio.gather(reconciler.reconcile(KEY), return_exceptions=True)
    assert len(names) == 2
    assert len(set(names)) == 1


async def _note(names, event):
    names.append(event.name)


@pytest.mark.parametrize(
    ("there", "reported"),
    [
        pytest.param(None, 0, id="deleted"),
        pytest.param({"deletionTimestamp": "2026-01-01T00:00:01Z", "resourceVersion": "9"}, 0, id="being-deleted"),
        pytest.param({"uid": "another", "resourceVersion": "9"}, 0, id="recreated"),
        pytest.param({"resourceVersion": "9"}, 1, id="existing"),
    ],
)
async def test_deleting_an_experiment_reports_no_end(there, reported):
    """The watch may report the deletion of its Trials first."""
    reconciler = reconciler_of(NotFound("gone", status=404))
    status = {"trials": {"total": 3}, "startTime": "2026-01-01T00:00:00Z"}
    stored = {**body("uid", 2), "status": status}
    reconciler.experiments.put(stored)
    reconciler.client = gateway = Accepting(valid=True)
    reconciler.telemetry = SimpleNamespace(experiment_ended=lambda: None)
    reconciler.suggestion_cache, reconciler.log_collection = NoSuggestions(), NoLogs()
    reconciler.trials = reconciler.pods = Cache(convert=id, index=id, on_change=id)

    async def get(*_, **__):
        if there is None:
            raise NotFound("gone", status=404)
        return {**stored, "metadata": {**stored["metadata"], **there}}

    gateway.get = get
    await reconciler.reconcile(KEY)
    assert len(gateway.events) == reported


class NoSuggestions:
    """A suggestion cache without suggestions."""

    def pending(self, _experiment):
        return PendingSuggestions()

    def request(self, *_):
        return None

    def forget(self, _uid):
        pass
