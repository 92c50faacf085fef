"""Deadlines, deletions and ended containers leave no process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from localkube.node import processes
from support.node import Machine, pod, until
from support.node_processes import HOLDS, OBEYS, leaders, processes_with, sh, wait_until_printed


@pytest.mark.parametrize(
    ("script", "code"), [pytest.param(OBEYS, 7, id="handles-SIGTERM"), pytest.param(HOLDS, 137, id="ignores-it")]
)
async def test_a_deadline_ends_a_running_pod(m: Machine, script: str, code: int) -> None:
    """After a patch of activeDeadlineSeconds to 1 the Pod receives SIGTERM and, after the grace period,
    SIGKILL.

    It stays as DeadlineExceeded with its logs.
    """
    m.create(pod("p", sh(script), terminationGracePeriodSeconds=1))
    await wait_until_printed(m, "p")
    m.store.patch("pods", "default", "p", {"spec": {"activeDeadlineSeconds": 1}})
    status = await m.ended("p")
    assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")
    assert status["message"] == "Pod was active on the node longer than the specified deadline"
    assert m.state("p")["terminated"]["exitCode"] == code
    assert (await m.log("p")).startswith(b"ready\n")


@pytest.mark.parametrize(
    ("script", "grace"), [pytest.param(OBEYS, 30, id="handles-SIGTERM"), pytest.param(HOLDS, 1, id="ignores-it")]
)
async def test_deletion_ends_the_processes_first(m: Machine, script: str, grace: int) -> None:
    """The Pod exists until its process group has ended. Then it and its logs are deleted."""
    m.create(pod("p", sh(script)))
    await wait_until_printed(m, "p")
    folder = m.node.host.log_folder(m.get("p"))
    (leader,) = leaders(m)
    m.store.delete("pods", "default", "p", grace=grace)
    assert m.get("p")["metadata"]["deletionGracePeriodSeconds"] == grace
    await until(lambda: not m.store.exists("pods", "default", "p"))
    assert not processes.group_exists(leader)
    await until(lambda: not folder.exists())


@pytest.mark.parametrize(
    "start",
    [
        pytest.param("sleep 1000.25 & exit 0", id="in-the-group"),
        pytest.param("setsid sleep 1000.25 & sleep 0.2; exit 0", id="in-a-new-session"),
    ],
)
async def test_background_processes_end_with_their_container(m: Machine, start: str, tmp_path: Path) -> None:
    """This includes daemons, as in a real container."""
    marker = f"1000.25{os.getpid()}"
    m.create(pod("p", sh(start.replace("1000.25", marker))))
    await m.ended("p")
    assert processes_with(marker) == []
