"""The time at which the backlog of a log counts as read."""

import asyncio
from datetime import timedelta

import pytest

from support.logs import START, FakeLog, follower_of, log_of
from toprung.collectors.log_follower import CAUGHT_UP_AFTER, LONGEST_CATCH_UP
from toprung.errors import ClusterUnavailable

pytestmark = pytest.mark.looptime

LOG = log_of("epoch=1 acc=0.1", "epoch=2 acc=0.3", "epoch=3 acc=0.2", apart=timedelta(seconds=10))


@pytest.mark.parametrize(
    ("script", "behind", "seconds"),
    [
        pytest.param([LOG, FakeLog.HANG], None, 0.0, id="read-from-the-start"),
        pytest.param([LOG, FakeLog.HANG], START + timedelta(seconds=60), CAUGHT_UP_AFTER, id="quiet"),
        pytest.param([LOG, FakeLog.HANG], START + timedelta(seconds=20), 0.0, id="a-new-line"),
        pytest.param([FakeLog.HANG], START, CAUGHT_UP_AFTER, id="silent"),
        pytest.param([ClusterUnavailable("503")], START, CAUGHT_UP_AFTER, id="lost"),
        pytest.param([b"x" * 99] * 9999, START, LONGEST_CATCH_UP, id="endless"),
    ],
)
async def test_a_log_is_caught_up(script, behind, seconds):
    """A new line, silence or the time limit ends the backlog. A lost log delays no decision."""
    log = FakeLog(LOG, [])
    log.PAUSE_SECONDS = 1.0
    log._scripts = [script if seconds != LONGEST_CATCH_UP else slowly(script)] * 99
    follower = follower_of(log, behind=behind)
    task = asyncio.create_task(follower.run())
    moments = []
    async with asyncio.timeout(10 * LONGEST_CATCH_UP):
        while not follower.caught_up or not moments:
            moments.append(asyncio.get_running_loop().time())
            await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert moments[-1] - moments[0] == pytest.approx(seconds, abs=0.3)


def slowly(pieces):
    """Return the pieces with a pause of a second before each."""
    return [part for piece in pieces for part in (FakeLog.PAUSE, piece)]


async def test_a_report_after_the_deadline_does_not_count():
    """Without the downtime of the operator the trial would have ended before it."""
    follower = follower_of(FakeLog(LOG, []))
    follower.cut_off = START + timedelta(seconds=10)
    follower.finish()
    await follower.run()
    assert (follower.progress.latest.step, follower.tail[-1]) == (2, "epoch=3 acc=0.2")
