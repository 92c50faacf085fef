"""The node with real processes: start, output, end, and that no process remains."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from localkube.apiserver import pods
from localkube.apiserver.errors import BadRequest
from localkube.apiserver.log_source import LogQuery
from localkube.apiserver.storage import Key
from localkube.apiserver.store import Store
from localkube.cluster import AlreadyRunning, LocalCluster
from localkube.node import containers, processes
from localkube.node.runtime import ProcessRuntime
from support.node import Machine, container, machine, now, pod, until

HOLDS = 'trap "" TERM; echo ready; while :; do sleep 0.05; done'
OBEYS = 'trap "echo bye; exit 7" TERM; echo ready; while :; do sleep 0.05; done'


def sh(script: str, **fields: Any) -> dict[str, Any]:
    return container("sh", "-c", script, **fields)


@pytest.fixture
async def m(tmp_path: Path) -> AsyncIterator[Machine]:
    async with machine(tmp_path, ProcessRuntime(tmp_path / "processes"), gpus=2) as made:
        yield made


async def wait_until_printed(m: Machine, name: str, word: bytes = b"ready") -> None:
    """Wait until the log of a Pod contains a word."""
    await until(lambda: m.status(name).get("phase") == "Running")
    seen = b""
    async with aclosing(m.logs.read(m.get(name), LogQuery(follow=True))) as chunks:  # type: ignore[type-var]
        async for chunk in chunks:
            seen += chunk
            if word in seen:
                return


def processes_with(marker: str) -> list[int]:
    """Return the processes with a marker in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if marker.encode() in words and int(entry.name) != os.getpid():
                found.append(int(entry.name))
    return found


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
    (leader,) = _leaders(m)
    m.store.delete("pods", "default", "p", grace=grace)
    assert m.get("p")["metadata"]["deletionGracePeriodSeconds"] == grace
    await until(lambda: not m.store.exists("pods", "default", "p"))
    assert not processes.group_exists(leader)
    await until(lambda: not folder.exists())


def _leaders(m: Machine) -> list[int]:
    folder = m.node.host.logs.parent / "processes"
    return [int(file.read_text().split()[0]) for file in folder.iterdir()]


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


async def test_a_log_of_a_long_line_and_binary_data_is_unchanged(m: Machine) -> None:
    """A megabyte without a newline and all byte values are returned unchanged."""
    program = "import sys; o=sys.stdout.buffer; o.write(b'x'*1000000+b'\\n'+bytes(range(256))*40+b'\\nend')"
    m.create(pod("p", container("python", "-c", program)))
    await m.ended("p")
    assert await m.log("p") == b"x" * 1_000_000 + b"\n" + bytes(range(256)) * 40 + b"\nend\n"


async def test_a_flood_of_output_is_bounded_on_disk(m: Machine) -> None:
    """Of 60 MB at most two files of 10 MiB and the last line remain. Another Pod runs in the meantime."""
    flood = "import sys; l=b'y'*999+b'\\n'\nfor _ in range(60): sys.stdout.buffer.write(l*1000)\nprint('last')"
    m.create(pod("flood", container("python", "-c", flood)))
    m.create(pod("other", sh("exit 0")))
    await m.ended("other")
    await m.ended("flood")
    files = m.node.host.log(m.get("flood"), "main", 0).parent.iterdir()
    assert sum(file.stat().st_size for file in files) <= 20 * 1024 * 1024
    assert await m.log("flood", tail_lines=1) == b"last\n"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({"tail_lines": 2}, b"l3\nl4\n", id="tail"),
        pytest.param({"tail_lines": 0}, b"", id="no-tail"),
        pytest.param({"limit_bytes": 4}, b"l1\nl", id="bytes"),
        pytest.param({"since_seconds": 3600}, b"l1\nl2\nl3\nl4\n", id="since"),
        pytest.param({"container": "main", "tail_lines": 1}, b"l4\n", id="container"),
    ],
)
async def test_query_parameters_select_a_part_of_a_log(m: Machine, query: dict[str, Any], expected: bytes) -> None:
    """The parameters are those of kubectl logs."""
    m.create(pod("p", sh("printf 'l1\\nl2\\nl3\\nl4\\n'")))
    await m.ended("p")
    assert await m.log("p", **query) == expected


async def test_since_time_includes_the_line_of_that_time(m: Machine) -> None:
    """A log from the time of a known line has this line and all later ones."""
    m.create(pod("p", sh("for i in 1 2 3 4; do echo $i; sleep 0.01; done")))
    await m.ended("p")
    lines = (await m.log("p", timestamps=True)).splitlines(keepends=True)
    assert [line.split()[1] for line in lines] == [b"1", b"2", b"3", b"4"]
    third = datetime.fromisoformat(lines[2].split()[0].decode())
    assert await m.log("p", timestamps=True, since_time=third) == b"".join(lines[2:])


