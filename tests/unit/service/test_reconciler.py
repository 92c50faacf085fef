"""Passes over experiments that are no longer what they were, and the end of all passes."""

import asyncio
from datetime import UTC, datetime

import pytest

from toprung.api.errors import Conflict, NotFound
from toprung.cluster.queue import WorkQueue
from toprung.service.experiments import Experiments
from toprung.service.reconciler import Reconciler
from unit.service.test_experiments import KEY, body

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Refusing:
    """A gateway to a cluster that takes no write."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def patch(self, *_, **__):
        raise self.error


class Keys:
    """A queue that only remembers."""

    def __init__(self) -> None:
        self.added: list[str] = []

    def add(self, key: str) -> None:
        self.added.append(key)


def reconciler_of(error: Exception) -> Reconciler:
    """One whose only experiment is invalid: a pass writes nothing but its status."""
    experiments = Experiments()
    experiments.put({**body("uid", 1), "spec": {}})
    parts = dict.fromkeys(("trials", "pods", "followers", "suggester", "telemetry"))
    return Reconciler(gateway=Refusing(error), experiments=experiments, queue=Keys(), clock=lambda: NOW, **parts)


async def test_an_experiment_that_is_gone_is_forgotten():
    """Its deletion may never have been told: a watch that is begun anew tells only of what there is."""
    reconciler = reconciler_of(NotFound("gone", status=404))
    await reconciler.reconcile(KEY)
    assert reconciler.experiments.get(KEY) is None
    assert reconciler.queue.added == [KEY]


async def test_an_experiment_that_was_made_anew_stays():
    """A conflict is about the UID that was meant; the pass is made again."""
    reconciler = reconciler_of(Conflict("another uid", status=409))
    with pytest.raises(Conflict):
        await reconciler.reconcile(KEY)
    assert reconciler.experiments.get(KEY) is not None


class Background:
    """Followers and suggester at once: a task that ends when it is closed, and not before."""

    def __init__(self) -> None:
        self.task = asyncio.create_task(asyncio.Event().wait())

    def close(self) -> None:
        self.task.cancel()


async def test_nothing_outlasts_the_reconciler():
    """A task that is left over keeps the process from ending until its grace period is over."""
    background = (Background(), Background())
    reconciler = reconciler_of(NotFound("gone", status=404))
    reconciler.queue, (reconciler.followers, reconciler.suggester) = WorkQueue(), background
    work = asyncio.create_task(reconciler.run(workers=2))
    await asyncio.sleep(0)
    work.cancel()
    await asyncio.gather(work, *(each.task for each in background), return_exceptions=True)
    assert asyncio.all_tasks() == {asyncio.current_task()}
