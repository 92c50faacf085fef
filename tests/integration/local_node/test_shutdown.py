"""A stopped or killed server, or a killed shim, leaves no process."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from localkube.cluster import AlreadyRunning, LocalCluster
from localkube.node import processes
from localkube.node.runtime import ProcessRuntime
from support.node import Machine, container, machine, pod, until
from support.node_processes import HOLDS, OBEYS, leaders, processes_with, sh, wait_until_printed


@pytest.mark.parametrize(
    "script", [pytest.param(OBEYS, id="handles-SIGTERM"), pytest.param(HOLDS, id="ignores-SIGTERM")]
)
async def test_shutdown_ends_all_processes_and_disrupts_their_pods(tmp_path: Path, script: str) -> None:
    """A normal stop leaves no process, and the Pod has the condition DisruptionTarget."""
    marker, path = f"stop{os.getpid()}", tmp_path / "s.sqlite"
    async with machine(tmp_path, ProcessRuntime(tmp_path / "processes"), path=path, grace=0.5) as m:
        m.create(pod("p", container("sh", "-c", script, marker)))
        m.create(pod("waits", container("true", gpus=1)))
        await wait_until_printed(m, "p")
    assert processes_with(marker) == []
    async with machine(tmp_path, ProcessRuntime(tmp_path / "processes"), path=path, gpus=1) as m:
        assert m.status("p")["reason"] == "Terminated"
        assert m.condition("p", "DisruptionTarget")["status"] == "True"
        assert (await m.log("p")).startswith(b"ready\n")
        assert (await m.ended("waits"))["phase"] == "Succeeded"


SERVER = """
import asyncio, sys
from pathlib import Path
from localkube.cluster import LocalCluster
async def main():
    cluster = LocalCluster(Path(sys.argv[1]), gpus=2)
    await cluster.start()
    print("up", flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


async def _create_pod(folder: Path, body: dict[str, Any]) -> None:
    """Create a Pod through the kubeconfig that the server wrote."""
    config = yaml.safe_load((folder / "kubeconfig").read_text())
    url = config["clusters"][0]["cluster"]["server"] + "/api/v1/namespaces/default/pods"
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as response:
        assert response.status == 201, await response.text()


@pytest.mark.parametrize("shim_too", [pytest.param(False, id="server"), pytest.param(True, id="server-and-shim")])
async def test_kill_9_leaves_no_process_and_a_restart_marks_the_pod_disrupted(
    tmp_path: Path, *, shim_too: bool
) -> None:
    """The shim ends all processes if the server is killed. If the shim is killed too, the next start ends them."""
    marker = f"kill{os.getpid()}{shim_too}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVER, str(tmp_path), stdout=asyncio.subprocess.PIPE, env=environment
    )
    try:
        assert server.stdout
        assert await server.stdout.readline() == b"up\n"
        script = f"trap '' TERM HUP; setsid sh -c 'while :; do sleep 0.1; done' {marker} & while :; do sleep 0.1; done"
        await _create_pod(tmp_path, pod("p", container("sh", "-c", script, marker, gpus=1)))
        await until(lambda: len(processes_with(marker)) >= 2)
        with pytest.raises(AlreadyRunning, match=f"process {server.pid}"):
            await LocalCluster(tmp_path).start()
        await asyncio.sleep(0.1)
        guards = processes_with(str(tmp_path / "processes"))
        if shim_too:
            os.kill(guards[0], signal.SIGSTOP)
    finally:
        server.kill()
        await server.wait()
    if shim_too:
        os.kill(guards[0], signal.SIGKILL)
    await until(lambda: shim_too or not (processes_with(marker) or processes_with(str(tmp_path / "processes"))))
    assert bool(processes_with(marker)) is shim_too
    cluster = LocalCluster(tmp_path, gpus=2)
    await cluster.start()
    try:
        assert processes_with(marker) == []
        assert stat.S_IMODE(cluster.kubeconfig_path.stat().st_mode) == 0o600
        found = await _read_pod(tmp_path, "p")
        assert (found["status"]["phase"], found["status"]["reason"]) == ("Failed", "NodeLost")
        targets = [c for c in found["status"]["conditions"] if c["type"] == "DisruptionTarget"]
        assert [c["status"] for c in targets] == ["True"]
    finally:
        await cluster.stop()


async def _read_pod(folder: Path, name: str) -> dict[str, Any]:
    config = yaml.safe_load((folder / "kubeconfig").read_text())
    url = config["clusters"][0]["cluster"]["server"] + f"/api/v1/namespaces/default/pods/{name}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        found: dict[str, Any] = await response.json()
        return found


async def test_a_killed_shim_ends_its_containers_and_is_replaced(m: Machine, tmp_path: Path) -> None:
    """The Pod fails with 137, none of its processes remains, and the next Pod starts."""
    m.create(pod("p", sh(HOLDS)))
    await wait_until_printed(m, "p")
    (leader,) = leaders(m)
    for shim in processes_with(str(tmp_path / "processes")):
        os.kill(shim, signal.SIGKILL)
    status = await m.ended("p")
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137
    assert not processes.started(leader)
    m.create(pod("q", sh("exit 0")))
    assert (await m.ended("q"))["phase"] == "Succeeded"
