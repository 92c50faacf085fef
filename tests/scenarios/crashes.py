"""The operator dies, or the API does not answer as it should: every experiment comes to its end all the same."""

import asyncio
import random

from scenarios.trials import ASHA
from support.stage import Stage
from toprung.kube.resources import TRIALS

EPOCHS = """
i=1
while [ $i -le 9 ]; do echo epoch=$i score=0.$i${parameters.x}; sleep 0.2; i=$((i + 1)); done"""


async def every_trial_once(stage: Stage, count: int, name: str = "exp") -> None:
    """See that the right trials were made, each in one attempt that came to an end."""
    status, trials = await stage.ended(name), await stage.trials(name)
    assert [trial["spec"]["index"] for trial in trials] == list(range(count))
    assert {trial["status"]["state"] for trial in trials} <= {"Succeeded", "Stopped"}
    assert {trial["status"]["attempt"] for trial in trials} == {1}
    assert sorted(await stage.pods(name)) == sorted(f"{name}-{index}-1" for index in range(count))
    assert status["done"] == f"{count}/{count}"
    told = [(event[0], event[1]) for event in await stage.events()]
    assert len(told) == len(set(told)), told
    for trial in trials:
        rungs = trial["status"].get("rungs", [])
        assert len({rung["resource"] for rung in rungs}) == len(rungs)
        if trial["status"]["state"] == "Succeeded":
            assert trial["status"]["latest"]["step"] == 9


async def operator_killed(stage: Stage) -> None:
    """Killed with -9 and started again, over and over, it repeats nothing and forgets nothing."""
    moments = random.Random(3)
    await stage.apply(stage.experiment(EPOCHS, earlyStopping=ASHA, maxTrialCount=8))
    for _ in range(4):
        await asyncio.sleep(moments.uniform(1.5, 3))
        await stage.operator.kill()
    await every_trial_once(stage, 8)


async def line_cut(stage: Stage) -> None:
    """The API server is not to be reached for a while, as when it is restarted."""
    await stage.apply(stage.experiment(EPOCHS, earlyStopping=ASHA, maxTrialCount=8))
    await stage.runs("exp-0-1", "exp-1-1")
    for _ in range(3):
        stage.line.cut()
        await asyncio.sleep(0.7)
        stage.line.mend()
        await asyncio.sleep(0.7)
    await every_trial_once(stage, 8)


async def operator_down_past_the_deadline(stage: Stage) -> None:
    """What happened before maxDuration was over counts, though it is read long after."""
    program = "echo epoch=1 score=0.1; sleep 3; echo epoch=2 score=0.9"
    await stage.apply(stage.experiment(program, maxDuration="8s", maxTrialCount=20))
    await stage.runs("exp-0-1", "exp-1-1")
    await stage.operator.stop()
    await asyncio.sleep(10)
    await stage.operator.start()
    status, trials = await stage.ended(), await stage.trials()
    finished = next(each for each in status["conditions"] if each["type"] == "Finished")
    assert (finished["status"], finished["reason"]) == ("True", "MaxDurationReached")
    assert (status["best"]["value"], status["best"]["step"]) == (0.9, 2)
    assert [(trial["status"]["state"], trial["status"]["latest"]["step"]) for trial in trials[:2]] == [
        ("Succeeded", 2)
    ] * 2


async def trials_deleted_after_the_end(stage: Stage) -> None:
    """A complete experiment keeps its end, its best trial and its counts, and no Event is emitted."""
    await stage.apply(stage.experiment("echo score=0.${parameters.x}", maxTrialCount=3))
    status = await stage.ended()
    events = await stage.events()
    for trial in await stage.trials():
        await stage.gateway.delete(
            TRIALS, namespace=stage.namespace, name=trial["metadata"]["name"], uid=trial["metadata"]["uid"]
        )

    async def deleted() -> bool:
        return not await stage.trials()

    await stage.until(deleted, "the Trials are deleted")
    await stage.operator.kill()
    await stage.quiet()
    assert await stage.status() == status
    assert await stage.events() == events


SCENARIOS = (line_cut, operator_down_past_the_deadline, trials_deleted_after_the_end)
LONG_SCENARIOS = (operator_killed,)
