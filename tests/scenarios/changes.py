"""What people do to experiments while they run and afterwards."""

import asyncio
import json

from scenarios.ends import LONG, QUICK, reached
from support.stage import Stage
from toprung.kube.resources import EXPERIMENTS, PODS, TRIALS


async def suspended_and_resumed(stage: Stage) -> None:
    """Suspending ends every Pod and no trial; resuming goes on with the next attempt of each."""
    program = 'echo score=0.5; [ "$TOPRUNG_ATTEMPT" = 2 ] || sleep 60'
    await stage.apply(stage.experiment(program, maxTrialCount=2))
    await stage.says("exp-0-1", "score")
    await stage.says("exp-1-1", "score")
    await stage.edit(suspend=True)
    await stage.has_condition("Suspended", "Suspended")

    async def still() -> bool:
        return not await stage.pods(alive=True)

    await stage.until(still, "no Pod runs")
    await stage.quiet()
    assert not [trial for trial in await stage.trials() if trial["status"]["state"] not in {"Pending", "Running"}]
    assert (await stage.status())["state"] == "Suspended"
    await stage.edit(suspend=False)
    status = await stage.ended()
    assert status["trials"]["succeeded"] == 2
    for trial in await stage.trials():
        told = trial["status"]
        assert (told["attempt"], told["failures"], told["disruptions"]) == (2, 0, 0)
    assert (await stage.condition("Suspended"))["status"] == "False"


async def more_trials_after_the_end(stage: Stage) -> None:
    """Raising maxTrialCount of a finished experiment continues it; its end is told once more."""
    await stage.apply(stage.experiment(QUICK, maxTrialCount=2))
    await stage.ended()
    first = [trial["metadata"]["uid"] for trial in await stage.trials()]
    await stage.edit(maxTrialCount=4)
    await stage.ended(done="4/4")
    assert [trial["metadata"]["uid"] for trial in await stage.trials()][:2] == first
    assert len(await stage.events("MaxTrialsReached")) == 2


async def scaled(stage: Stage) -> None:
    """`kubectl scale` sets how many trials run at once; scaling down ends none that runs."""
    await stage.apply(stage.experiment(LONG, maxTrialCount=6, parallelTrialCount=1))
    await stage.runs("exp-0-1")
    code, said = await stage.kubectl("scale", "exp/exp", "--replicas=3")
    assert code == 0, said
    await stage.runs("exp-0-1", "exp-1-1", "exp-2-1")
    await stage.kubectl("scale", "exp/exp", "--replicas=1")
    await stage.quiet()
    assert sorted(await stage.pods(alive=True)) == ["exp-0-1", "exp-1-1", "exp-2-1"]


async def deleted(stage: Stage) -> None:
    """Trials and Pods go with their Experiment."""
    await stage.apply(stage.experiment(LONG, maxTrialCount=6))
    await stage.runs("exp-0-1", "exp-1-1")
    await stage.delete(EXPERIMENTS, "exp")

    async def gone() -> bool:
        return not await stage.objects(TRIALS) and not await stage.pods()

    await stage.until(gone, "nothing is left")
    await stage.quiet()


async def deleted_and_made_again(stage: Stage) -> None:
    """An Experiment made anew while the Trials of its predecessor are still ending has trials of its own."""
    await stage.apply(stage.experiment(LONG, maxTrialCount=6))
    await stage.runs("exp-0-1", "exp-1-1")
    old = {trial["metadata"]["uid"] for trial in await stage.trials()}
    await stage.delete(EXPERIMENTS, "exp")
    made = await stage.apply(stage.experiment(QUICK, maxTrialCount=3))
    status, trials = await stage.ended(), await stage.trials()
    assert status["trials"]["succeeded"] == 3
    assert not old & {trial["metadata"]["uid"] for trial in trials}
    assert {trial["metadata"]["ownerReferences"][0]["uid"] for trial in trials} == {made["metadata"]["uid"]}
    assert {trial["status"]["attempt"] for trial in trials} == {1}


async def same_name_in_two_namespaces(stage: Stage) -> None:
    """Experiments of one name in two namespaces know nothing of each other."""
    other = await stage.another()
    await stage.apply(stage.experiment("echo score=0.25", maxTrialCount=3))
    await other.apply(other.experiment("exit 1", maxTrialCount=2))
    mine, theirs = await stage.ended(), await other.ended()
    assert (mine["state"], mine["trials"]["succeeded"], mine["trials"]["failed"]) == ("Succeeded", 3, 0)
    assert (theirs["state"], theirs["trials"]["succeeded"], theirs["trials"]["failed"]) == ("Failed", 0, 2)


