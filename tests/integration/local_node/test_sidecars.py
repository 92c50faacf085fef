"""Sidecars start before the other containers and end after them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.node import Machine, pod, until
from support.node_processes import HOLDS, OBEYS, sh, wait_until_printed

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
