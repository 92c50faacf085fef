"""Changes of experiments by users, while they run and afterwards."""

import asyncio
import json

from scenarios.ends import LONG, QUICK, end_condition
from support.environment import Environment
from toprung.kube.resources import EXPERIMENTS, PODS, TRIALS


async def suspended_and_resumed(env: Environment) -> None:
    """Suspension stops all Pods and ends no trial. After it each trial resumes with its next attempt."""
    program = 'echo score=0.5; [ "$TOPRUNG_ATTEMPT" = 2 ] || sleep 60'
    await env.apply(env.experiment(program, maxTrialCount=2))
    await env.wait_until_printed("exp-0-1", "score")
    await env.wait_until_printed("exp-1-1", "score")
    await env.edit(suspend=True)
    await env.wait_for_condition("Suspended", "Suspended")

    async def no_pod_runs() -> bool:
        return not await env.pods(alive=True)

    await env.wait_until(no_pod_runs, "no Pod runs")
    await env.wait_until_idle()
    assert {trial["status"]["state"] for trial in await env.trials()} <= {"Pending", "Running"}
    assert (await env.status())["state"] == "Suspended"
    await env.edit(suspend=False)
    status = await env.wait_until_complete()
    assert status["trials"]["succeeded"] == 2
    counts = [
        [trial["status"][name] for name in ("attempt", "failures", "disruptions")] for trial in await env.trials()
    ]
    assert counts == [[2, 0, 0], [2, 0, 0]]
    assert (await env.condition("Suspended"))["status"] == "False"


async def more_trials_after_the_end(env: Environment) -> None:
    """A complete experiment continues once maxTrialCount is raised, and emits an Event for each end."""
    await env.apply(env.experiment(QUICK, maxTrialCount=2))
    await env.wait_until_complete()
    first = [trial["metadata"]["uid"] for trial in await env.trials()]
    await env.edit(maxTrialCount=4)
    await env.wait_until_complete(done="4/4")
    assert [trial["metadata"]["uid"] for trial in await env.trials()][:2] == first
    assert len(await env.events("MaxTrialsReached")) == 2


async def scaled(env: Environment) -> None:
    """`kubectl scale` sets the number of parallel trials. Scaling down stops no running trial."""
    await env.apply(env.experiment(LONG, maxTrialCount=6, parallelTrialCount=1))
    await env.wait_until_running("exp-0-1")
    code, output = await env.kubectl("scale", "exp/exp", "--replicas=3")
    assert code == 0, output
    await env.wait_until_running("exp-0-1", "exp-1-1", "exp-2-1")
    await env.kubectl("scale", "exp/exp", "--replicas=1")
    await env.wait_until_idle()
    assert sorted(await env.pods(alive=True)) == ["exp-0-1", "exp-1-1", "exp-2-1"]


async def deleted(env: Environment) -> None:
    """The Trials and Pods of a deleted Experiment are deleted."""
    await env.apply(env.experiment(LONG, maxTrialCount=6))
    await env.wait_until_running("exp-0-1", "exp-1-1")
    await env.delete(EXPERIMENTS, "exp")

    async def all_deleted() -> bool:
        return not await env.objects(TRIALS) and not await env.pods()

    await env.wait_until(all_deleted, "Trials and Pods are deleted")
    await env.wait_until_idle()


async def deleted_and_recreated(env: Environment) -> None:
    """An Experiment that is recreated while the Trials of its predecessor still end has its own trials."""
    await env.apply(env.experiment(LONG, maxTrialCount=6))
    await env.wait_until_running("exp-0-1", "exp-1-1")
    old = {trial["metadata"]["uid"] for trial in await env.trials()}
    await env.delete(EXPERIMENTS, "exp")
    recreated = await env.apply(env.experiment(QUICK, maxTrialCount=3))
    status, trials = await env.wait_until_complete(), await env.trials()
    assert status["trials"]["succeeded"] == 3
    assert not old & {trial["metadata"]["uid"] for trial in trials}
    assert {trial["metadata"]["ownerReferences"][0]["uid"] for trial in trials} == {recreated["metadata"]["uid"]}
    assert {trial["status"]["attempt"] for trial in trials} == {1}


