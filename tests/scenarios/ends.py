"""Ends of experiments, and that none of their Pods runs afterwards."""

from support.environment import Environment

QUICK = "echo score=0.${parameters.x}"
LONG = "echo epoch=1 score=0.1; sleep 60"


def end_condition(status: dict) -> dict:
    return next(each for each in status["conditions"] if each["status"] == "True" and each["type"] != "Valid")


async def by_max_trials(env: Environment) -> None:
    """All maxTrialCount trials run once, and the status has the best one."""
    await env.apply(env.experiment(QUICK, maxTrialCount=5))
    status, trials = await env.wait_until_complete(), await env.trials()
    assert (end_condition(status)["type"], end_condition(status)["reason"]) == ("Succeeded", "MaxTrialsReached")
    assert [trial["spec"]["index"] for trial in trials] == list(range(5))
    assert {trial["status"]["state"] for trial in trials} == {"Succeeded"}
    best = max(trials, key=lambda trial: trial["spec"]["parameters"]["x"])["spec"]["parameters"]["x"]
    assert status["best"]["value"] == best / 10
    assert status["best"]["parameters"] == {"x": best}
    assert status["trials"]["succeeded"] == status["trials"]["total"] == 5
    assert (status["done"], status["state"]) == ("5/5", "Succeeded")
    assert env.max_active_pods["exp"] <= 2
    await env.wait_until_idle()
    assert sorted(await env.pods()) == [f"exp-{index}-1" for index in range(5)]


async def by_goal(env: Environment) -> None:
    """A trial that reaches the goal stops the others. Their Pods and logs remain."""
    program = 'if [ "$TOPRUNG_TRIAL" = exp-1 ]; then sleep 1; echo score=0.95; else echo score=0.1; sleep 60; fi'
    objective = {"metric": "score", "type": "maximize", "goal": 0.9}
    await env.apply(env.experiment(program, objective=objective, maxTrialCount=20))
    status = await env.wait_until_complete()
    assert end_condition(status)["reason"] == "GoalReached"
    assert status["best"]["trial"] == "exp-1"
    trials = await env.trials()
    assert [trial["status"]["reason"] for trial in trials if trial["metadata"]["name"] == "exp-0"] == [
        "ExperimentEnded"
    ]
    assert "score=0.1" in await env.log("exp-0-1")
    assert len([event for event in await env.events("GoalReached") if event[0] == "exp"]) == 1


async def by_failures(env: Environment) -> None:
    """More failed trials than maxFailedTrialCount fail the experiment. The message has the exit code and the last lines.

    A third trial starts if the second one's Pod ends before its log is read. It may fail too.
    """
    program = "echo about to break; exit 3"
    await env.apply(env.experiment(program, maxFailedTrialCount=1, maxTrialCount=20, parallelTrialCount=1))
    status, trials = await env.wait_until_complete(), await env.trials()
    assert (end_condition(status)["type"], end_condition(status)["reason"]) == ("Failed", "MaxFailedTrialsReached")
    failed = [trial for trial in trials if trial["status"]["state"] == "Failed"]
    assert len(failed) in {2, 3}
    assert {trial["status"]["reason"] for trial in failed} == {"ProgramFailed"}
    assert "exit code 3" in failed[0]["status"]["message"]
    assert "about to break" in failed[0]["status"]["message"]
    assert [event[0] for event in await env.events("ProgramFailed")] == [t["metadata"]["name"] for t in failed]


async def by_duration(env: Environment) -> None:
    """After maxDuration all trials are stopped. An experiment with a best trial succeeds, and stays complete."""
    await env.apply(env.experiment(LONG, maxDuration="2500ms"))
    status = await env.wait_until_complete()
    assert (end_condition(status)["type"], end_condition(status)["reason"]) == ("Succeeded", "MaxDurationReached")
    await env.wait_until_idle()
    assert {trial["status"]["state"] for trial in await env.trials()} == {"Stopped"}
    assert len(await env.trials()) == 2
    assert (await env.status())["completionTime"] == status["completionTime"]


