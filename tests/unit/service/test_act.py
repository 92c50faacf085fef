"""How a plan is carried out: what runs side by side, and what one after the other."""

import asyncio
from datetime import UTC, datetime

import pytest

from toprung.api.errors import ClusterUnavailable, Forbidden
from toprung.planning.actions import CreatePod, CreateTrial
from toprung.service.act import Actor, Target
from toprung.service.experiments import Experiments
from toprung.service.refusals import Refusals
from unit.service.test_experiments import KEY, body

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


async def carried_out(errors, count=5):
    """Make so many trials in one pass; gives the gateway and the outcome."""
    experiments, gateway = Experiments(), Slow(errors)
    experiments.put(body("uid", 1))
    target = Target(experiments.get(KEY), None, NOW)
    chains = [(CreateTrial(index, {"lr": 0.5}, 0), CreatePod(index, 1)) for index in range(count)]
    return gateway, await Actor(gateway, Ignoring(), Ignoring(), Refusals()).carry_out(target, chains)


@pytest.mark.looptime
async def test_trials_are_made_in_the_order_of_their_indices():
    """However long the API server takes for each: a kill between two of them leaves no gap."""
    gateway, _ = await carried_out({})
    assert gateway.made == [0, 1, 2, 3, 4]


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("error", "passing"),
    [
        pytest.param(ClusterUnavailable("broken off"), True, id="passing"),
        pytest.param(Forbidden("no", status=403), False, id="lasting"),
    ],
)
async def test_no_trial_is_made_after_one_that_was_not(error, passing):
    """The next pass begins with the one that is missing, whose index would be passed over otherwise."""
    gateway, outcome = await carried_out({2: error})
    assert gateway.made == [0, 1]
    assert any(failure.error is error for failure in outcome.failures) is passing
    assert (outcome.trouble is None) is passing
