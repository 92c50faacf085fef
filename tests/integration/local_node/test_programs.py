"""Programs start, end and restart as on a kubelet."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from localkube.apiserver.errors import BadRequest
from localkube.apiserver.log_source import LogQuery
from localkube.node import containers
from support.node import Machine, container, pod, until
from support.node_processes import sh


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("exit 0", ("Succeeded", 0, "Completed", None), id="success"),
        pytest.param("exit 3", ("Failed", 3, "Error", None), id="exit-code"),
        pytest.param("kill -KILL $$$$", ("Failed", 137, "Error", 9), id="signal"),
    ],
)
async def test_the_end_of_a_program_is_reported_as_by_the_kubelet(
    m: Machine, script: str, expected: tuple[str, int, str, int | None]
) -> None:
    """The phase, exit code and reason of the Pod are those of a kubelet."""
    m.create(pod("p", sh(script)))
    status = await m.ended("p")
    end = status["containerStatuses"][0]["state"]["terminated"]
    assert (status["phase"], end["exitCode"], end["reason"], end.get("signal")) == expected
    assert m.condition("p", "PodScheduled")["status"] == "True"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param(
            {"command": ["no-such-program"]}, 'exec: "no-such-program": executable file not found in $PATH', id="name"
        ),
        pytest.param({"command": ["/no/such"]}, 'exec: "/no/such": no such file or directory', id="path"),
        pytest.param({"command": ["/etc/passwd"]}, 'exec: "/etc/passwd": permission denied', id="not-executable"),
        pytest.param({"workingDir": "/no/dir"}, 'chdir to cwd ("/no/dir") set in workingDir failed', id="folder"),
    ],
)
async def test_a_program_that_cannot_start(m: Machine, fields: dict[str, Any], message: str) -> None:
    """The reason is StartError, the code 128, and the message that of the runtime."""
    m.create(pod("p", {**container("true"), **fields}))
    end = (await m.ended("p"))["containerStatuses"][0]["state"]["terminated"]
    assert (end["exitCode"], end["reason"]) == (128, "StartError")
    assert end["message"].startswith(message)


async def test_a_container_without_command_waits(m: Machine) -> None:
    """The reason is CreateContainerConfigError with the correction, and the Pod can be deleted."""
    m.create(pod("p", container()))
    await until(lambda: m.state("p").get("waiting", {}).get("reason") == "CreateContainerConfigError")
    assert "Write spec.containers[0].command" in m.state("p")["waiting"]["message"]
    with pytest.raises(BadRequest, match="waiting to start: CreateContainerConfigError"):
        m.logs.read(m.get("p"), LogQuery())
    m.store.delete("pods", "default", "p")
    await until(lambda: not m.store.exists("pods", "default", "p"))


async def test_init_containers_run_first_and_in_order(m: Machine, tmp_path: Path) -> None:
    """Each sees the files of the previous one. If one fails, the others do not start."""
    note = tmp_path / "note"
    init = [sh(f"printf {n} >> {note}", name=f"i{n}") for n in (1, 2)]
    m.create(pod("good", sh(f"printf 3 >> {note}"), initContainers=init))
    m.create(pod("bad", sh(f"printf X >> {note}"), initContainers=[sh("exit 4", name="i")]))
    assert (await m.ended("good"))["phase"] == "Succeeded"
    assert (await m.ended("bad"))["phase"] == "Failed"
    assert note.read_text() == "123"


async def test_restarts_are_counted_and_back_off(m: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """With OnFailure a container restarts immediately, then with CrashLoopBackOff, until it succeeds. The
    previous log remains.
    """
    monkeypatch.setattr(containers, "FIRST_BACK_OFF", 0.05)
    folder = m.node.host.logs
    script = f"n=$(cat {folder}/n 2>/dev/null || echo 0); echo $((n+1)) > {folder}/n; echo run $n; [ $n = 3 ]"
    m.create(pod("p", sh(script), policy="OnFailure"))
    status = await m.ended("p")
    assert status["phase"] == "Succeeded"
    assert status["containerStatuses"][0]["restartCount"] == 3
    assert status["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 1
    assert await m.log("p") == b"run 3\n"
    assert await m.log("p", previous=True) == b"run 2\n"
    assert m.events("BackOff")


async def test_fifty_pods_at_once_leave_the_event_loop_free(m: Machine) -> None:
    """All Pods succeed, and the event loop continues in the meantime. Its turns are counted, not seconds."""
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.001)

    turning = asyncio.create_task(turn())
    names = [m.create(pod(f"p{n}", container("true"))) for n in range(50)]
    assert {(await m.ended(name))["phase"] for name in names} == {"Succeeded"}
    turning.cancel()
    assert turns > 5
