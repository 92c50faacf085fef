"""How experiments end, and that nothing of them runs afterwards."""

from support.stage import Stage

QUICK = "echo score=0.${parameters.x}"
LONG = "echo epoch=1 score=0.1; sleep 60"


def reached(status: dict) -> dict:
    return next(each for each in status["conditions"] if each["status"] == "True" and each["type"] != "Valid")


async def by_max_trials(stage: Stage) -> None:
    """All of maxTrialCount are run, each once, and the best one is named."""
    await stage.apply(stage.experiment(QUICK, maxTrialCount=5))
    status, trials = await stage.ended(), await stage.trials()
    assert (reached(status)["type"], reached(status)["reason"]) == ("Succeeded", "MaxTrialsReached")
    assert [trial["spec"]["index"] for trial in trials] == list(range(5))
    assert {trial["status"]["state"] for trial in trials} == {"Succeeded"}
    best = max(trials, key=lambda trial: trial["spec"]["parameters"]["x"])["spec"]["parameters"]["x"]
    assert status["best"]["value"] == best / 10
    assert status["best"]["parameters"] == {"x": best}
    assert status["trials"]["succeeded"] == status["trials"]["total"] == 5
    assert (status["done"], status["state"]) == ("5/5", "Succeeded")
    assert stage.most_alive["exp"] <= 2
    await stage.quiet()
    assert sorted(await stage.pods()) == [f"exp-{index}-1" for index in range(5)]


async def by_goal(stage: Stage) -> None:
    """A trial that reaches the goal ends the others, whose Pods stay with their logs."""
    program = 'if [ "$TOPRUNG_TRIAL" = exp-1 ]; then sleep 1; echo score=0.95; else echo score=0.1; sleep 60; fi'
    objective = {"metric": "score", "type": "maximize", "goal": 0.9}
    await stage.apply(stage.experiment(program, objective=objective, maxTrialCount=20))
    status = await stage.ended()
    assert reached(status)["reason"] == "GoalReached"
    assert status["best"]["trial"] == "exp-1"
    trials = await stage.trials()
    assert [trial["status"]["reason"] for trial in trials if trial["metadata"]["name"] == "exp-0"] == [
        "ExperimentEnded"
    ]
    assert "score=0.1" in await stage.log("exp-0-1")
    assert len([event for event in await stage.events("GoalReached") if event[0] == "exp"]) == 1


async def by_failures(stage: Stage) -> None:
    """One failed trial more than maxFailedTrialCount fails the experiment, with the exit code and the last lines.

    One more has begun where the second one's Pod has ended, but its log is not yet read. It may have failed meanwhile.
    """
    program = "echo about to break; exit 3"
    await stage.apply(stage.experiment(program, maxFailedTrialCount=1, maxTrialCount=20, parallelTrialCount=1))
    status, trials = await stage.ended(), await stage.trials()
    assert (reached(status)["type"], reached(status)["reason"]) == ("Failed", "MaxFailedTrialsReached")
    failed = [trial for trial in trials if trial["status"]["state"] == "Failed"]
    assert len(failed) in {2, 3}
    assert {trial["status"]["reason"] for trial in failed} == {"ProgramFailed"}
    assert "exit code 3" in failed[0]["status"]["message"]
    assert "about to break" in failed[0]["status"]["message"]
    assert [event[0] for event in await stage.events("ProgramFailed")] == [t["metadata"]["name"] for t in failed]


async def by_duration(stage: Stage) -> None:
    """The end of maxDuration stops what runs; an experiment that has a best trial has succeeded, and stays ended."""
    await stage.apply(stage.experiment(LONG, maxDuration="2500ms"))
    status = await stage.ended()
    assert (reached(status)["type"], reached(status)["reason"]) == ("Succeeded", "MaxDurationReached")
    await stage.quiet()
    assert {trial["status"]["state"] for trial in await stage.trials()} == {"Stopped"}
    assert len(await stage.trials()) == 2
    assert (await stage.status())["completionTime"] == status["completionTime"]


async def by_no_progress(stage: Stage) -> None:
    """Three trials in a row that make nothing better by more than minDelta are the last ones, of twenty.

    One more has begun where the third one's Pod has ended, but its log was not yet read; it is stopped, and counts.
    """
    program = "case $TOPRUNG_TRIAL in exp-1) echo score=0.9;; exp-[0-3]) echo score=0.85;; *) sleep 60;; esac"
    limit = {"trials": 3, "minDelta": 0.1}
    await stage.apply(stage.experiment(program, stopWhenNoProgress=limit, maxTrialCount=20, parallelTrialCount=1))
    status = await stage.ended()
    assert (reached(status)["type"], reached(status)["reason"]) == ("Succeeded", "NoProgress")
    assert "trials made the best no better by more than 0.1" in reached(status)["message"]
    assert status["best"]["trial"] == "exp-1"
    assert len(await stage.trials()) in {4, 5}
    await stage.quiet()


async def by_exhaustion(stage: Stage) -> None:
    """A grid of four is run once, and then there is nothing more to try."""
    parameters = [{"name": "x", "type": "ordinal", "values": [1, 2, 3, 4]}]
    body = stage.experiment(QUICK, parameters=parameters, algorithm={"grid": {}}, maxTrialCount=50)
    await stage.apply(body)
    status = await stage.ended()
    assert reached(status)["reason"] == "SearchSpaceExhausted"
    assert sorted(trial["spec"]["parameters"]["x"] for trial in await stage.trials()) == [1, 2, 3, 4]
    await stage.quiet()


async def by_exhaustion_without_a_best(stage: Stage) -> None:
    """A space that is exhausted with nothing to show for it fails the experiment once and for all."""
    parameters = [{"name": "x", "type": "ordinal", "values": [1, 2]}]
    await stage.apply(stage.experiment("exit 1", parameters=parameters, algorithm={"grid": {}}, maxTrialCount=50))
    status = await stage.ended()
    assert reached(status)["type"] == "Failed"
    assert "all 2 trials failed: exit code 1" in reached(status)["message"]
    stage.patience /= 3
    await stage.quiet()
    assert len([event for event in await stage.events() if event[0] == "exp"]) == 1


async def initial_trials_come_first(stage: Stage) -> None:
    """The initialTrials are run first and in order, and the same seed proposes the same afterwards."""
    initial = [{"x": 9}, {"x": 0}, {"x": 5}]
    for name in ("one", "two"):
        await stage.apply(stage.experiment(QUICK, name=name, initialTrials=initial, maxTrialCount=6))
    for name in ("one", "two"):
        await stage.ended(name)
    one, two = [[trial["spec"]["parameters"] for trial in await stage.trials(name)] for name in ("one", "two")]
    assert one[:3] == initial
    assert one == two


async def two_hundred_trials(stage: Stage) -> None:
    """200 trials, 20 at once, are counted right and never more than 20 run."""
    body = stage.experiment(
        "echo score=${parameters.x}",
        parameters=[{"name": "x", "type": "double", "min": 0, "max": 1}],
        maxTrialCount=200,
        parallelTrialCount=20,
        podRetention={"keep": "none"},
    )
    stage.patience = 300
    await stage.apply(body)
    status = await stage.ended()
    odd = [trial["status"] for trial in await stage.trials() if trial["status"]["state"] != "Succeeded"]
    assert not odd
    assert (status["trials"]["succeeded"], status["trials"]["total"]) == (200, 200)
    assert stage.most_alive["exp"] <= 20

    async def removed() -> bool:
        return not await stage.pods()

    await stage.until(removed, "no Pod is kept")


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
