"""Execution of a plan: concurrent, in order, and with a bounded number of writes."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from support.experiments import KEY, body
from toprung.api.v1alpha1.conditions import Reason
from toprung.controller.action_backoff import ActionBackoff, ActionFailure
from toprung.controller.executor import CONCURRENT_WRITES, MAX_WRITES, ExecutionContext, Executor
from toprung.controller.experiment_cache import ExperimentCache
from toprung.errors import AlreadyExists, ClusterUnavailable, Forbidden
from toprung.metrics.types import Mean, Observation, Progress
from toprung.objects.trial import TrialRecord
from toprung.objects.trial_json import trial_status
from toprung.planning.actions import CreatePod, CreateTrial, DeletePod, WriteTrial

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Ignoring:
    """A cache that stores nothing."""

    def put(self, obj):
        pass

    def get(self, *_):
        return None


class Slow:
    """A client whose earlier requests take longer, and whose creates of some Trials fail."""

    def __init__(self, errors):
        self.errors, self.made, self.requested = errors, [], 0

    async def create(self, kind, *, namespace, body):  # noqa: ARG002
        self.requested += 1
        await asyncio.sleep(1 / self.requested)
        index = int(body["metadata"]["name"].rpartition("-")[2])
        if index in self.errors:
            raise self.errors[index]
        self.made.append(index)
        return body


async def executed(gateway, chains, *, backoff=None, is_current=lambda _: True):
    """Execute the action sequences in one reconciliation."""
    experiments = ExperimentCache()
    experiments.put(body("uid", 1))
    context = ExecutionContext(experiments.get(KEY), backoff or ActionBackoff(jitter=lambda: 1.0), NOW)
    return await Executor(gateway, Ignoring(), Ignoring(), is_current).execute(context, chains)


def new_trials(count):
    """Return the action sequences for a number of new trials."""
    return [(CreateTrial(index, {"lr": 0.5}, 0), CreatePod(index, 1)) for index in range(count)]


@pytest.mark.looptime
async def test_trials_are_created_in_the_order_of_their_indices():
    """A crash between two creates leaves no gap, for any latency of the API server."""
    gateway = Slow({})
    await executed(gateway, new_trials(5))
    assert gateway.made == [0, 1, 2, 3, 4]


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("error", "lasting"),
    [
        pytest.param(ClusterUnavailable("broken off"), False, id="passing"),
        pytest.param(Forbidden("no", status=403), True, id="lasting"),
    ],
)
async def test_no_trial_is_created_after_one_that_failed(error, lasting):
    """Otherwise the next reconciliation would skip the missing index."""
    gateway = Slow({2: error})
    result = await executed(gateway, new_trials(5))
    assert gateway.made == [0, 1]
    assert {failure.error for failure in result.failures if isinstance(failure.error, type(error))} == {error}
    assert (result.pods_refused is not None) is lasting


class Counting:
    """A client that counts the writes, and how many run concurrently."""

    def __init__(self):
        self.writes, self.now, self.most = 0, 0, 0

    async def delete(self, *_, **__):
        self.writes, self.now = self.writes + 1, self.now + 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(1)
        self.now -= 1


@pytest.mark.looptime
async def test_writes_of_one_reconciliation_are_bounded():
    """The rest is executed by later reconciliations, after those of other experiments."""
    gateway = Counting()
    result = await executed(gateway, [(DeletePod(f"pod-{index}", "uid"),) for index in range(MAX_WRITES + 5)])
    assert (gateway.writes, gateway.most, result.deferred) == (MAX_WRITES, CONCURRENT_WRITES, True)


@pytest.mark.looptime
async def test_a_chain_longer_than_the_bound_is_executed():
    """Each reconciliation makes progress."""
    gateway = Counting()
    result = await executed(gateway, [tuple(DeletePod(f"pod-{index}", "uid") for index in range(MAX_WRITES + 5))])
    assert (gateway.writes, result.deferred) == (MAX_WRITES + 5, False)


@pytest.mark.looptime
async def test_actions_that_failed_a_moment_ago_do_not_use_up_the_bound():
    """Otherwise many rejected writes would starve all others."""
    gateway, backoff = Counting(), ActionBackoff(jitter=lambda: 1.0)
    refused = [("DeletePod", f"pod-{index}") for index in range(MAX_WRITES)]
    failures = [ActionFailure(subject, "a Pod", Forbidden("no", status=403)) for subject in refused]
    backoff.record(failures, (), alive=0, now=NOW)
    chains = [(DeletePod(f"pod-{index}", "uid"),) for index in range(MAX_WRITES + 5)]
    result = await executed(gateway, chains, backoff=backoff)
    assert (gateway.writes, len(result.backed_off), result.complete) == (5, MAX_WRITES, False)


@pytest.mark.looptime
async def test_a_deleted_experiment_ends_the_execution():
    """No more writes are made for it."""
    gateway = Counting()
    chains = [tuple(DeletePod(f"pod-{index}", "uid") for index in range(5))]
    await executed(gateway, chains, is_current=lambda _: gateway.writes < 2)
    assert gateway.writes == 2


async def test_an_exception_in_one_action_is_a_failure():
    """The exception ends the sequence of the action and is reported with its type. Other sequences are executed."""

    class Broken(Counting):
        async def delete(self, *_, name, **__):
            if name == "odd":
                raise TypeError("'NoneType' object is not a mapping")
            self.writes += 1

    gateway = Broken()
    result = await executed(gateway, [(DeletePod("odd", "u"),), (DeletePod("good", "u"),)])
    assert gateway.writes == 1
    assert [str(failure.error) for failure in result.failures] == ["TypeError: 'NoneType' object is not a mapping"]
    assert result.failures[0].reason.reason == Reason.INTERNAL_ERROR


class Taken(Counting):
    """A client of a cluster in which an object with the name exists."""

    def __init__(self, owner):
        super().__init__()
        self.owner = owner

    async def create(self, *_, **__):
        raise AlreadyExists("exists", status=409)

    async def get(self, *_, name, **__):
        return {"metadata": {"name": name, "ownerReferences": [self.owner] if self.owner else []}}


@pytest.mark.parametrize(
    ("owner", "whose"),
    [
        pytest.param(None, "has no owner", id="no owner"),
        pytest.param({"kind": "Job", "name": "x", "uid": "u", "controller": True}, "belongs to Job x", id="another"),
    ],
)
async def test_a_taken_name_is_reported_with_its_owner(owner, whose):
    """The failure is lasting, and affects only that trial."""
    result = await executed(Taken(owner), new_trials(1))
    failure = result.failures[0]
    assert (failure.lasting, failure.subject) == (True, ("CreateTrial", "exp-0"))
    assert failure.reason.reason == Reason.NAME_TAKEN
    assert whose in failure.reason.message


class Patched:
    """A client that records patches, and a cache with one Trial."""

    def __init__(self, trial):
        self.trial, self.patches = trial, []

    async def patch(self, _kind, *, body, **_):
        self.patches.append(body["status"])
        return body

    def get(self, *_):
        return self.trial

    def put(self, obj):
        pass


async def test_values_of_an_attempt_that_left_no_checkpoint_are_removed():
    """A merge patch keeps members that it does not mention, so each value is set to null."""
    seen = Observation(3, 0.5, NOW)
    there = TrialRecord(
        *(KEY, "uid", "exp-0", "uid-0", 0, {"lr": 0.5}, NOW),
        progress=Progress(latest=seen, best=seen, curve=((3, 0.5),), mean=Mean(1, 0.5)),
    )
    world = Patched(there)
    experiments = ExperimentCache()
    experiments.put(body("uid", 1))
    context = ExecutionContext(experiments.get(KEY), ActionBackoff(jitter=lambda: 1.0), NOW)
    chains = [(WriteTrial(replace(there, attempt=2, progress=Progress())),)]
    await Executor(world, world, Ignoring(), lambda _: True).execute(context, chains)
    (patch,) = world.patches
    assert {name for name, value in trial_status(there).items() if value and patch.get(name, "kept") is None} >= {
        "latest",
        "best",
        "mean",
        "curve",
    }
