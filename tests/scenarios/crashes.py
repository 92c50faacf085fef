"""Experiments complete although the operator is killed or the API server is unreachable."""

import asyncio
import random
from collections import Counter

from scenarios.trials import ASHA
from support.environment import Environment
from toprung.kube.resources import TRIALS

EPOCHS = """
i=1
while [ $i -le 9 ]; do echo epoch=$i score=0.$i${parameters.x}; sleep 0.2; i=$((i + 1)); done"""


async def check_each_trial_ran_once(env: Environment, count: int, name: str = "exp") -> None:
    """Check that an experiment completes, and that each of its trials ran once and in one attempt."""
    status, trials = await env.wait_until_complete(name), await env.trials(name)
    assert [trial["spec"]["index"] for trial in trials] == list(range(count))
    assert {trial["status"]["attempt"] for trial in trials} == {1}
    assert sorted(await env.pods(name)) == sorted(f"{name}-{index}-1" for index in range(count))
    assert status["done"] == f"{count}/{count}"
    events = [(event[0], event[1]) for event in await env.events()]
    assert len(events) == len(set(events)), events
    states = Counter(trial["status"]["state"] for trial in trials)
    assert states.keys() <= {"Succeeded", "Stopped"}
    last_steps = [trial["status"]["latest"]["step"] for trial in trials if trial["status"]["state"] == "Succeeded"]
    assert last_steps == [9] * states["Succeeded"]
    assert states["Succeeded"] > 0
    rungs = [
        (trial["metadata"]["name"], rung["resource"]) for trial in trials for rung in trial["status"].get("rungs", [])
    ]
    assert len(rungs) == len(set(rungs)), rungs


async def operator_killed(env: Environment) -> None:
    """An operator that is killed and restarted several times repeats no trial and loses none."""
    moments = random.Random(3)
    await env.apply(env.experiment(EPOCHS, earlyStopping=ASHA, maxTrialCount=8))
    for _ in range(4):
        await asyncio.sleep(moments.uniform(1.5, 3))
        await env.operator.kill()
    await check_each_trial_ran_once(env, 8)


async def connection_lost(env: Environment) -> None:
    """The experiment completes although the connections to the API server break several times."""
    await env.apply(env.experiment(EPOCHS, earlyStopping=ASHA, maxTrialCount=8))
    await env.wait_until_running("exp-0-1", "exp-1-1")
    for _ in range(3):
        env.proxy.cut()
        await asyncio.sleep(0.7)
        env.proxy.restore()
        await asyncio.sleep(0.7)
    await check_each_trial_ran_once(env, 8)


async def operator_down_past_the_deadline(env: Environment) -> None:
    """Values that were reported before the end of maxDuration count, although they are read after it."""
    program = "echo epoch=1 score=0.1; sleep 3; echo epoch=2 score=0.9"
    await env.apply(env.experiment(program, maxDuration="8s", maxTrialCount=20))
    await env.wait_until_running("exp-0-1", "exp-1-1")
    await env.operator.stop()
    await asyncio.sleep(10)
    await env.operator.start()
    status, trials = await env.wait_until_complete(), await env.trials()
    finished = next(each for each in status["conditions"] if each["type"] == "Finished")
    assert (finished["status"], finished["reason"]) == ("True", "MaxDurationReached")
    assert (status["best"]["value"], status["best"]["step"]) == (0.9, 2)
    assert [(trial["status"]["state"], trial["status"]["latest"]["step"]) for trial in trials[:2]] == [
        ("Succeeded", 2)
    ] * 2


async def trials_deleted_after_the_end(env: Environment) -> None:
    """A complete experiment keeps its conditions, best trial and counts, and emits no Event."""
    await env.apply(env.experiment("echo score=0.${parameters.x}", maxTrialCount=3))
    status = await env.wait_until_complete()
    events = await env.events()
    for trial in await env.trials():
        await env.gateway.delete(
            TRIALS, namespace=env.namespace, name=trial["metadata"]["name"], uid=trial["metadata"]["uid"]
        )

    async def deleted() -> bool:
        return not await env.trials()

    await env.wait_until(deleted, "the Trials are deleted")
    await env.operator.kill()
    await env.wait_until_idle()
    assert await env.status() == status
    assert await env.events() == events


SCENARIOS = (connection_lost, operator_down_past_the_deadline, trials_deleted_after_the_end)
LONG_SCENARIOS = (operator_killed,)