async def two_at_once(stage: Stage) -> None:
    """Two experiments share the operator, and one that is broken does not hold up the other."""
    await stage.apply(stage.experiment(QUICK, name="good", maxTrialCount=6))
    await stage.apply(stage.experiment("exit 1", name="bad", maxTrialCount=6, template={"retries": 1}))
    good, bad = await stage.ended("good"), await stage.ended("bad")
    assert (good["trials"]["succeeded"], bad["trials"]["failed"]) == (6, 6)


async def invalid_and_mended(stage: Stage) -> None:
    """What the schema lets through is told as a condition with every fault at once, and an edit mends it."""
    circle = [
        {"name": name, "type": "categorical", "values": ["x", "y"], "when": {"parameter": other, "in": ["x"]}}
        for name, other in (("a", "b"), ("b", "c"), ("c", "a"))
    ]
    body = stage.experiment("echo score=0.5 ${parameters.nonsense}", parameters=circle, maxTrialCount=2)
    await stage.apply(body)
    condition = await stage.has_condition("Valid", "Invalid", status="False")
    assert "when" in condition["message"]
    assert "nonsense" in condition["message"]
    assert (await stage.status())["state"] == "Invalid"
    await stage.quiet()
    assert await stage.events() == [("exp", "Invalid", condition["message"])]
    spec = stage.experiment(QUICK, maxTrialCount=2)["spec"]
    patch = json.dumps({"spec": {name: spec[name] for name in ("parameters", "trialTemplate")}})
    code, said = await stage.kubectl("patch", "exp", "exp", "--type=merge", "-p", patch)
    assert code == 0, said
    status = await stage.ended()
    assert status["trials"]["succeeded"] == 2
    assert (await stage.condition("Valid"))["status"] == "True"


async def seen_by_kubectl(stage: Stage) -> None:
    """`kubectl wait` returns at the end, and the columns tell how it stands, in six digits; the status has them all."""
    program = "echo epoch=1 score=0.${parameters.x}123456789012345"
    await stage.apply(stage.experiment(program, maxTrialCount=2, initialTrials=[{"x": 7}, {"x": 3}]))
    code, said = await stage.kubectl("wait", "--for=condition=Succeeded", "exp/exp", f"--timeout={stage.patience:.0f}s")
    assert code == 0, said
    _, table = await stage.kubectl("get", "exp")
    head, row = (line.split() for line in table.splitlines())
    assert head == ["NAME", "STATUS", "DONE", "RUNNING", "BEST", "AGE"]
    assert row[:5] == ["exp", "Succeeded", "2/2", "0", "0.712346"]
    _, table = await stage.kubectl("get", "trials")
    assert table.splitlines()[1].split()[:4] == ["exp-0", "Succeeded", "1", "0.712346"]
    assert (await stage.status())["best"]["value"] == 0.7123456789012345
    _, told = await stage.kubectl("describe", "exp", "exp")
    assert "MaxTrialsReached" in told.partition("Events:")[2]


async def pods_deleted_all_the_time(stage: Stage) -> None:
    """However often running Pods are taken away, every trial still comes to its end, and none is counted as failed."""
    program = "echo epoch=1 score=0.1; sleep 1; echo epoch=2 score=0.${parameters.x}"
    await stage.apply(stage.experiment(program, maxTrialCount=4))
    for _ in range(8):
        await asyncio.sleep(0.5)
        for name in list(await stage.pods(alive=True))[:1]:
            await stage.delete(PODS, name)
    status = await stage.ended()
    assert status["trials"]["succeeded"] == 4
    assert {trial["status"]["failures"] for trial in await stage.trials()} == {0}
    assert reached(status)["reason"] == "MaxTrialsReached"


SCENARIOS = (
    suspended_and_resumed,
    more_trials_after_the_end,
    scaled,
    deleted,
    deleted_and_made_again,
    same_name_in_two_namespaces,
    two_at_once,
    invalid_and_mended,
    seen_by_kubectl,
)
LONG_SCENARIOS = (pods_deleted_all_the_time,)
