"""A log is read once, line by line, for any sizes of chunks and any broken connections."""

import asyncio
from datetime import timedelta

import looptime
from hypothesis import example, given
from hypothesis import strategies as st

from support.logs import START, FakeLog, follower_of, lines_of, log_of
from toprung.collectors.log_reader import LogReader
from toprung.errors import ClusterUnavailable
from toprung.metrics import LineFormat, progress_from_status, progress_to_status


def bar(steps):
    """Return a line that overwrites itself, as a progress bar does."""
    return "".join(f"\r{step}/9 epoch={step / 2} acc=0.{step}\b\b" for step in steps)


LINES = st.one_of(
    st.lists(st.sampled_from(["acc=0.1", "acc=0.5", "acc=nan", "working", "", "acc=0.7 \x1b[0m"]), max_size=20),
    st.lists(st.integers(0, 30), max_size=20).map(lambda steps: [f"step={step} acc={step / 10}" for step in steps]),
    st.lists(st.lists(st.integers(0, 9), max_size=9).map(bar), max_size=6),
)
GAPS = st.sampled_from([timedelta(), timedelta(microseconds=1), timedelta(milliseconds=300), timedelta(seconds=2)])
LOGS = st.builds(lambda lines, gap: log_of(*lines, apart=gap), LINES, GAPS)
CUTS = st.lists(st.integers(1, 200), max_size=30)
FAR = 100.0
"""Seconds after which no more connections break."""
BREAKS = st.lists(st.tuples(st.integers(0, 1500), st.booleans()), max_size=6)


def chunks(log, sizes):
    """Cut a log into pieces of these sizes, and the rest."""
    for size in sizes:
        yield log[:size]
        log = log[size:]
    yield log


class BreakingLog(FakeLog):
    """Connections that break after a number of bytes, with an error or as at the end of the log.

    The last one does not break.
    """

    def __init__(self, log, sizes, breaks):
        super().__init__(log, [])
        self._sizes, self._breaks = sizes, list(breaks)

    async def __call__(self, since, tail=None):  # noqa: ARG002 - no log here is that long
        sent = self.after(since)
        limit, error = self._breaks.pop(0) if self._breaks else (len(sent), False)
        for piece in chunks(sent[:limit], self._sizes):
            yield piece
        if error:
            raise ClusterUnavailable("broken")


def follow(log, sizes=(), breaks=(), progress=None):
    """Follow a log until it is drained. The container ends after all breaks."""

    async def run():
        source = BreakingLog(log, sizes, breaks)
        follower = follower_of(source, progress=progress)
        task = asyncio.create_task(follower.run())
        await asyncio.sleep(FAR)
        follower.finish()
        await task
        return follower

    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        return runner.run(run())


def shown(follower):
    """Return the stored progress with the crossings and the last lines."""
    crossings = {level: seen.step for level, seen in follower.progress.crossings.items()}
    return progress_to_status(follower.progress), crossings, follower.tail


@given(LOGS, CUTS)
def test_chunk_boundaries_change_no_report(log, sizes):
    """The reports are those of the whole log."""
    whole, cut = LogReader(LineFormat(("acc",)), lambda: START), LogReader(LineFormat(("acc",)), lambda: START)
    expected = [seen for seen in whole.feed(log) if seen is not None]
    got = [seen for piece in chunks(log, sizes) for seen in cut.feed(piece) if seen is not None]
    assert repr(got) == repr(expected)
    assert cut.tail == whole.tail


@given(LOGS, CUTS, BREAKS)
def test_broken_connections_lose_and_repeat_no_line(log, sizes, breaks):
    """Each line counts once, and the last lines are those of the program."""
    assert shown(follow(log, sizes, breaks)) == shown(follow(log))


@given(LOGS, CUTS, BREAKS, st.integers(0, 20))
@example(log_of(*(f"step={step} acc=0.{step}" for step in (9, 0, 0, 0)), apart=timedelta()), [], [], 2)
def test_a_restarted_operator_reads_the_same_reports(log, sizes, breaks, cut):
    """A new follower, with the progress of the Trial and the log from its start, has the progress of an
    uninterrupted one.
    """
    before = follow(b"".join(lines_of(log)[:cut]))
    after = follow(log, sizes, breaks, progress_from_status(progress_to_status(before.progress)))
    whole = follow(log)
    assert shown(after)[0] == shown(whole)[0]
    assert after.tail == whole.tail
