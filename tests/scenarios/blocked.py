"""Experiments whose trials cannot start: the condition Blocked quotes the component that reports the cause."""

import asyncio

from scenarios.ends import QUICK
from support.environment import QUOTAS, Environment

STEADY = "echo epoch=1 score=0.5; sleep 1"


async def by_quota(env: Environment) -> None:
    """A quota of one Pod is reported once. Trials run one by one, and in parallel after the quota is raised."""
    quota = {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "1"}}}
    await env.gateway.create(QUOTAS, namespace=env.namespace, body=quota)

    async def counted() -> bool:
        quota = await env.gateway.get(QUOTAS, namespace=env.namespace, name="few")
        return "pods" in quota.get("status", {}).get("hard", {})

    await env.wait_until(counted, "the quota is known")
    await env.apply(env.experiment(STEADY, maxTrialCount=9, parallelTrialCount=3))
    blocked = await env.wait_for_condition("Blocked", "QuotaExceeded")
    assert "exceeded quota: few" in blocked["message"]

    async def three_ended() -> bool:
        assert len(await env.pods(alive=True)) <= 1
        condition = await env.condition("Blocked")
        assert condition["status"] == "True"
        assert condition["lastTransitionTime"] == blocked["lastTransitionTime"]
        return (await env.status())["trials"]["succeeded"] >= 3

    await env.wait_until(three_ended, "trials run one by one")
    await env.gateway.patch(QUOTAS, namespace=env.namespace, name="few", body={"spec": {"hard": {"pods": "10"}}})
    await env.wait_for_condition("Blocked", "Unblocked", status="False")
    status = await env.wait_until_complete()
    assert status["trials"]["succeeded"] == 9
    assert [event[:2] for event in await env.events("QuotaExceeded")] == [("exp", "QuotaExceeded")]
    assert {trial["status"]["attempt"] for trial in await env.trials()} == {1}


async def by_quota_and_suspended(env: Environment) -> None:
    """An experiment that a quota blocks is not blocked once it is suspended, and the operator is idle."""
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    await env.gateway.create(QUOTAS, namespace=env.namespace, body=quota)
    await env.apply(env.experiment(QUICK, maxTrialCount=2))
    await env.wait_for_condition("Blocked", "QuotaExceeded")
    await env.edit(suspend=True)
    await env.wait_for_condition("Blocked", "Unblocked", status="False")
    await asyncio.sleep(5)  # the back-off after a rejected Pod
    await env.wait_until_idle()
    assert (await env.status())["state"] == "Suspended"


async def by_quota_and_restarted(env: Environment) -> None:
    """An operator that restarts while a quota blocks an experiment changes no condition and emits no second Event."""
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    await env.gateway.create(QUOTAS, namespace=env.namespace, body=quota)
    await env.apply(env.experiment(QUICK, maxTrialCount=2))
    blocked = await env.wait_for_condition("Blocked", "QuotaExceeded")
    await env.operator.kill()

    async def restarted() -> bool:
        return env.operator.starts == 2 and await env.operator.reconcile_count() > 0

    await env.wait_until(restarted, "the restarted operator reconciles")
    await env.wait_until_idle()
    assert (await env.condition("Blocked"))["lastTransitionTime"] == blocked["lastTransitionTime"]
    assert [event[:2] for event in await env.events()] == [("exp", "QuotaExceeded")]


async def by_insufficient_gpus(env: Environment) -> None:
    """For a request of too many GPUs, Blocked quotes the scheduler. Suspending the experiment removes its Pods."""
    gpus = {"resources": {"limits": {"nvidia.com/gpu": "9"}}}
    await env.apply(env.experiment(QUICK, maxTrialCount=2, container=gpus))
    blocked = await env.wait_for_condition("Blocked", "Unschedulable")
    assert "nvidia.com/gpu" in blocked["message"]
    assert (await env.status())["state"] == "Blocked"
    _, table = await env.kubectl("get", "trials")
    assert [row.split()[1] for row in table.splitlines()] == ["STATUS", "Pending", "Pending"]
    await env.wait_until_idle()
    await env.edit(suspend=True)

    async def no_pod_is_left() -> bool:
        return not await env.pods(alive=True)

    await env.wait_until(no_pod_is_left, "Pods that never ran are removed")


async def by_image_pull(env: Environment) -> None:
    """For an image that cannot be pulled, Blocked quotes the kubelet."""
    missing_image = {"image": "registry.invalid/nothing:1"}
    await env.apply(env.experiment(QUICK, maxTrialCount=2, container=missing_image))
    blocked = await env.wait_for_condition("Blocked", "ImagePull")
    assert "registry.invalid/nothing:1" in blocked["message"]


SCENARIOS = (by_quota, by_quota_and_suspended, by_quota_and_restarted, by_insufficient_gpus)
LONG_SCENARIOS = ()
REAL_SCENARIOS = (by_image_pull,)