async def test_following_ends_with_the_container_and_has_every_line(m: Machine) -> None:
    """A stream that is opened while the container runs has all lines and then ends."""
    m.create(pod("p", sh("for i in $(seq 200); do echo $i; done; sleep 0.1; echo end")))
    await until(lambda: m.status("p").get("phase") == "Running")
    assert await m.log("p", follow=True) == b"".join(b"%d\n" % n for n in range(1, 201)) + b"end\n"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        pytest.param({}, r"a container name must be specified for pod p, choose one of: \[a b\]", id="which"),
        pytest.param({"container": "c"}, "container c is not valid for pod p", id="unknown"),
        pytest.param(
            {"container": "a", "previous": True},
            'previous terminated container "a" in pod "p" not found',
            id="previous",
        ),
        pytest.param({"container": "a", "tail_lines": -1}, "tailLines: Invalid value: -1", id="tail"),
    ],
)
async def test_a_log_that_does_not_exist_is_an_error(m: Machine, query: dict[str, Any], message: str) -> None:
    """The status is 400 and the message that of the kubelet."""
    m.create(pod("p", sh("exit 0", name="a"), sh("exit 0", name="b")))
    await m.ended("p")
    with pytest.raises(BadRequest, match=message):
        m.logs.read(m.get("p"), LogQuery(**query))


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
    (leader,) = _leaders(m)
    for shim in processes_with(str(tmp_path / "processes")):
        os.kill(shim, signal.SIGKILL)
    status = await m.ended("p")
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137
    assert not processes.started(leader)
    m.create(pod("q", sh("exit 0")))
    assert (await m.ended("q"))["phase"] == "Succeeded"


SIDECAR = 'trap "echo told; exit 7" TERM; echo ready; while :; do sleep 0.05; done'


def sidecar(script: str, name: str = "proxy") -> dict[str, Any]:
    return sh(script, name=name, restartPolicy="Always")


async def test_a_sidecar_starts_first_and_ends_last(m: Machine, tmp_path: Path) -> None:
    """It does not delay the other containers, ends after them, and its exit code is ignored."""
    note = tmp_path / "note"
    first = sidecar(f'trap "printf 4 >> {note}; exit 7" TERM; printf 1 > {note}; while :; do sleep 0.05; done')
    init = sh(f"until [ -s {note} ]; do sleep 0.05; done; printf 2 >> {note}", name="init")
    m.create(pod("p", sh(f"printf 3 >> {note}"), initContainers=[first, init]))
    status = await m.ended("p")
    assert status["phase"] == "Succeeded"
    assert note.read_text() == "1234"
    ends = {c["name"]: c["state"]["terminated"]["exitCode"] for c in status["initContainerStatuses"]}
    assert ends == {"proxy": 7, "init": 0}


async def test_a_pod_with_a_sidecar_is_ready_and_running(m: Machine) -> None:
    """The sidecar is started and ready, and the Pod initialized, while both run."""
    m.create(pod("p", sh(HOLDS), initContainers=[sidecar(SIDECAR)]))
    await until(lambda: m.condition("p", "Ready").get("status") == "True")
    (status,) = m.status("p")["initContainerStatuses"]
    assert (status["ready"], status["started"], status["state"].keys()) == (True, True, {"running"})
    assert (m.status("p")["phase"], m.condition("p", "Initialized")["status"]) == ("Running", "True")


async def test_sidecars_end_in_reverse_order(m: Machine, tmp_path: Path) -> None:
    """The first sidecar to start is the last one to end."""
    note = tmp_path / "note"
    script = 'trap "sleep 0.1; printf {0} >> {1}; exit 0" TERM; touch {1}.{0}; while :; do sleep 0.05; done'
    both = [sidecar(script.format(n, note), name=f"s{n}") for n in (1, 2)]
    main = sh(f"until [ -e {note}.1 ] && [ -e {note}.2 ]; do sleep 0.05; done")
    m.create(pod("p", main, initContainers=both))
    await m.ended("p")
    assert note.read_text() == "21"


async def test_a_sidecar_that_ignores_sigterm_is_killed(m: Machine) -> None:
    """The exit code of the program counts, not the sidecar's 137."""
    main = sh("sleep 0.2; exit 3")
    m.create(pod("p", main, initContainers=[sidecar(HOLDS)], terminationGracePeriodSeconds=1))
    status = await m.ended("p")
    assert status["phase"] == "Failed"
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 3
    assert status["initContainerStatuses"][0]["state"]["terminated"]["exitCode"] == 137


async def test_the_end_of_the_program_is_seen_while_a_sidecar_ends(m: Machine) -> None:
    """The exit code of the container is written before the phase of the Pod."""
    m.create(pod("p", sh("sleep 0.2; exit 3"), initContainers=[sidecar(HOLDS)], terminationGracePeriodSeconds=30))
    await until(lambda: "terminated" in m.state("p"))
    assert (m.status("p")["phase"], m.state("p")["terminated"]["exitCode"]) == ("Running", 3)
    m.store.delete("pods", "default", "p", grace=0)


async def test_a_sidecar_that_exits_is_started_again(m: Machine) -> None:
    """The end of a sidecar does not end the Pod, for any restart policy."""
    m.create(pod("p", sh(HOLDS), initContainers=[sidecar("exit 1")]))
    await until(lambda: m.status("p").get("initContainerStatuses", [{}])[0].get("restartCount", 0) >= 1)
    await until(lambda: m.status("p").get("phase") == "Running")


async def test_a_deletion_ends_a_pod_with_a_sidecar(m: Machine) -> None:
    """No process of the Pod remains."""
    m.create(pod("p", sh(OBEYS), initContainers=[sidecar(SIDECAR)]))
    await wait_until_printed(m, "p")
    m.store.delete("pods", "default", "p")
    await until(lambda: not m.store.exists("pods", "default", "p"))


async def test_a_failed_init_container_ends_the_sidecars_before_it(m: Machine) -> None:
    """The Pod fails, and its program never runs."""
    m.create(pod("p", sh("true"), initContainers=[sidecar(SIDECAR), sh("exit 4", name="init")]))
    status = await m.ended("p")
    assert status["phase"] == "Failed"
    assert status["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}


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
