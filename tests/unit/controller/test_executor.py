"""How a plan is executed: concurrently, in order, and within bounds."""

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
from toprung.objects.trial import TrialRecord, trial_status
from toprung.planning.actions import CreatePod, CreateTrial, DeletePod, WriteTrial

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Ignoring:
    """A cache whose content is of no interest."""

    def put(self, obj):
        pass

    def get(self, *_):
        return None


class Slow:
    """A gateway to a cluster that takes its time, the less the later it is asked, and fails to make some Trials."""

    def __init__(self, errors):
        self.errors, self.made, self.asked = errors, [], 0

    async def create(self, kind, *, namespace, body):  # noqa: ARG002
        self.asked += 1
        await asyncio.sleep(1 / self.asked)
        index = int(body["metadata"]["name"].rpartition("-")[2])
        if index in self.errors:
            raise self.errors[index]
        self.made.append(index)
        return body


async def executed(gateway, chains, *, backoff=None, is_current=lambda _: True):
    """Execute the chains in one reconciliation."""
    experiments = ExperimentCache()
    experiments.put(body("uid", 1))
    context = ExecutionContext(experiments.get(KEY), backoff or ActionBackoff(jitter=lambda: 1.0), NOW)
    return await Executor(gateway, Ignoring(), Ignoring(), is_current).execute(context, chains)


def new_trials(count):
    """The chains that start so many new trials."""
    return [(CreateTrial(index, {"lr": 0.5}, 0), CreatePod(index, 1)) for index in range(count)]


@pytest.mark.looptime
async def test_trials_are_created_in_the_order_of_their_indices():
    """However long the API server takes for each: a kill between two of them leaves no gap."""
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
    """The next reconciliation begins with the missing one, whose index would be skipped otherwise."""
    gateway = Slow({2: error})
    result = await executed(gateway, new_trials(5))
    assert gateway.made == [0, 1]
    assert {failure.error for failure in result.failures if isinstance(failure.error, type(error))} == {error}
    assert (result.pods_refused is not None) is lasting


class Counting:
    """A gateway that counts the writes, and how many are under way at once."""

    def __init__(self):
        self.writes, self.now, self.most = 0, 0, 0

    async def delete(self, *_, **__):
        self.writes, self.now = self.writes + 1, self.now + 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(1)
        self.now -= 1


@pytest.mark.looptime
async def test_writes_of_one_reconciliation_are_bounded():
    """The rest is left for the next reconciliation, after the turns of others."""
    gateway = Counting()
    result = await executed(gateway, [(DeletePod(f"pod-{index}", "uid"),) for index in range(MAX_WRITES + 5)])
    assert (gateway.writes, gateway.most, result.deferred) == (MAX_WRITES, CONCURRENT_WRITES, True)


@pytest.mark.looptime
async def test_a_chain_longer_than_the_bound_is_executed():
    """A plan always advances."""
    gateway = Counting()
    result = await executed(gateway, [tuple(DeletePod(f"pod-{index}", "uid") for index in range(MAX_WRITES + 5))])
    assert (gateway.writes, result.deferred) == (MAX_WRITES + 5, False)


@pytest.mark.looptime
async def test_actions_that_failed_a_moment_ago_do_not_use_up_the_bound():
    """Otherwise many refused writes would starve all others."""
    gateway, backoff = Counting(), ActionBackoff(jitter=lambda: 1.0)
    refused = [("DeletePod", f"pod-{index}") for index in range(MAX_WRITES)]
    failures = [ActionFailure(subject, "a Pod", Forbidden("no", status=403)) for subject in refused]
    backoff.record(failures, (), alive=0, now=NOW)
    chains = [(DeletePod(f"pod-{index}", "uid"),) for index in range(MAX_WRITES + 5)]
    result = await executed(gateway, chains, backoff=backoff)
    assert (gateway.writes, len(result.backed_off), result.complete) == (5, MAX_WRITES, False)


@pytest.mark.looptime
async def test_a_deleted_experiment_ends_the_execution():
    """Nothing more is written for it."""
    gateway = Counting()
    chains = [tuple(DeletePod(f"pod-{index}", "uid") for index in range(5))]
    await executed(gateway, chains, is_current=lambda _: gateway.writes < 2)
    assert gateway.writes == 2


async def test_an_exception_in_one_action_is_a_failure():
    """It ends its chain, is reported with its type, and keeps nothing else from being done."""

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
    """A gateway to a cluster in which an object of the name exists."""

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
    """It affects that trial alone, and is a lasting failure."""
    result = await executed(Taken(owner), new_trials(1))
    failure = result.failures[0]
    assert (failure.lasting, failure.subject) == (True, ("CreateTrial", "exp-0"))
    assert failure.reason.reason == Reason.NAME_TAKEN
    assert whose in failure.reason.message


class Patched:
    """A gateway that notes the patches; and a cache that holds one Trial."""

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
    """A merge patch keeps the members of a status that it does not mention, so each of them is set to null."""
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
