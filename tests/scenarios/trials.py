"""The life of single trials: attempts, metrics, stops, what is kept of them."""

import asyncio

from scenarios.ends import LONG, QUICK
from support.stage import Stage
from toprung.kube.resources import PODS, TRIALS

ASHA = {"asha": {"maxResource": 9, "reductionFactor": 3, "variant": "stopping"}}


async def retries(stage: Stage) -> None:
    """A program that fails at first is tried again in a Pod of its own, and told so."""
    program = '[ "$TOPRUNG_ATTEMPT" = 1 ] && exit 7; echo score=0.5'
    await stage.apply(stage.experiment(program, maxTrialCount=2, template={"retries": 1}))
    status = await stage.ended()
    assert status["trials"]["succeeded"] == 2
    for trial in await stage.trials():
        assert (trial["status"]["attempt"], trial["status"]["failures"]) == (2, 1)
    assert sorted(await stage.pods()) == ["exp-0-1", "exp-0-2", "exp-1-1", "exp-1-2"]
    events = await stage.events("Retrying")
    assert [event[0] for event in events] == ["exp-0", "exp-1"]
    assert "exit code 7" in events[0][2]


async def no_metrics(stage: Stage) -> None:
    """A program that never prints the objective has failed, and the message quotes its last lines."""
    await stage.apply(stage.experiment("echo epoch 1 done; echo scoer=0.5", maxTrialCount=1))
    await stage.ended()
    status = (await stage.trial())["status"]
    assert (status["state"], status["reason"]) == ("Failed", "MetricsUnavailable")
    assert "scoer=0.5" in status["message"]
    assert "score" in status["message"]


async def not_finite(stage: Stage) -> None:
    """NaN and infinity never win; a trial of nothing else says so."""
    program = """
    case "$TOPRUNG_TRIAL" in
      exp-0) echo score=nan; echo score=inf;;
      exp-1) echo score=nan; echo score=0.25;;
      *) echo '{"score": Infinity, "epoch": 1}';;
    esac"""
    await stage.apply(stage.experiment(program, maxTrialCount=3, parallelTrialCount=3))
    status = await stage.ended()
    assert (status["best"]["trial"], status["best"]["value"]) == ("exp-1", 0.25)
    reasons = [trial["status"]["reason"] for trial in await stage.trials()]
    assert reasons == ["NonFiniteObjective", "TrialSucceeded", "NonFiniteObjective"]


async def every_way_to_report(stage: Stage) -> None:
    """Own patterns, JSON and name=value are read between binary noise and lines of a megabyte."""
    noise = "head -c 5000 /dev/urandom; echo; head -c 1000000 /dev/zero | tr '\\0' x; echo; "
    pair = stage.experiment(noise + "echo 'epoch=3 score=0.5 loss=0.25'", name="pair", maxTrialCount=1)
    lines = stage.experiment(
        noise + """echo '{"epoch": 3, "score": 0.5, "loss": 0.25}'""", name="json", maxTrialCount=1
    )
    own = stage.experiment(
        noise + "echo 'result of score is 0.5'",
        name="own",
        maxTrialCount=1,
        metrics={"stdout": {"pattern": r"result of (?P<name>\w+) is (?P<value>\S+)"}},
    )
    for body in (pair, lines, own):
        body["spec"]["objective"]["additionalMetrics"] = ["loss"]
        await stage.apply(body)
    for name, step, metrics in (("pair", 3, {"loss": 0.25}), ("json", 3, {"loss": 0.25}), ("own", 1, {})):
        await stage.ended(name)
        latest = (await stage.trial(0, name))["status"].get("latest", {})
        assert (latest.get("value"), latest.get("step"), latest.get("metrics", {})) == (0.5, step, metrics), name


