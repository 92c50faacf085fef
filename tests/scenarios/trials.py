"""Single trials: attempts, metrics, stops, and the retention of their Pods."""

import asyncio

from scenarios.ends import LONG, QUICK
from support.environment import Environment
from toprung.kube.resources import PODS, TRIALS

ASHA = {"asha": {"maxResource": 9, "reductionFactor": 3, "variant": "stopping"}}


async def retries(env: Environment) -> None:
    """A program that fails is retried in another Pod, and an Event reports the exit code."""
    program = '[ "$TOPRUNG_ATTEMPT" = 1 ] && exit 7; echo score=0.5'
    await env.apply(env.experiment(program, maxTrialCount=2, template={"retries": 1}))
    status = await env.wait_until_complete()
    assert status["trials"]["succeeded"] == 2
    assert [(t["status"]["attempt"], t["status"]["failures"]) for t in await env.trials()] == [(2, 1), (2, 1)]
    assert sorted(await env.pods()) == ["exp-0-1", "exp-0-2", "exp-1-1", "exp-1-2"]
    events = await env.events("Retrying")
    assert [event[0] for event in events] == ["exp-0", "exp-1"]
    assert "exit code 7" in events[0][2]


async def no_metrics(env: Environment) -> None:
    """A trial whose program never prints the objective fails, and the message quotes the last lines."""
    await env.apply(env.experiment("echo epoch 1 done; echo scoer=0.5", maxTrialCount=1))
    await env.wait_until_complete()
    status = (await env.trial())["status"]
    assert (status["state"], status["reason"]) == ("Failed", "MetricsUnavailable")
    assert "scoer=0.5" in status["message"]
    assert "score" in status["message"]


async def non_finite_objective(env: Environment) -> None:
    """NaN and infinity are never the best value. A trial with no other value has a reason of its own."""
    program = """
    case "$TOPRUNG_TRIAL" in
      exp-0) echo score=nan; echo score=inf;;
      exp-1) echo score=nan; echo score=0.25;;
      *) echo '{"score": Infinity, "epoch": 1}';;
    esac"""
    await env.apply(env.experiment(program, maxTrialCount=3, parallelTrialCount=3))
    status = await env.wait_until_complete()
    assert (status["best"]["trial"], status["best"]["value"]) == ("exp-1", 0.25)
    reasons = [trial["status"]["reason"] for trial in await env.trials()]
    assert reasons == ["NonFiniteObjective", "TrialSucceeded", "NonFiniteObjective"]


async def metric_formats(env: Environment) -> None:
    """Custom patterns, JSON and name=value are read between binary data and lines of a megabyte."""
    noise = "head -c 5000 /dev/urandom; echo; head -c 1000000 /dev/zero | tr '\\0' x; echo; "
    pair = env.experiment(noise + "echo 'epoch=3 score=0.5 loss=0.25'", name="pair", maxTrialCount=1)
    lines = env.experiment(noise + """echo '{"epoch": 3, "score": 0.5, "loss": 0.25}'""", name="json", maxTrialCount=1)
    own = env.experiment(
        noise + "echo 'result of score is 0.5'",
        name="own",
        maxTrialCount=1,
        metrics={"stdout": {"pattern": r"result of (?P<name>\w+) is (?P<value>\S+)"}},
    )
    for body in (pair, lines, own):
        body["spec"]["objective"]["additionalMetrics"] = ["loss"]
        await env.apply(body)
    for name, step, metrics in (("pair", 3, {"loss": 0.25}), ("json", 3, {"loss": 0.25}), ("own", 1, {})):
        await env.wait_until_complete(name)
        latest = (await env.trial(0, name))["status"].get("latest", {})
        assert (latest.get("value"), latest.get("step"), latest.get("metrics", {})) == (0.5, step, metrics), name