async def same_name_in_two_namespaces(env: Environment) -> None:
    """Experiments of the same name in two namespaces do not affect each other."""
    other = await env.another_namespace()
    await env.apply(env.experiment("echo score=0.25", maxTrialCount=3))
    await other.apply(other.experiment("exit 1", maxTrialCount=2))
    mine, theirs = await env.wait_until_complete(), await other.wait_until_complete()
    assert (mine["state"], mine["trials"]["succeeded"], mine["trials"]["failed"]) == ("Succeeded", 3, 0)
    assert (theirs["state"], theirs["trials"]["succeeded"], theirs["trials"]["failed"]) == ("Failed", 0, 2)


async def two_experiments_at_once(env: Environment) -> None:
    """An experiment whose trials fail does not delay another one."""
    await env.apply(env.experiment(QUICK, name="good", maxTrialCount=6))
    await env.apply(env.experiment("exit 1", name="bad", maxTrialCount=6, template={"retries": 1}))
    good, bad = await env.wait_until_complete("good"), await env.wait_until_complete("bad")
    assert (good["trials"]["succeeded"], bad["trials"]["failed"]) == (6, 6)


async def invalid_and_corrected(env: Environment) -> None:
    """All errors that the schema does not find are in one condition. An edit of the Experiment corrects them."""
    circle = [
        {"name": name, "type": "categorical", "values": ["x", "y"], "when": {"parameter": other, "in": ["x"]}}
        for name, other in (("a", "b"), ("b", "c"), ("c", "a"))
    ]
    body = env.experiment("echo score=0.5 ${parameters.nonsense}", parameters=circle, maxTrialCount=2)
    await env.apply(body)
    condition = await env.wait_for_condition("Valid", "Invalid", status="False")
    assert "when" in condition["message"]
    assert "nonsense" in condition["message"]
    assert (await env.status())["state"] == "Invalid"
    await env.wait_until_idle()
    assert await env.events() == [("exp", "Invalid", condition["message"])]
    spec = env.experiment(QUICK, maxTrialCount=2)["spec"]
    patch = json.dumps({"spec": {name: spec[name] for name in ("parameters", "trialTemplate")}})
    code, output = await env.kubectl("patch", "exp", "exp", "--type=merge", "-p", patch)
    assert code == 0, output
    status = await env.wait_until_complete()
    assert status["trials"]["succeeded"] == 2
    assert (await env.condition("Valid"))["status"] == "True"


async def kubectl_output(env: Environment) -> None:
    """`kubectl wait` returns at the end. The columns show values with six digits, and the status with all digits."""
    program = "echo epoch=1 score=0.${parameters.x}123456789012345"
    await env.apply(env.experiment(program, maxTrialCount=2, initialTrials=[{"x": 7}, {"x": 3}]))
    code, output = await env.kubectl("wait", "--for=condition=Succeeded", "exp/exp", f"--timeout={env.timeout:.0f}s")
    assert code == 0, output
    _, table = await env.kubectl("get", "exp")
    head, row = (line.split() for line in table.splitlines())
    assert head == ["NAME", "STATUS", "DONE", "RUNNING", "BEST", "AGE"]
    assert row[:5] == ["exp", "Succeeded", "2/2", "0", "0.712346"]
    _, table = await env.kubectl("get", "trials")
    assert table.splitlines()[1].split()[:4] == ["exp-0", "Succeeded", "1", "0.712346"]
    assert (await env.status())["best"]["value"] == 0.7123456789012345
    _, description = await env.kubectl("describe", "exp", "exp")
    assert "MaxTrialsReached" in description.partition("Events:")[2]


async def pods_deleted_repeatedly(env: Environment) -> None:
    """All trials succeed although running Pods are deleted repeatedly, and no failure is counted."""
    program = "echo epoch=1 score=0.1; sleep 1; echo epoch=2 score=0.${parameters.x}"
    await env.apply(env.experiment(program, maxTrialCount=4))
    for _ in range(8):
        await asyncio.sleep(0.5)
        for name in list(await env.pods(alive=True))[:1]:
            await env.delete(PODS, name)
    status = await env.wait_until_complete()
    assert status["trials"]["succeeded"] == 4
    assert {trial["status"]["failures"] for trial in await env.trials()} == {0}
    assert end_condition(status)["reason"] == "MaxTrialsReached"


SCENARIOS = (
    suspended_and_resumed,
    more_trials_after_the_end,
    scaled,
    deleted,
    deleted_and_recreated,
    same_name_in_two_namespaces,
    two_experiments_at_once,
    invalid_and_corrected,
    kubectl_output,
)
LONG_SCENARIOS = (pods_deleted_repeatedly,)
