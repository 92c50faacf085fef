"""A reconciliation observes an Experiment, writes its status, and updates its background work."""

import asyncio
from types import SimpleNamespace

import pytest

from support.experiments import KEY, body
from support.reconciling import NOW, Accepting, Failed, Failing, NoLogs, reconciler_of
from toprung.controller.experiment_cache import ExperimentCache
from toprung.controller.reconcile_state import ReconcileState
from toprung.controller.suggestion_cache import PendingSuggestions
from toprung.errors import ClusterUnavailable, Conflict, NotFound, Rejected
from toprung.kube.cache import Cache
from toprung.kube.work_queue import WorkQueue
from toprung.objects.trial import TrialRecord


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