async def metrics_and_parameters_of_one_step(env: Environment) -> None:
    """The latest report has only the metrics of its step, and the best trial only its own parameters."""
    parameters = [
        {"name": "opt", "type": "categorical", "values": ["sgd", "adam"]},
        {"name": "momentum", "type": "double", "min": 0, "max": 1, "when": {"parameter": "opt", "in": ["sgd"]}},
    ]
    program = """
    [ "${parameters.opt}" = adam ] && { echo epoch=1 score=0.9; exit; }
    echo epoch=1 score=0.1 loss=3; sleep 1; echo epoch=2 score=0.2; sleep 1"""
    objective = {"metric": "score", "type": "maximize", "additionalMetrics": ["loss"]}
    await env.apply(
        env.experiment(
            program,
            parameters=parameters,
            objective=objective,
            initialTrials=[{"opt": "sgd", "momentum": 0.5}, {"opt": "adam"}],
            maxTrialCount=2,
            parallelTrialCount=1,
        )
    )
    status = await env.wait_until_complete()
    assert (await env.trial(0))["status"]["latest"].get("metrics", {}) == {}
    assert status["best"]["parameters"] == {"opt": "adam"}


async def stopped_early(env: Environment) -> None:
    """A trial stops early through the deadline of its Pod. The Pod and its logs remain, and one Event has the reason."""
    program = """
    score=0.1; [ "$TOPRUNG_TRIAL" = exp-0 ] && score=0.9
    [ "$TOPRUNG_TRIAL" = exp-0 ] || sleep 1
    echo epoch=1 score=$score
    [ "$TOPRUNG_TRIAL" = exp-0 ] || sleep 60
    for i in 2 3 4 5 6 7 8 9; do echo epoch=$i score=$score; done"""
    await env.apply(env.experiment(program, earlyStopping=ASHA, maxTrialCount=3, parallelTrialCount=3))
    status = await env.wait_until_complete()
    assert status["trials"]["stopped"] == 2
    for index in (1, 2):
        trial = (await env.trial(index))["status"]
        assert (trial["state"], trial["reason"]) == ("Stopped", "EarlyStopped")
        assert [(rung["resource"], rung["verdict"]) for rung in trial["rungs"]] == [(1, "Stop")]
        pod = (await env.pods())[f"exp-{index}-1"]["status"]
        assert (pod["phase"], pod["reason"]) == ("Failed", "DeadlineExceeded")
        assert "epoch=1 score=0.1" in await env.log(f"exp-{index}-1")
    assert [event[0] for event in await env.events("EarlyStopped")] == ["exp-1", "exp-2"]
    assert [rung["resource"] for rung in (await env.trial(0))["status"]["rungs"]] == [1, 3, 9]
    await env.wait_until_idle()


async def sigterm_ignored(env: Environment) -> None:
    """A program that ignores SIGTERM is killed after the grace period."""
    program = 'trap "" TERM; echo score=0.95; while :; do sleep 1; done'
    objective = {"metric": "score", "type": "maximize", "goal": 0.9}
    await env.apply(env.experiment(program, objective=objective, parallelTrialCount=1))
    status = await env.wait_until_complete()
    assert status["state"] == "Succeeded"


async def max_trial_duration(env: Environment) -> None:
    """A trial that exceeds maxTrialDuration is stopped and not retried."""
    body = env.experiment(LONG, maxTrialCount=1, template={"retries": 3, "maxTrialDuration": "2s"})
    await env.apply(body)
    await env.wait_until_complete()
    trial = (await env.trial())["status"]
    assert (trial["state"], trial["reason"], trial["attempt"]) == ("Stopped", "MaxTrialDurationReached", 1)


async def active_deadline_of_the_template(env: Environment) -> None:
    """A Pod that exceeds the activeDeadlineSeconds of its template has failed, and was not stopped early."""
    await env.apply(env.experiment(LONG, maxTrialCount=1, pod={"activeDeadlineSeconds": 1}))
    await env.wait_until_complete()
    trial = (await env.trial())["status"]
    assert (trial["state"], trial["reason"], trial["attempt"]) == ("Failed", "ProgramFailed", 1)
    assert "deadline" in trial["message"]


