"""The operator dies, or the API does not answer as it should: every experiment comes to its end all the same."""

import asyncio
import random

from scenarios.stage import Stage
from scenarios.trials import ASHA

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


SCENARIOS = (line_cut,)
LONG_SCENARIOS = (operator_killed,)
