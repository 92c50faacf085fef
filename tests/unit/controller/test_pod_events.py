"""The Events of Pods that do not start. Only they have the reason if a volume or the network is missing."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from toprung.api.v1alpha1.conditions import Reason
from toprung.controller.pod_events import PodEvents, newest_warning
from toprung.errors import ClusterUnavailable, Forbidden
from toprung.kube.client import Page
from toprung.objects.conditions import BlockReason
from toprung.objects.pod import PodPhase, PodRecord

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = "a/e"
POD = PodRecord(KEY, "u", "p", "uid", "t", 1, PodPhase.PENDING, NOW, node="n")
TROUBLE = BlockReason(Reason.IMAGE_PULL, "no such image")


def event(kind: str, reason: str, second: int, **fields: Any) -> dict:
    stamp = (NOW + timedelta(seconds=second)).isoformat()
    return {"metadata": {}, "type": kind, "reason": reason, "message": "m", "lastTimestamp": stamp, **fields}


SCHEDULED = event("Normal", "Scheduled", 0)
FAILED = event("Warning", "FailedMount", 0)
PULLED = event("Normal", "Pulled", 5)


class Events:
    """A client that returns lists of Events or raises errors, in turn. The last one is repeated."""

    def __init__(self, *answers: list | Exception) -> None:
        self.answers = list(answers)
        self.requested: list[float] = []
        self.wanted: set[tuple[str, str]] = set()

    async def list(self, _resource, *, namespace, field_selector):
        self.requested.append(round(asyncio.get_running_loop().time()))
        self.wanted.add((namespace, field_selector))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        yield Page(tuple(answer), "1")


async def watched(gateway: Events, *pods: PodRecord, seconds: float) -> tuple[dict[str, str], list[str]]:
    """Watch Pods for a number of seconds, and return why they do not start, and the keys that were enqueued."""
    woken: list[str] = []
    reader, by_trial = PodEvents(gateway, woken.append), {pod.trial: (pod,) for pod in pods}
    reader.watch(KEY, pods, NOW)
    await asyncio.sleep(seconds)
    explained = reader.explain(KEY, by_trial)
    reader.close()
    reasons = {pod.name: pod.blocked.message for each in explained.values() for pod in each if pod.blocked is not None}
    return reasons, woken


@pytest.mark.looptime
async def test_a_pod_that_does_not_start_quotes_its_events():
    """This begins after 10 seconds. The experiment is reconciled for new Events only."""
    gateway = Events([SCHEDULED, FAILED])
    assert await watched(gateway, POD, seconds=75) == ({"p": "FailedMount: m"}, [KEY])
    assert (gateway.requested, gateway.wanted) == ([10, 40, 70], {("a", "involvedObject.uid=uid")})


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("pod", "answers", "requested"),
    [
        pytest.param(replace(POD, node=""), [FAILED], [], id="not scheduled"),
        pytest.param(replace(POD, phase=PodPhase.RUNNING), [FAILED], [], id="running"),
        pytest.param(replace(POD, deletion_time=NOW), [FAILED], [], id="being deleted"),
        pytest.param(POD, [SCHEDULED], [10, 40], id="no Warning"),
        pytest.param(POD, [], [10, 40], id="no Event"),
        pytest.param(POD, [FAILED, PULLED], [10, 40], id="the Pod has started since"),
        pytest.param(POD, Forbidden("no"), [10], id="no permission"),
        pytest.param(POD, ClusterUnavailable("down"), [10, 40], id="no answer"),
    ],
)
async def test_other_pods_quote_nothing(pod: PodRecord, answers: list | Exception, requested: list[int]):
    """No request is made for them, or the answer has no matching Event."""
    gateway = Events(answers)
    assert await watched(gateway, pod, seconds=45) == ({}, [])
    assert gateway.requested == requested


@pytest.mark.looptime
async def test_the_status_of_a_pod_precedes_its_events():
    """Its reason is more precise."""
    assert await watched(Events([FAILED]), replace(POD, blocked=TROUBLE), seconds=45) == ({"p": "no such image"}, [])


@pytest.mark.looptime
async def test_only_the_pod_that_has_waited_longest_is_read():
    """A thousand Pods that wait for one volume cause as many requests as one."""
    others = [replace(POD, name=f"q{i}", uid=f"q{i}", trial=f"q{i}", created=NOW + timedelta(1)) for i in range(9)]
    gateway = Events([FAILED])
    assert (await watched(gateway, *others, POD, seconds=15))[0] == {"p": "FailedMount: m"}
    assert gateway.wanted == {("a", "involvedObject.uid=uid")}


@pytest.mark.looptime
async def test_a_failed_read_is_repeated_and_a_solved_problem_is_dropped():
    """The newest Event counts."""
    gateway = Events(ClusterUnavailable("down"), [FAILED], [FAILED, PULLED])
    assert await watched(gateway, POD, seconds=75) == ({}, [KEY, KEY])


@pytest.mark.looptime
async def test_reads_end_with_the_wait():
    """A started Pod and a deleted experiment cause no requests."""
    gateway = Events([FAILED])
    reader = PodEvents(gateway, lambda _: None)
    for end in (lambda: reader.watch(KEY, [], NOW), lambda: reader.forget(KEY)):
        reader.watch(KEY, [POD], NOW)
        end()
        await asyncio.sleep(100)
    assert gateway.requested == []


def test_all_forms_of_event_times_are_read():
    """Repeated Events, series, Events without a time, and long messages are read."""
    series = event(
        "Warning", "FailedMount", 0, lastTimestamp=None, series={"lastObservedTime": PULLED["lastTimestamp"]}
    )
    started = event("Normal", "Scheduled", 0, lastTimestamp=None, eventTime="2026-01-01T00:00:04.5Z")
    bare = {"metadata": {"creationTimestamp": "2026-01-01T00:00:03Z"}, "type": "Normal", "reason": "x"}
    assert newest_warning([started, series, bare]) == "FailedMount: m"
    assert len(newest_warning([event("Warning", "Failed", 0, message="x" * 10_000)])) == 1024
    assert newest_warning([{"metadata": {}, "type": "Warning", "reason": "Failed", "message": "m"}]) == "Failed: m"