async def pod_retention(env: Environment) -> None:
    """Ended Pods remain as podRetention specifies, at most for its ttl."""
    one_fails = '[ "$TOPRUNG_TRIAL" = "$TOPRUNG_EXPERIMENT-0" ] && exit 1; echo score=0.5'
    for keep in ("failed", "none"):
        await env.apply(env.experiment(one_fails, name=keep, podRetention={"keep": keep}))
    await env.apply(env.experiment(QUICK, name="ttl", podRetention={"keep": "all", "ttl": "1s"}))
    for name, kept in (("failed", ["failed-0-1"]), ("none", []), ("ttl", [])):
        await env.wait_until_complete(name)

        async def retained(name: str = name, kept: list[str] = kept) -> bool:
            return sorted(await env.pods(name)) == kept

        await env.wait_until(retained, f"{name} keeps {kept}")
    assert len(await env.trials("none")) == 3


async def pod_deleted(env: Environment) -> None:
    """The deletion of a running Pod is a disruption: another attempt follows, and no failure is counted."""
    program = 'echo score=0.5; [ "$TOPRUNG_ATTEMPT" = 2 ] || sleep 60'
    await env.apply(env.experiment(program, maxTrialCount=1))
    await env.wait_until_printed("exp-0-1", "score")
    await asyncio.sleep(1.2)
    await env.delete(PODS, "exp-0-1")
    status = await env.wait_until_complete()
    trial = (await env.trial())["status"]
    assert (trial["attempt"], trial["failures"], trial["disruptions"]) == (2, 0, 1)
    assert status["trials"]["succeeded"] == 1


async def deleted_pod_exits_with_zero(env: Environment) -> None:
    """A program that exits with 0 on the SIGTERM of a deletion has not succeeded. Another attempt follows."""
    program = """
    trap 'exit 0' TERM; echo epoch=1 score=0.5
    if [ "$TOPRUNG_ATTEMPT" = 1 ]; then sleep 60 & wait; fi
    echo epoch=2 score=0.75"""
    await env.apply(env.experiment(program, maxTrialCount=1))
    await env.wait_until_printed("exp-0-1", "score")
    await asyncio.sleep(1.2)
    await env.delete(PODS, "exp-0-1")
    await env.wait_until_complete()
    trial = (await env.trial())["status"]
    assert (trial["attempt"], trial["best"]["value"]) == (2, 0.75)


async def trial_deleted(env: Environment) -> None:
    """The index of a deleted Trial is not reused, and its Pod is deleted."""
    program = 'echo score=0.5; [ "$TOPRUNG_TRIAL" = exp-1 ] && sleep 60'
    await env.apply(env.experiment(program + "; true", maxTrialCount=4))
    await env.wait_until_running("exp-1-1")

    async def all_created() -> bool:
        return (await env.status()).get("trials", {}).get("total") == 4

    await env.wait_until(all_created, "the other Trials are created")
    await env.delete(TRIALS, "exp-1")
    status = await env.wait_until_complete()
    assert [trial["spec"]["index"] for trial in await env.trials()] == [0, 2, 3]
    assert status["trials"]["total"] == 4

    async def pod_is_gone() -> bool:
        return "exp-1-1" not in await env.pods()

    await env.wait_until(pod_is_gone, "the Pod of the deleted Trial is deleted")
    await env.wait_until_idle()


async def trial_deleted_in_the_foreground(env: Environment) -> None:
    """A Trial whose deletion waits for its Pod has no second Pod."""
    program = 'echo score=0.5; [ "$TOPRUNG_TRIAL" = exp-1 ] && sleep 60'
    await env.apply(env.experiment(program + "; true", maxTrialCount=3))
    await env.wait_until_running("exp-1-1")
    code, output = await env.kubectl("delete", "trial", "exp-1", "--cascade=foreground", "--timeout=20s")
    assert code == 0, output
    await env.wait_until_complete()
    assert [trial["spec"]["index"] for trial in await env.trials()] == [0, 2]
    assert not [name for name in await env.pods() if name.startswith("exp-1-")]


SCENARIOS = (
    retries,
    no_metrics,
    non_finite_objective,
    metric_formats,
    metrics_and_parameters_of_one_step,
    stopped_early,
    sigterm_ignored,
    max_trial_duration,
    active_deadline_of_the_template,
    pod_retention,
    pod_deleted,
    deleted_pod_exits_with_zero,
    trial_deleted,
    trial_deleted_in_the_foreground,
)
LONG_SCENARIOS = ()
