"""Following the log of one attempt, in virtual time."""

import asyncio
import itertools
from datetime import timedelta
from itertools import pairwise

import pytest

from support.logs import START, FakeLog, follower_of, log_of
from toprung.collectors.log_follower import FIRST_DELAY, LAST_DELAY, OVERDUE, QUIET, TRIES_AFTER_END
from toprung.collectors.pace import PAUSE, SLICE, Pace, Turn
from toprung.errors import ClusterUnavailable, NotFound, Rejected
from toprung.metrics import progress_from_status, progress_to_status
from toprung.metrics.types import Ignored

pytestmark = pytest.mark.looptime

LOG = log_of("epoch=1 acc=0.1", "epoch=2 acc=0.3", "epoch=3 acc=0.2")


async def test_a_log_is_read_to_its_end():
    """Progress is live. The log is drained once a connection from after the container's end has ended."""
    log = FakeLog(LOG, [[LOG[:60]]])
    follower = follower_of(log)
    task = asyncio.create_task(follower.run())
    await asyncio.sleep(0.1)
    assert (follower.progress.latest.step, follower.drained) == (1, False)
    follower.finish()
    await task
    assert (follower.progress.latest.step, follower.progress.best.step, follower.drained) == (3, 2, True)
    assert (follower.failed, follower.tail) == ("", ("epoch=1 acc=0.1", "epoch=2 acc=0.3", "epoch=3 acc=0.2"))
    assert sorted(follower.progress.crossings) == [1, 3]


async def test_the_end_of_a_connection_is_not_the_end_of_the_log():
    """After a connection that ends before the container, another connection follows."""
    follower = follower_of(FakeLog(LOG, [[LOG]]))
    task = asyncio.create_task(follower.run())
    await asyncio.sleep(0.1)
    await asyncio.sleep(100.0)
    assert (follower.progress.latest.step, follower.drained) == (3, False)
    follower.finish()
    await task
    assert follower.drained


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ClusterUnavailable("503"), id="unavailable"),
        pytest.param(Rejected("waiting to start: ContainerCreating", status=400), id="not-started"),
        pytest.param(ConnectionResetError("reset"), id="reset"),
        pytest.param(TimeoutError("timed out"), id="timeout"),
        pytest.param(NotFound('pods "x-0-1" not found', status=404), id="kubelet-just-started"),
    ],
)
async def test_broken_connections_are_opened_again_with_back_off(error):
    """A log is never abandoned while the container runs.

    The pauses double up to a maximum, and restart after data.
    """
    log = FakeLog(LOG, [[error]] * 12)
    follower = follower_of(log)
    task = asyncio.create_task(follower.run())
    await asyncio.sleep(60.0)
    assert (follower.drained, follower.failed) == (False, f"the log can't be read: {error}")
    assert follower.log_unavailable == "", "a running container's log is tried again"
    pauses = [later - earlier for earlier, later in pairwise(log.times)]
    assert pauses[:3] == pytest.approx([FIRST_DELAY, 2 * FIRST_DELAY, 4 * FIRST_DELAY])
    assert max(pauses) == pytest.approx(LAST_DELAY)
    await asyncio.sleep(200.0)
    assert (follower.failed, follower.progress.latest.step) == ("", 3)
    assert log.times[-1] - log.times[-2] > FIRST_DELAY, "what comes again is nothing new"
    follower.finish()
    await task
    assert follower.drained


async def test_a_restarted_kubelet_does_not_end_the_reading_of_a_running_pod():
    """A restarted kubelet returns 404 until it knows its Pods. Later output is read."""
    log = FakeLog(LOG, [[LOG[:60], ConnectionResetError("reset")], *[[NotFound("no such Pod", status=404)]] * 3])
    follower = follower_of(log)
    task = asyncio.create_task(follower.run())
    await asyncio.sleep(30.0)
    assert (follower.progress.latest.step, follower.drained, follower.failed) == (3, False, "")
    follower.finish()
    await task
    assert follower.drained


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ClusterUnavailable("no route to node"), id="lost-node"),
        pytest.param(NotFound("no such container", status=404), id="gone"),
    ],
)
async def test_the_log_of_a_lost_node_is_abandoned(error):
    """After the container's end an unreadable log is abandoned, and the reason is recorded."""
    log = FakeLog(LOG, [[error]] * 100)
    follower = follower_of(log)
    follower.finish()
    task = asyncio.create_task(follower.run())
    await asyncio.sleep(60.0)
    await task
    assert (follower.drained, follower.log_unavailable) == (True, f"the log can't be read: {error}")
    assert len(log.opened) == TRIES_AFTER_END


