"""Reconciliations of changed and deleted experiments, their failures, and the end of the loop."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import pytest

from support.experiments import KEY, SPEC, body
from support.reconciling import INVALID, NOW, Refusing, body_of, reconciler_of
from toprung.controller.experiment_cache import ExperimentCache
from toprung.controller.reconcile_state import ReconcileState
from toprung.controller.suggestion_cache import PendingSuggestions
from toprung.errors import ClusterUnavailable, Conflict, Forbidden, NotFound, Rejected
from toprung.kube.cache import Cache
from toprung.kube.work_queue import WorkQueue
from toprung.objects.trial import TrialRecord


class Accepting(Refusing):
    """A client that accepts the status and records the Events."""

    def __init__(self, error: Exception | None = None, *, valid: bool = False) -> None:
        super().__init__(error)
        self.stored = body("uid", 2) if valid else INVALID
        self.events: list[tuple[str, str]] = []
        self.version = 5

    async def patch(self, *_, body, **__):
        self.version += 1
        metadata = {**self.stored["metadata"], "resourceVersion": str(self.version)}
        return {**self.stored, "metadata": metadata, **body_of(body)}

    async def emit(self, event, *, now):  # noqa: ARG002
        if self.error is not None:
            raise self.error
        self.events.append((event.reason, event.message))


async def test_a_deleted_experiment_is_forgotten():
    """A restarted watch does not report earlier deletions."""
    reconciler = reconciler_of(NotFound("gone", status=404))
    await reconciler.reconcile(KEY)
    assert reconciler.experiments.get(KEY) is None
    assert reconciler.queue.added == [KEY]


async def test_a_recreated_experiment_stays():
    """A conflict concerns the UID of its predecessor, and the write is retried."""
    reconciler = reconciler_of(Conflict("another uid", status=409))
    await reconciler.reconcile(KEY)
    assert reconciler.experiments.get(KEY) is not None
    assert 0 < reconciler.queue.later[0] <= 0.5


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


class Failing(Accepting):
    """A client with one kind of failing requests. It counts the requests."""

    def __init__(self, *, status=None, event=None) -> None:
        super().__init__(valid=True)
        self.status, self.event, self.patches, self.emitted = status, event, 0, 0

    async def patch(self, *args, **fields):
        self.patches += 1
        if self.status is not None:
            raise self.status
        return await super().patch(*args, **fields)

    async def emit(self, _event, *, now):  # noqa: ARG002
        self.emitted += 1
        if self.event is not None:
            raise self.event


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


@pytest.mark.parametrize(
    ("made", "there", "deleted"),
    [
        pytest.param(3, (0, 1, 2), (), id="none"),
        pytest.param(3, (0, 2), (1,), id="one"),
        pytest.param(3, (0, 1), (2,), id="the-last"),
        pytest.param(1, (0, 1, 2), (), id="the-status-is-older"),
    ],
)
def test_a_snapshot_has_the_indices_of_deleted_trials(made, there, deleted):
    """The status has the number of created indices. Rules do not wait for deleted trials."""
    experiments = ExperimentCache()
    experiments.put({**body("uid", 1), "status": {"trials": {"total": made}}})
    reconciler = reconciler_of(NotFound("gone", status=404))
    trials = [TrialRecord(KEY, "uid", f"exp-{index}", "", index, {}, NOW) for index in there]
    reconciler.trials = SimpleNamespace(of=lambda _: trials)
    reconciler.pods = SimpleNamespace(of=lambda _: ())
    reconciler.log_collection = SimpleNamespace(collected=lambda _: {})
    reconciler.suggestion_cache = SimpleNamespace(pending=lambda _: PendingSuggestions())
    observed = reconciler._observe(experiments.get(KEY), ReconcileState("uid", 1), NOW)
    assert [index for gap in observed.deleted for index in gap] == list(deleted)


class WarmStarted:
    """A suggestion cache whose sampler learned from no trial."""

    def pending(self, _experiment):
        return PendingSuggestions(prior=(), prior_in_space=0)


class NoLogs:
    """A log collection without followers."""

    def follow(self, *_):
        pass

    def collected(self, _key):
        return {}


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


class Failed:
    """A suggestion cache whose sampler failed and is retried a minute later."""

    def pending(self, _experiment):
        return PendingSuggestions(error="no idea")

    def request(self, *_):
        return NOW + timedelta(minutes=1)


class RecordedLogs(NoLogs):
    """A log collection that records for which experiments it is synchronized."""

    def __init__(self) -> None:
        self.synchronized: list[str] = []

    def follow(self, experiment, _attempts):
        self.synchronized.append(experiment.key)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(None, id="written"),
        pytest.param(Rejected("no", status=422), id="refused"),
        pytest.param(ClusterUnavailable("connection refused"), id="API server down"),
    ],
)
async def test_background_work_is_synchronized_whether_or_not_the_status_is_written(error):
    """A rejected status write delays neither logs nor suggestions."""
    reconciler = reconciler_of(NotFound("gone", status=404))
    reconciler.experiments.put(body("uid", 2))
    reconciler.client, reconciler.suggestion_cache, reconciler.log_collection = (
        Failing(status=error),
        Failed(),
        RecordedLogs(),
    )
    reconciler.trials = reconciler.pods = Cache(convert=id, index=id, on_change=id)
    await reconciler.reconcile(KEY)
    assert reconciler.log_collection.synchronized == [KEY]
    assert 60.0 in reconciler.queue.later


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


async def test_suggestions_are_requested_again_after_a_failure():
    """No event may arrive until then."""
    reconciler = reconciler_of(NotFound("gone", status=404))
    reconciler.experiments.put(body("uid", 2))
    reconciler.client, reconciler.suggestion_cache, reconciler.log_collection = Accepting(), Failed(), NoLogs()
    reconciler.trials = reconciler.pods = Cache(convert=id, index=id, on_change=id)
    await reconciler.reconcile(KEY)
    assert reconciler.queue.later == [60.0]


class Background:
    """Log collection and suggestion cache with a task that ends when it is closed."""

    def __init__(self) -> None:
        self.task = asyncio.create_task(asyncio.Event().wait())

    def close(self) -> None:
        self.task.cancel()


async def test_no_task_outlives_the_reconciler():
    """A remaining task would delay the exit of the process until the end of its grace period."""
    background = (Background(), Background())
    reconciler = reconciler_of(NotFound("gone", status=404))
    reconciler.queue, (reconciler.log_collection, reconciler.suggestion_cache) = WorkQueue(), background
    work = asyncio.create_task(reconciler.run(workers=2))
    await asyncio.sleep(0)
    work.cancel()
    await asyncio.gather(work, *(each.task for each in background), return_exceptions=True)
    assert asyncio.all_tasks() == {asyncio.current_task()}


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
