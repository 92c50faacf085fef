"""Reading the logs of trials."""

import asyncio
from datetime import UTC, datetime

import pytest

from support.experiments import SPEC
from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.collectors.log_follower import LogFollower
from toprung.controller.log_collection import LogCollection, last_lines
from toprung.errors import ClusterUnavailable, NotFound
from toprung.metrics import LineFormat, Progress, Tracking
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.pod import PodPhase, PodRecord
from toprung.objects.trial import TrialRecord

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EXPERIMENT = ExperimentRecord("team", "exp", "uid", 1, NOW, ExperimentSpec(**SPEC))
TRIAL = TrialRecord("team/exp", "uid", "exp-0", "uid-0", 0, {"x": 1}, NOW, attempt=1)
POD = PodRecord("team/exp", "uid-0", "exp-0-1", "pod", "exp-0", 1, PodPhase.RUNNING, NOW)
LINE = b"2026-01-01T00:00:00Z loading data\n"


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("breaks", "words"),
    [
        pytest.param(False, ("loading data",), id="read-to-its-end"),
        pytest.param(True, ("loading data", "(the log can't be read: 503)"), id="abandoned"),
    ],
)
async def test_an_abandoned_log_is_noted_after_the_last_lines(breaks, words):
    """A log that was read to its end has only the program's lines."""

    async def open_log(_since, _tail):
        yield LINE
        if breaks:
            raise ClusterUnavailable("503")

    follower = LogFollower(
        open_log,
        line_format=LineFormat(metrics=("score",)),
        tracking=Tracking("score", maximize=True),
        progress=Progress(),
        on_change=lambda: None,
    )
    follower.finish()
    await follower.run()
    assert last_lines(follower) == words


class Gone:
    """A client whose API server knows no Pod."""

    def __init__(self) -> None:
        self.requests = 0

    async def log(self, **_):
        self.requests += 1
        raise NotFound("no such Pod", status=404)
        yield b""


@pytest.mark.looptime
async def test_reading_ends_when_the_pod_is_gone():
    """The log is requested while the watch has the Pod, and never afterwards. No task remains."""
    gateway = Gone()
    followers = LogCollection(gateway, lambda _: None)
    followers.follow(EXPERIMENT, [(TRIAL, POD)])
    await asyncio.sleep(60.0)
    requests = gateway.requests
    assert requests > 1
    assert not followers.collected("team/exp")["pod"].drained
    followers.follow(EXPERIMENT, [])
    await asyncio.sleep(60.0)
    assert (gateway.requests, followers.collected("team/exp")) == (requests, {})
    assert asyncio.all_tasks() == {asyncio.current_task()}
