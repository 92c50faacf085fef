"""What keeps trials from starting, and that it is told in the words of who knows."""

import asyncio

from scenarios.ends import QUICK
from support.stage import QUOTAS, Stage

STEADY = "echo epoch=1 score=0.5; sleep 1"


async def by_quota(stage: Stage) -> None:
    """A quota that allows one Pod is told once, the experiment goes on as it allows, and at full width when it is raised."""
    quota = {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "1"}}}
    await stage.gateway.create(QUOTAS, namespace=stage.namespace, body=quota)

    async def counted() -> bool:
        quota = await stage.gateway.get(QUOTAS, namespace=stage.namespace, name="few")
        return "pods" in quota.get("status", {}).get("hard", {})

    await stage.until(counted, "the quota is known")
    await stage.apply(stage.experiment(STEADY, maxTrialCount=9, parallelTrialCount=3))
    blocked = await stage.has_condition("Blocked", "QuotaExceeded")
    assert "exceeded quota: few" in blocked["message"]

    async def three_ended() -> bool:
        assert len(await stage.pods(alive=True)) <= 1
        condition = await stage.condition("Blocked")
        assert condition["status"] == "True"
        assert condition["lastTransitionTime"] == blocked["lastTransitionTime"]
        return (await stage.status())["trials"]["succeeded"] >= 3

    await stage.until(three_ended, "trials run one by one")
    await stage.gateway.patch(QUOTAS, namespace=stage.namespace, name="few", body={"spec": {"hard": {"pods": "10"}}})
    await stage.has_condition("Blocked", "Unblocked", status="False")
    status = await stage.ended()
    assert status["trials"]["succeeded"] == 9
    assert [event[:2] for event in await stage.events("QuotaExceeded")] == [("exp", "QuotaExceeded")]
    assert {trial["status"]["attempt"] for trial in await stage.trials()} == {1}


async def by_quota_and_suspended(stage: Stage) -> None:
    """An experiment that is suspended while a quota keeps it from starting is not blocked, and comes to rest."""
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    await stage.gateway.create(QUOTAS, namespace=stage.namespace, body=quota)
    await stage.apply(stage.experiment(QUICK, maxTrialCount=2))
    await stage.has_condition("Blocked", "QuotaExceeded")
    await stage.edit(suspend=True)
    await stage.has_condition("Blocked", "Unblocked", status="False")
    await asyncio.sleep(5)  # that is when a refused Pod would be tried again
    await stage.quiet()
    assert (await stage.status())["state"] == "Suspended"


async def by_quota_and_restarted(stage: Stage) -> None:
    """An operator that starts while a quota keeps trials from starting takes nothing back and repeats nothing."""
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    await stage.gateway.create(QUOTAS, namespace=stage.namespace, body=quota)
    await stage.apply(stage.experiment(QUICK, maxTrialCount=2))
    blocked = await stage.has_condition("Blocked", "QuotaExceeded")
    await stage.operator.kill()

    async def restarted() -> bool:
        return stage.operator.starts == 2 and await stage.operator.passes() > 0

    await stage.until(restarted, "another operator looks at it")
    await stage.quiet()
    assert (await stage.condition("Blocked"))["lastTransitionTime"] == blocked["lastTransitionTime"]
    assert [event[:2] for event in await stage.events()] == [("exp", "QuotaExceeded")]


async def by_the_scheduler(stage: Stage) -> None:
    """More GPUs than there are: Blocked says what the scheduler says, and a mended experiment is not held up by it."""
    gpus = {"resources": {"limits": {"nvidia.com/gpu": "9"}}}
    await stage.apply(stage.experiment(QUICK, maxTrialCount=2, container=gpus))
    blocked = await stage.has_condition("Blocked", "Unschedulable")
    assert "nvidia.com/gpu" in blocked["message"]
    assert (await stage.status())["state"] == "Blocked"
    _, table = await stage.kubectl("get", "trials")
    assert [row.split()[1] for row in table.splitlines()] == ["STATUS", "Pending", "Pending"]
    await stage.quiet()
    await stage.edit(suspend=True)

    async def nothing_waits() -> bool:
        return not await stage.pods(alive=True)

    await stage.until(nothing_waits, "Pods that never ran are removed")


async def by_the_image(stage: Stage) -> None:
    """An image that can't be pulled is told with the kubelet's words."""
    nowhere = {"image": "registry.invalid/nothing:1"}
    await stage.apply(stage.experiment(QUICK, maxTrialCount=2, container=nowhere))
    blocked = await stage.has_condition("Blocked", "ImagePull")
    assert "registry.invalid/nothing:1" in blocked["message"]


SCENARIOS = (by_quota, by_quota_and_suspended, by_quota_and_restarted, by_the_scheduler)
LONG_SCENARIOS = ()
REAL_SCENARIOS = (by_the_image,)