async def by_no_progress(env: Environment) -> None:
    """After three consecutive trials without an improvement of more than minDelta, the experiment succeeds.

    A further trial starts if the third one's Pod ends before its log is read. It is stopped, and counts.
    """
    program = "case $TOPRUNG_TRIAL in exp-1) echo score=0.9;; exp-[0-3]) echo score=0.85;; *) sleep 60;; esac"
    limit = {"trials": 3, "minDelta": 0.1}
    await env.apply(env.experiment(program, stopWhenNoProgress=limit, maxTrialCount=20, parallelTrialCount=1))
    status = await env.wait_until_complete()
    assert (end_condition(status)["type"], end_condition(status)["reason"]) == ("Succeeded", "NoProgress")
    assert "trials improved the best value by more than 0.1" in end_condition(status)["message"]
    assert status["best"]["trial"] == "exp-1"
    assert len(await env.trials()) in {4, 5}
    await env.wait_until_idle()


async def by_exhaustion(env: Environment) -> None:
    """A grid of four configurations runs once. The experiment then succeeds."""
    parameters = [{"name": "x", "type": "ordinal", "values": [1, 2, 3, 4]}]
    body = env.experiment(QUICK, parameters=parameters, algorithm={"grid": {}}, maxTrialCount=50)
    await env.apply(body)
    status = await env.wait_until_complete()
    assert end_condition(status)["reason"] == "SearchSpaceExhausted"
    assert sorted(trial["spec"]["parameters"]["x"] for trial in await env.trials()) == [1, 2, 3, 4]
    await env.wait_until_idle()


async def by_exhaustion_without_a_best(env: Environment) -> None:
    """An experiment whose search space is exhausted without a best trial fails, and emits one Event."""
    parameters = [{"name": "x", "type": "ordinal", "values": [1, 2]}]
    await env.apply(env.experiment("exit 1", parameters=parameters, algorithm={"grid": {}}, maxTrialCount=50))
    status = await env.wait_until_complete()
    assert end_condition(status)["type"] == "Failed"
    assert "all 2 trials failed: exit code 1" in end_condition(status)["message"]
    env.timeout /= 3
    await env.wait_until_idle()
    assert len([event for event in await env.events() if event[0] == "exp"]) == 1


async def initial_trials_come_first(env: Environment) -> None:
    """The initialTrials run first and in order. The same seed then suggests the same configurations."""
    initial = [{"x": 9}, {"x": 0}, {"x": 5}]
    for name in ("one", "two"):
        await env.apply(env.experiment(QUICK, name=name, initialTrials=initial, maxTrialCount=6))
    for name in ("one", "two"):
        await env.wait_until_complete(name)
    one, two = [[trial["spec"]["parameters"] for trial in await env.trials(name)] for name in ("one", "two")]
    assert one[:3] == initial
    assert one == two


async def two_hundred_trials(env: Environment) -> None:
    """The counts of 200 trials are correct, and at most 20 trials run in parallel."""
    body = env.experiment(
        "echo score=${parameters.x}",
        parameters=[{"name": "x", "type": "double", "min": 0, "max": 1}],
        maxTrialCount=200,
        parallelTrialCount=20,
        podRetention={"keep": "none"},
    )
    env.timeout = 300
    await env.apply(body)
    status = await env.wait_until_complete()
    not_succeeded = [trial["status"] for trial in await env.trials() if trial["status"]["state"] != "Succeeded"]
    assert not_succeeded == []
    assert (status["trials"]["succeeded"], status["trials"]["total"]) == (200, 200)
    assert env.max_active_pods["exp"] <= 20

    async def removed() -> bool:
        return not await env.pods()

    await env.wait_until(removed, "no Pod is kept")


SCENARIOS = (
    by_max_trials,
    by_goal,
    by_failures,
    by_duration,
    by_no_progress,
    by_exhaustion,
    by_exhaustion_without_a_best,
    initial_trials_come_first,
)
LONG_SCENARIOS = (two_hundred_trials,)