async def test_a_connection_that_hangs_after_the_end_is_replaced():
    """A half-open connection has a time limit after the container's end."""
    log = FakeLog(LOG, [[LOG[:60], FakeLog.HANG]])
    follower = follower_of(log)
    task = asyncio.create_task(follower.run())
    await asyncio.sleep(0.1)
    follower.finish()
    await asyncio.sleep(OVERDUE - 1)
    assert not follower.drained
    await asyncio.sleep(1.0 + FIRST_DELAY)
    await task
    assert (follower.drained, follower.progress.latest.step, follower.failed) == (True, 3, "")
    assert log.closed == len(log.opened) == 2


async def test_lines_without_steps_are_counted_across_connections():
    """Repeated lines after a broken connection do not count again."""
    log = log_of("acc=0.1", "acc=0.2", "acc=0.3", "acc=0.4")
    follower = follower_of(FakeLog(log, [[log[:100], ConnectionResetError("reset")]]))
    follower.finish()
    await follower.run()
    assert follower.progress.curve == ((1, 0.1), (2, 0.2), (3, 0.3), (4, 0.4))


async def test_a_restarted_operator_continues_from_the_progress_of_the_trial():
    """The log is read from its start, and reports of the Trial do not count again."""
    before = follower_of(FakeLog(LOG[: LOG.index(b"\n", 60) + 1], []))
    before.finish()
    await before.run()
    log, changes = FakeLog(LOG, []), []
    stored = progress_from_status(progress_to_status(before.progress))
    follower = follower_of(log, progress=stored, on_change=lambda: changes.append(1))
    follower.finish()
    await follower.run()
    assert log.opened == [None]
    assert (follower.progress.curve, follower.progress.best) == (((1, 0.1), (2, 0.3), (3, 0.2)), stored.best)
    assert len(changes) == 2, "one for the report that is new, one for the end"


async def test_cancelling_closes_the_connection():
    """The owner can cancel a follower at any time."""
    log = FakeLog(LOG, [[LOG, FakeLog.HANG]])
    task = asyncio.create_task(follower_of(log).run())
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log.closed == len(log.opened) == 1


async def test_an_internal_error_is_raised():
    """Only errors of the cluster are retried."""
    with pytest.raises(ZeroDivisionError):
        await follower_of(FakeLog(LOG, [[ZeroDivisionError()]])).run()


async def test_a_long_log_is_read_completely_after_the_end():
    """Only silence has a time limit. A log that still has data is read, for any duration."""
    lines = LOG.splitlines(keepends=True)
    log = FakeLog(LOG, [[lines[0], FakeLog.PAUSE, lines[1], FakeLog.PAUSE, lines[2]]])
    follower = follower_of(log)
    follower.finish()
    task = asyncio.create_task(follower.run())
    await asyncio.sleep(2 * FakeLog.PAUSE_SECONDS)
    await task
    assert (len(log.opened), follower.progress.latest.step, follower.drained) == (1, 3, True)


async def test_the_end_of_a_log_completes_its_last_line():
    """The end of a connection does not."""
    log = LOG.rstrip(b"\n")
    follower = follower_of(FakeLog(log, [[log[:-1]]]))
    task = asyncio.create_task(follower.run())
    await asyncio.sleep(0.1)
    assert follower.progress.latest.step == 2
    follower.finish()
    await task
    assert follower.progress.curve == ((1, 0.1), (2, 0.3), (3, 0.2))


