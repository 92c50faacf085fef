"""Why a volume or the network of a Pod cannot be set up is stated only in the Pod's Events."""

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
    """A gateway that returns lists of Events, or raises errors, in turn; the last one stays."""

    def __init__(self, *answers: list | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[float] = []
        self.wanted: set[tuple[str, str]] = set()

    async def list(self, _resource, *, namespace, field_selector):
        self.asked.append(round(asyncio.get_running_loop().time()))
        self.wanted.add((namespace, field_selector))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        yield Page(tuple(answer), "1")


async def watched(gateway: Events, *pods: PodRecord, seconds: float) -> tuple[dict[str, str], list[str]]:
    """Watch Pods, and explain them so many seconds later; return why they do not start, and the keys woken meanwhile."""
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
    """After 10 seconds; the experiment is reconciled when there is something new, and only then."""
    gateway = Events([SCHEDULED, FAILED])
    assert await watched(gateway, POD, seconds=75) == ({"p": "FailedMount: m"}, [KEY])
    assert (gateway.asked, gateway.wanted) == ([10, 40, 70], {("a", "involvedObject.uid=uid")})


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("pod", "answers", "asked"),
    [
        pytest.param(replace(POD, node=""), [FAILED], [], id="not scheduled"),
        pytest.param(replace(POD, phase=PodPhase.RUNNING), [FAILED], [], id="running"),
        pytest.param(replace(POD, deletion_time=NOW), [FAILED], [], id="being deleted"),
        pytest.param(POD, [SCHEDULED], [10, 40], id="no Warning"),
        pytest.param(POD, [], [10, 40], id="no Event"),
        pytest.param(POD, [FAILED, PULLED], [10, 40], id="the Pod went on"),
        pytest.param(POD, Forbidden("no"), [10], id="no permission"),
        pytest.param(POD, ClusterUnavailable("down"), [10, 40], id="no answer"),
    ],
)
async def test_other_pods_quote_nothing(pod: PodRecord, answers: list | Exception, asked: list[int]):
    """No request is made for them, or its answer says nothing."""
    gateway = Events(answers)
    assert await watched(gateway, pod, seconds=45) == ({}, [])
    assert gateway.asked == asked


@pytest.mark.looptime
async def test_what_the_status_of_a_pod_says_is_kept():
    """Its own trouble is more precise."""
    assert await watched(Events([FAILED]), replace(POD, blocked=TROUBLE), seconds=45) == ({"p": "no such image"}, [])


@pytest.mark.looptime
async def test_only_the_pod_that_has_waited_longest_is_read():
    """A thousand Pods that wait for one volume cost as many requests as one."""
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
    """Neither a Pod that has started nor an experiment that is gone costs requests."""
    gateway = Events([FAILED])
    reader = PodEvents(gateway, lambda _: None)
    for end in (lambda: reader.watch(KEY, [], NOW), lambda: reader.forget(KEY)):
        reader.watch(KEY, [POD], NOW)
        end()
        await asyncio.sleep(100)
    assert gateway.asked == []


def test_times_are_read_as_kubelets_and_schedulers_write_them():
    """Repeated Events, series, Events without a time of their own, and long messages."""
    series = event(
        "Warning", "FailedMount", 0, lastTimestamp=None, series={"lastObservedTime": PULLED["lastTimestamp"]}
    )
    started = event("Normal", "Scheduled", 0, lastTimestamp=None, eventTime="2026-01-01T00:00:04.5Z")
    bare = {"metadata": {"creationTimestamp": "2026-01-01T00:00:03Z"}, "type": "Normal", "reason": "x"}
    assert newest_warning([started, series, bare]) == "FailedMount: m"
    assert len(newest_warning([event("Warning", "Failed", 0, message="x" * 10_000)])) == 1024
    assert newest_warning([{"metadata": {}, "type": "Warning", "reason": "Failed", "message": "m"}]) == "Failed: m"
