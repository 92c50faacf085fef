"""A Pod's phase and conditions, derived from its containers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from localkube.node.container_state import Container, Running, State, Terminated, Waiting
from localkube.node.pod_status import PodOutcome, began, lost, phase, status

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 1, 1, 13, tzinfo=UTC)
OK, BAD = Terminated(0, "Completed", NOON, NOON), Terminated(1, "Error", NOON, NOON)
RUN, WAIT = Running(NOON), Waiting()


def containers(*states: State, last: Terminated | None = None) -> list[Container]:
    return [Container(f"c{i}", "image", state, last) for i, state in enumerate(states)]


@pytest.mark.parametrize(
    ("policy", "init", "main", "expected"),
    [
        pytest.param("Never", [], [WAIT], "Pending", id="not-started"),
        pytest.param("Never", [RUN], [WAIT], "Pending", id="init-runs"),
        pytest.param("Never", [BAD], [WAIT], "Failed", id="init-failed-for-good"),
        pytest.param("OnFailure", [BAD], [WAIT], "Pending", id="init-failed-and-goes-on"),
        pytest.param("Never", [OK], [RUN], "Running", id="runs"),
        pytest.param("Never", [], [RUN, OK], "Running", id="one-of-two-ended"),
        pytest.param("Never", [], [RUN, BAD], "Running", id="one-of-two-failed"),
        pytest.param("Never", [], [OK, OK], "Succeeded", id="succeeded"),
        pytest.param("Never", [], [OK, BAD], "Failed", id="failed"),
        pytest.param("OnFailure", [], [OK], "Succeeded", id="on-failure-succeeded"),
        pytest.param("OnFailure", [], [BAD], "Running", id="on-failure-goes-on"),
        pytest.param("Always", [], [OK], "Running", id="always-goes-on"),
    ],
)
def test_phase(policy: str, init: list[State], main: list[State], expected: str) -> None:
    """The phase is that of the kubelet's getPhase."""
    assert phase(policy, containers(*init), containers(*main)) == expected


def test_a_crash_loop_is_running() -> None:
    """A Pod whose container waits for its next run is Running."""
    assert phase("Always", [], containers(Waiting("CrashLoopBackOff"), last=BAD)) == "Running"


def test_a_condition_keeps_its_time_while_its_status_is_unchanged() -> None:
    """LastTransitionTime changes only with the status."""
    pod: dict[str, Any] = {"status": {}}
    pod["status"] = status(pod, [], containers(RUN), reached="Running", outcome=None, started=NOON, now=NOON)
    ended = status(pod, [], containers(OK), reached="Succeeded", outcome=None, started=NOON, now=LATER)
    times = {c["type"]: (c["status"], c["lastTransitionTime"]) for c in ended["conditions"]}
    assert times["Initialized"] == ("True", "2026-01-01T12:00:00Z")
    assert times["Ready"] == ("False", "2026-01-01T13:00:00Z")


@pytest.mark.parametrize("disrupted", [True, False])
def test_only_a_disruption_is_marked_as_one(*, disrupted: bool) -> None:
    """DisruptionTarget distinguishes a lost node from a failure."""
    body = status(
        {}, [], containers(BAD), reached="Failed", outcome=PodOutcome("R", "m", disrupted), started=NOON, now=NOON
    )
    assert (body["reason"], body["phase"]) == ("R", "Failed")
    assert any(c["type"] == "DisruptionTarget" for c in body["conditions"]) is disrupted


@pytest.mark.parametrize(
    ("main", "expected"),
    [
        pytest.param(RUN, True, id="ran"),
        pytest.param(WAIT, False, id="never-started"),
        pytest.param(OK, True, id="ended"),
    ],
)
def test_began(main: State, expected: bool) -> None:
    """A Pod that had not begun can be started again without harm."""
    assert began({"status": {"containerStatuses": [containers(main)[0].json(init=False)]}}) is expected


def test_lost_keeps_known_exit_codes() -> None:
    """Known exit codes stay; the others become 137, and the Pod is marked as disrupted."""
    both = [c.json(init=False) for c in containers(OK, RUN)]
    after = lost({"status": {"phase": "Running", "conditions": [], "containerStatuses": both}}, LATER)
    codes = [c["state"]["terminated"]["exitCode"] for c in after["containerStatuses"]]
    assert (after["phase"], codes) == ("Failed", [0, 137])
    target = next(c for c in after["conditions"] if c["type"] == "DisruptionTarget")
    assert (target["status"], target["reason"]) == ("True", "TerminationByKubelet")