async def test_a_flooding_log_leaves_the_event_loop_to_others():
    """Reading pauses after each slice. The pause does not count as silence."""
    clock = itertools.count()
    pace = Pace(lambda: next(clock) * SLICE)
    log = log_of(*[f"acc=0.{n}" for n in range(50)])
    follower = follower_of(FakeLog(log, []), turn=Turn(pace, "team"), levels=())
    follower.finish()
    start = asyncio.get_running_loop().time()
    await follower.run()
    assert asyncio.get_running_loop().time() - start >= 50 * SLICE * PAUSE
    assert (follower.progress.latest.step, follower.failed) == (50, "")


async def test_only_the_end_of_a_too_long_log_is_read(monkeypatch):
    """After the container's end the last lines suffice, and the trial records that others were skipped."""
    monkeypatch.setattr("toprung.collectors.log_follower.MAX_AFTER_END", 20)
    monkeypatch.setattr("toprung.collectors.log_follower.LAST_LINES", 10)
    follower = follower_of(FakeLog(log_of(*[f"epoch={n} acc={n}" for n in range(90)]), []), levels=())
    follower.finish()
    await follower.run()
    assert [step for step, _ in follower.progress.curve] == [*range(10), *range(80, 90)]
    assert (follower.drained, list(follower.progress.ignored)) == (True, [Ignored.SKIPPED])


@pytest.mark.parametrize(
    ("resting", "seconds"),
    [
        pytest.param(["a"], PAUSE, id="alone"),
        pytest.param(["a", "a"], 2 * PAUSE, id="two-of-a-namespace"),
        pytest.param(["a", "b"], 2 * PAUSE, id="two-namespaces"),
        pytest.param(["a", "a", "a", "b"], 2 * PAUSE, id="a-namespace-with-many-logs-delays-itself"),
    ],
)
async def test_namespaces_share_the_reading_rate(resting, seconds):
    """A log waits for its part of the share of its namespace."""
    pace, start = Pace(), asyncio.get_running_loop().time()
    others = [asyncio.create_task(pace.pause(name, 1e6)) for name in resting[:-1]]
    await asyncio.sleep(0)
    await pace.pause(resting[-1], 1.0)
    assert asyncio.get_running_loop().time() - start == pytest.approx(seconds)
    for other in others:
        other.cancel()


LOST = b"unable to retrieve container logs for containerd://4f5e"


@pytest.mark.parametrize(
    ("log", "unavailable", "steps"),
    [
        pytest.param(LOST, LOST.decode(), None, id="all"),
        pytest.param(log_of("acc=0.5", "acc=0.6") + LOST, LOST.decode(), 2, id="the-rest"),
        pytest.param(log_of("acc=0.5", LOST.decode()), "", 1, id="the-program-prints-these-words"),
        pytest.param(log_of("acc=0.5"), "", 1, id="no-notice"),
    ],
)
async def test_a_log_that_the_kubelet_lost_is_not_empty(log, unavailable, steps):
    """The kubelet reports the loss with status 200, in a line without a time. Earlier lines still count."""
    follower = follower_of(FakeLog(log, []))
    follower.finish()
    await follower.run()
    assert follower.log_unavailable == unavailable
    latest = follower.progress.latest
    assert (latest.step if latest is not None else None) == steps


async def test_a_quiet_connection_counts_as_idle():
    """Only then can a program count as silent, and not while its log is opened or read."""
    text = log_of("acc=0.5", "thinking")
    follower = follower_of(FakeLog(text, [[text, FakeLog.HANG]]))
    assert (follower.idle, follower.until, follower.reported) == (False, None, None)
    task = asyncio.create_task(follower.run())
    await asyncio.sleep(QUIET / 2)
    assert (follower.idle, follower.reported) == (False, START)
    assert follower.until == START + timedelta(milliseconds=300)
    await asyncio.sleep(QUIET)
    assert follower.idle
    task.cancel()


async def test_a_broken_connection_is_not_idle():
    """The program may print lines that are not read."""
    text = log_of("acc=0.5")
    follower = follower_of(FakeLog(text, [[text, ClusterUnavailable("no route")], *[[ClusterUnavailable("no")]] * 99]))
    task = asyncio.create_task(follower.run())
    await asyncio.sleep(2 * QUIET)
    assert not follower.idle
    task.cancel()