async def only_the_metrics_of_a_step(stage: Stage) -> None:
    """The latest report tells its own metrics, not those of an earlier one; so does the best trial its parameters."""
    parameters = [
        {"name": "opt", "type": "categorical", "values": ["sgd", "adam"]},
        {"name": "momentum", "type": "double", "min": 0, "max": 1, "when": {"parameter": "opt", "in": ["sgd"]}},
    ]
    program = """
    [ "${parameters.opt}" = adam ] && { echo epoch=1 score=0.9; exit; }
    echo epoch=1 score=0.1 loss=3; sleep 1; echo epoch=2 score=0.2; sleep 1"""
    objective = {"metric": "score", "type": "maximize", "additionalMetrics": ["loss"]}
    await stage.apply(
        stage.experiment(
            program,
            parameters=parameters,
            objective=objective,
            initialTrials=[{"opt": "sgd", "momentum": 0.5}, {"opt": "adam"}],
            maxTrialCount=2,
            parallelTrialCount=1,
        )
    )
    status = await stage.ended()
    assert (await stage.trial(0))["status"]["latest"].get("metrics", {}) == {}
    assert status["best"]["parameters"] == {"opt": "adam"}


async def stopped_early(stage: Stage) -> None:
    """A loser is ended through its deadline: the Pod stays with its logs, and one Event says why."""
    program = """
    score=0.1; [ "$TOPRUNG_TRIAL" = exp-0 ] && score=0.9
    [ "$TOPRUNG_TRIAL" = exp-0 ] || sleep 1
    echo epoch=1 score=$score
    [ "$TOPRUNG_TRIAL" = exp-0 ] || sleep 60
    for i in 2 3 4 5 6 7 8 9; do echo epoch=$i score=$score; done"""
    await stage.apply(stage.experiment(program, earlyStopping=ASHA, maxTrialCount=3, parallelTrialCount=3))
    status = await stage.ended()
    assert status["trials"]["stopped"] == 2
    for index in (1, 2):
        trial = (await stage.trial(index))["status"]
        assert (trial["state"], trial["reason"]) == ("Stopped", "EarlyStopped")
        assert [(rung["resource"], rung["verdict"]) for rung in trial["rungs"]] == [(1, "Stop")]
        pod = (await stage.pods())[f"exp-{index}-1"]["status"]
        assert (pod["phase"], pod["reason"]) == ("Failed", "DeadlineExceeded")
        assert "epoch=1 score=0.1" in await stage.log(f"exp-{index}-1")
    assert [event[0] for event in await stage.events("EarlyStopped")] == ["exp-1", "exp-2"]
    assert [rung["resource"] for rung in (await stage.trial(0))["status"]["rungs"]] == [1, 3, 9]
    await stage.quiet()


async def deaf(stage: Stage) -> None:
    """A program that ignores SIGTERM is gone after the grace period all the same."""
    program = 'trap "" TERM; echo score=0.95; while :; do sleep 1; done'
    objective = {"metric": "score", "type": "maximize", "goal": 0.9}
    await stage.apply(stage.experiment(program, objective=objective, parallelTrialCount=1))
    status = await stage.ended()
    assert status["state"] == "Succeeded"


async def takes_too_long(stage: Stage) -> None:
    """An attempt that runs into maxTrialDuration keeps its values, and is not retried."""
    body = stage.experiment(LONG, maxTrialCount=1, template={"retries": 3, "maxTrialDuration": "2s"})
    await stage.apply(body)
    await stage.ended()
    trial = (await stage.trial())["status"]
    assert (trial["state"], trial["reason"], trial["attempt"]) == ("Stopped", "MaxTrialDurationReached", 1)


async def takes_too_long_for_its_template(stage: Stage) -> None:
    """A deadline of the author's own, even the shortest, is the program's failure and no stop of ours."""
    await stage.apply(stage.experiment(LONG, maxTrialCount=1, pod={"activeDeadlineSeconds": 1}))
    await stage.ended()
    trial = (await stage.trial())["status"]
    assert (trial["state"], trial["reason"], trial["attempt"]) == ("Failed", "ProgramFailed", 1)
    assert "deadline" in trial["message"]


