"""A failure of one Pod is reported and affects no other Pod."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localkube.apiserver import pods
from localkube.apiserver.storage import Key
from localkube.apiserver.store import Store
from localkube.node import containers
from localkube.node.runtime import ProcessRuntime
from support.node import Machine, machine, now, pod, until
from support.node_processes import HOLDS, OBEYS, sh, wait_until_printed


async def test_a_program_that_the_shim_cannot_start_ends_no_other(m: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shim rejects values that admission also rejects, and the other containers continue."""
    m.create(pod("other", sh(HOLDS)))
    await wait_until_printed(m, "other")
    original = containers.resolve
    monkeypatch.setattr(
        containers, "resolve", lambda *arguments, **named: replace(original(*arguments, **named), cwd=5)
    )
    m.create(pod("p", sh("true")))
    status = await m.ended("p")
    assert status["containerStatuses"][0]["state"]["terminated"]["reason"] == "StartError"
    monkeypatch.undo()
    m.create(pod("next", sh("true")))
    assert (await m.ended("next"))["phase"] == "Succeeded"
    assert m.status("other")["phase"] == "Running"


async def test_a_worker_that_fails_fails_its_pod(m: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Pod is Failed with a message and an Event, its resources are free, and it can be deleted."""

    def broken(*_: object, **_named: object) -> None:
        raise TypeError("an unexpected error")

    monkeypatch.setattr(containers, "resolve", broken)
    m.create(pod("p", sh("true", gpus=2)))
    status = await m.ended("p")
    assert (status["phase"], status["reason"]) == ("Failed", "NodeError")
    assert "TypeError: an unexpected error" in status["message"]
    assert len(m.events("NodeError")) == 1
    monkeypatch.undo()
    m.create(pod("next", sh("true", gpus=2)))
    assert (await m.ended("next"))["phase"] == "Succeeded"
    m.store.delete("pods", "default", "p")
    assert not m.store.exists("pods", "default", "p")


BROKEN = [
    pytest.param({"nodeSelector": [{"gpu": "a100"}]}, id="selector"),
    pytest.param({"containers": None}, id="no-containers"),
    pytest.param({"containers": ["x"]}, id="container"),
    pytest.param({"containers": [{"name": "m", "resources": {"requests": {"cpu": "two"}}}]}, id="quantity"),
    pytest.param({"initContainers": 5}, id="init-containers"),
    pytest.param({"activeDeadlineSeconds": "60"}, id="deadline"),
    pytest.param({"terminationGracePeriodSeconds": None}, id="grace"),
]


@pytest.mark.parametrize("bound", [False, True], ids=["pending", "bound"])
@pytest.mark.parametrize("spec", BROKEN)
async def test_a_broken_pod_in_the_store_breaks_nothing_else(tmp_path: Path, spec: Any, *, bound: bool) -> None:
    """A Pod that an earlier version accepted prevents neither the start of the cluster nor other Pods. It can
    be deleted.
    """
    path = tmp_path / "cluster.sqlite"
    store = Store(path, now=now)
    store.create("pods", pod("p", sh("true")))
    store.create("resourcequotas", {"metadata": {"name": "q", "namespace": "default"}, "spec": {"hard": {"pods": 5}}})
    whole = store.get("pods", "default", "p")
    broken = {**whole, "spec": {**whole["spec"], **spec} | ({"nodeName": "local"} if bound else {})}
    store._storage.put(Key("pods", "default", "p"), broken)
    store.close()
    async with machine(tmp_path, ProcessRuntime(tmp_path / "processes"), path=path) as m:
        m.create(pod("next", sh("true")))
        assert (await m.ended("next"))["phase"] == "Succeeded"
    async with machine(tmp_path, ProcessRuntime(tmp_path / "processes"), path=path) as m:
        m.store.delete("pods", "default", "p")
        await until(lambda: not m.store.exists("pods", "default", "p"))


async def test_a_missing_config_map_of_a_volume_is_an_event(m: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Pod stays in ContainerCreating with FailedMount, and starts once the ConfigMap exists."""
    monkeypatch.setattr(containers, "CONFIG_RETRY", 0.05)
    volume = {"name": "v", "configMap": {"name": "late"}}
    mounted = sh("cat /v/k", volumeMounts=[{"name": "v", "mountPath": "/v"}])
    m.create(pod("p", mounted, volumes=[volume]))
    await until(lambda: m.events("FailedMount"))
    assert m.events("FailedMount")[0]["message"] == (
        'MountVolume.SetUp failed for volume "v" : configmap "late" not found'
    )
    assert (m.status("p")["phase"], m.state("p")["waiting"]["reason"]) == ("Pending", "ContainerCreating")
    m.store.create("configmaps", {"metadata": {"name": "late", "namespace": "default"}, "data": {"k": "here"}})
    assert (await m.ended("p"))["phase"] == "Succeeded"
    assert await m.log("p") == b"here\n"


async def test_a_condition_of_another_writer_stays(m: Machine) -> None:
    """The node writes its own conditions and keeps DisruptionTarget of the eviction."""
    m.create(pod("p", sh(OBEYS)))
    await wait_until_printed(m, "p")
    written = pods.disrupted(m.status("p"), "EvictionByEvictionAPI", "Eviction API: evicting", now())
    m.store.update("pods", {**m.get("p"), "status": written}, subresource="status")
    m.store.patch("pods", "default", "p", {"spec": {"activeDeadlineSeconds": 1}})
    await m.ended("p")
    assert m.condition("p", "DisruptionTarget")["reason"] == "EvictionByEvictionAPI"
    assert m.condition("p", "Ready")["status"] == "False"