async def retention(stage: Stage) -> None:
    """Of ended Pods those are kept that podRetention says, and no longer than its ttl."""
    fails = '[ "$TOPRUNG_TRIAL" = "$TOPRUNG_EXPERIMENT-0" ] && exit 1; echo score=0.5'
    for keep in ("failed", "none"):
        await stage.apply(stage.experiment(fails, name=keep, podRetention={"keep": keep}))
    await stage.apply(stage.experiment(QUICK, name="ttl", podRetention={"keep": "all", "ttl": "1s"}))
    for name, kept in (("failed", ["failed-0-1"]), ("none", []), ("ttl", [])):
        await stage.ended(name)

        async def as_wanted(name: str = name, kept: list[str] = kept) -> bool:
            return sorted(await stage.pods(name)) == kept

        await stage.until(as_wanted, f"{name} keeps {kept}")
    assert len(await stage.trials("none")) == 3


async def pod_deleted(stage: Stage) -> None:
    """A running Pod that somebody deletes is a disruption: another attempt, and no failure counted."""
    program = 'echo score=0.5; [ "$TOPRUNG_ATTEMPT" = 2 ] || sleep 60'
    await stage.apply(stage.experiment(program, maxTrialCount=1))
    await stage.says("exp-0-1", "score")
    await asyncio.sleep(1.2)
    await stage.delete(PODS, "exp-0-1")
    status = await stage.ended()
    trial = (await stage.trial())["status"]
    assert (trial["attempt"], trial["failures"], trial["disruptions"]) == (2, 0, 1)
    assert status["trials"]["succeeded"] == 1


async def pod_deleted_ends_well(stage: Stage) -> None:
    """A program that answers the SIGTERM of a deletion with exit code 0 has not come to its end either."""
    program = """
    trap 'exit 0' TERM; echo epoch=1 score=0.5
    if [ "$TOPRUNG_ATTEMPT" = 1 ]; then sleep 60 & wait; fi
    echo epoch=2 score=0.75"""
    await stage.apply(stage.experiment(program, maxTrialCount=1))
    await stage.says("exp-0-1", "score")
    await asyncio.sleep(1.2)
    await stage.delete(PODS, "exp-0-1")
    await stage.ended()
    trial = (await stage.trial())["status"]
    assert (trial["attempt"], trial["best"]["value"]) == (2, 0.75)


async def trial_deleted(stage: Stage) -> None:
    """The index of a Trial that somebody deletes is not used again, and its Pod goes with it."""
    program = 'echo score=0.5; [ "$TOPRUNG_TRIAL" = exp-1 ] && sleep 60'
    await stage.apply(stage.experiment(program + "; true", maxTrialCount=4))
    await stage.runs("exp-1-1")

    async def three() -> bool:
        return (await stage.status()).get("trials", {}).get("total") == 4

    await stage.until(three, "the others are made")
    await stage.delete(TRIALS, "exp-1")
    status = await stage.ended()
    assert [trial["spec"]["index"] for trial in await stage.trials()] == [0, 2, 3]
    assert status["trials"]["total"] == 4

    async def pod_is_gone() -> bool:
        return "exp-1-1" not in await stage.pods()

    await stage.until(pod_is_gone, "the Pod of the deleted Trial goes")
    await stage.quiet()


async def trial_deleted_in_the_foreground(stage: Stage) -> None:
    """A Trial whose deletion waits for its Pod gets no other Pod meanwhile."""
    program = 'echo score=0.5; [ "$TOPRUNG_TRIAL" = exp-1 ] && sleep 60'
    await stage.apply(stage.experiment(program + "; true", maxTrialCount=3))
    await stage.runs("exp-1-1")
    code, said = await stage.kubectl("delete", "trial", "exp-1", "--cascade=foreground", "--timeout=20s")
    assert code == 0, said
    await stage.ended()
    assert [trial["spec"]["index"] for trial in await stage.trials()] == [0, 2]
    assert not [name for name in await stage.pods() if name.startswith("exp-1-")]


SCENARIOS = (
    retries,
    no_metrics,
    not_finite,
    every_way_to_report,
    only_the_metrics_of_a_step,
    stopped_early,
    deaf,
    takes_too_long,
    takes_too_long_for_its_template,
    retention,
    pod_deleted,
    pod_deleted_ends_well,
    trial_deleted,
    trial_deleted_in_the_foreground,
)
LONG_SCENARIOS = ()
