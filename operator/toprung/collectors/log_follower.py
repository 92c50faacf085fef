"""Follows the log of one attempt to its end across broken connections."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime

from toprung.collectors.log_reader import LogReader, TimedReport
from toprung.collectors.pace import Pace, Turn
from toprung.errors import ClusterError
from toprung.metrics.counting import count, start_attempt, with_skipped_part
from toprung.metrics.line_format import LineFormat
from toprung.metrics.types import Progress, Tracking

OpenLog = Callable[[datetime | None, int | None], AsyncIterator[bytes]]
"""Opens and follows the log with timestamps: from a time on (None: its start), or a number of its last lines.

The iterator ends with the log, and raises ClusterError or OSError if the connection breaks.
"""

FIRST_DELAY = 0.2
LAST_DELAY = 10.0
"""Seconds between connections: doubled from the first to the last while no line is new."""
OVERDUE = 10.0
"""Seconds that a connection may be silent after the container's end, before it counts as broken."""
QUIET = 10.0
"""Seconds without anything new after which an open connection has brought all that the program has printed."""
TRIES_AFTER_END = 5
"""Connections without a new line that may break after the container's end, before reading ends (a lost node)."""
MAX_AFTER_END = 100_000
"""Lines with a metric that are read after the container's end; of a longer log only the last lines are read then."""
LAST_LINES = 1_000


class LogTooLong(Exception):
    """A program printed faster than its log can be read. The rest of the log, except its end, is skipped."""


CAUGHT_UP_AFTER = 2.0
"""Seconds without a new line after which a log that is read late counts as caught up with."""
LONGEST_CATCH_UP = 15.0
"""Seconds after which a log always counts as caught up with, so that a lost log delays no decision."""


class LogFollower:
    """Reads the log of one attempt into the trial's progress.

    `run()` is a task of its owner's, who calls `finish()` when the container has ended and may cancel it at any time.
    A log is known to be read to its end when a connection that was opened after the container's end ended well; one
    that ends before may have been cut by a rotation or a restart of the kubelet.

    Attributes:
        progress: the trial's, with this attempt's reports; replaced, never changed.
        drained: whether the log is complete.
        failed: why the log can't be read at present, or could not to its end; "" where it can.
        reported: when the last report of any metric was printed, None before the first.
        cut_off: reports of a later time do not count; None: all count.
    """

    def __init__(
        self,
        open_log: OpenLog,
        *,
        line_format: LineFormat,
        tracking: Tracking,
        progress: Progress,
        on_change: Callable[[], None],
        attempt: int = 1,
        turn: Turn | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        behind: datetime | None = None,
    ) -> None:
        """Continue a trial's progress; `on_change` is called when `progress` or `drained` has changed.

        `behind`: the log has lines of the time before, which `caught_up` waits for; None: it begins now.
        """
        self.cut_off: datetime | None = None
        self._behind = behind
        self._started = self._last_activity = asyncio.get_running_loop().time()
        self.progress = start_attempt(progress, attempt, offset=tracking.offset)
        self.drained = False
        self.failed = ""
        self._open_log = open_log
        self._reader = LogReader(line_format, now)
        self._turn = turn or Turn(Pace(), "")
        self._tracking = tracking
        self._on_change = on_change
        self._ended = asyncio.Event()
        self._delay = FIRST_DELAY
        self._breaks_after_end = 0
        self._chunks = 0
        self._waiting_since: float | None = None
        self.reported: datetime | None = None
        self._after_end = 0
        self._last_lines: int | None = None

    @property
    def log_unavailable(self) -> str:
        """Return why reading was given up before the log's end."""
        if not self.drained:
            return ""
        return self.tail[-1] if self._reader.lost else self.failed

    @property
    def until(self) -> datetime | None:
        """Return the time of the last line that was read."""
        return self._reader.since

    @property
    def idle(self) -> bool:
        """Return whether the connection has brought nothing new for a while, so that all that is printed is read."""
        waiting = self._waiting_since
        return waiting is not None and asyncio.get_running_loop().time() - waiting >= QUIET

    @property
    def tail(self) -> tuple[str, ...]:
        """The program's last lines, for messages."""
        return self._reader.tail

    @property
    def unread(self) -> tuple[str, ...]:
        """Lines that have a metric's name and no value that counts, for messages."""
        return self._reader.unread

    @property
    def caught_up(self) -> bool:
        """Return whether the lines that were there when reading began have been read, or their time limit is over."""
        if self._behind is None:
            return True
        now, since = asyncio.get_running_loop().time(), self._reader.since
        quiet = now - self._last_activity >= CAUGHT_UP_AFTER or now - self._started >= LONGEST_CATCH_UP
        if quiet or (since is not None and since >= self._behind):
            self._behind = None
        return self._behind is None

    def finish(self) -> None:
        """Record that the container has ended. The rest of its log is read, then `drained` is set."""
        self._ended.set()

    async def run(self) -> None:
        """Follow until drained."""
        while not await self._connect():
            await self._first_of(asyncio.sleep(self._delay), *(() if self._ended.is_set() else (self._ended.wait(),)))
            self._delay = min(2 * self._delay, LAST_DELAY)
        self.drained = True
        self._on_change()

    async def _connect(self) -> bool:
        """Read one connection to its end. Return whether that was the end of the log."""
        had_ended = self._ended.is_set()
        self._reader.reopen()
        try:
            await self._first_of(self._consume(), self._overdue())
        except LogTooLong:
            self._last_lines = LAST_LINES
            self.progress = with_skipped_part(self.progress)
            return False
        except (ClusterError, OSError) as error:
            return self._broken(error, had_ended=had_ended)
        self.failed = ""
        if had_ended:
            await self._read(self._reader.close())
        return had_ended

    def _broken(self, error: Exception, *, had_ended: bool) -> bool:
        """Return whether to end reading. A 404 is no proof: a kubelet that has just started does not know its Pods."""
        self.failed = f"the log can't be read: {error}"
        self._breaks_after_end += had_ended
        return self._breaks_after_end >= TRIES_AFTER_END

    async def _consume(self) -> None:
        since = self._reader.since if self._last_lines is None else None
        stream = self._open_log(since, self._last_lines)
        self._waiting_since = asyncio.get_running_loop().time()
        try:
            async for chunk in stream:
                self._waiting_since = None
                self.failed = ""
                self._chunks += 1
                self._last_activity = asyncio.get_running_loop().time()
                before = self._reader.lines
                await self._read(self._reader.feed(chunk))
                if self._reader.lines > before:
                    self._delay, self._breaks_after_end = FIRST_DELAY, 0
                self._waiting_since = asyncio.get_running_loop().time()
        finally:
            self._waiting_since = None
            if (close := getattr(stream, "aclose", None)) is not None:
                await close()

    async def _overdue(self) -> None:
        await self._ended.wait()
        seen_chunks = -1
        while seen_chunks != self._chunks:
            seen_chunks = self._chunks
            await asyncio.sleep(OVERDUE)
        raise TimeoutError(f"the connection was silent for {OVERDUE:g} s after the container's end")

    async def _read(self, reports: Iterator[TimedReport | None]) -> None:
        """Count reports in slices that share the event loop with everything else."""
        before = self.progress
        self._turn.start()
        for seen in reports:
            if seen is not None and (self.cut_off is None or seen.time <= self.cut_off):
                self._count(seen)
            self._after_end += self._ended.is_set()
            if self._after_end > MAX_AFTER_END and self._last_lines is None:
                raise LogTooLong
            if self._turn.due:
                before = self._notify(before)
                await self._turn.end()
                self._chunks += 1
                self._last_activity = asyncio.get_running_loop().time()
                self._turn.start()
        self._notify(before)
        await self._turn.end()

    def _count(self, seen: TimedReport) -> None:
        if seen.report.values:
            self.reported = seen.time
        self.progress = count(
            self.progress, seen.report, time=seen.time, position=seen.position, tracking=self._tracking
        )

    def _notify(self, before: Progress) -> Progress:
        if self.progress is not before:
            self._on_change()
        return self.progress

    async def _first_of(self, *awaitables: Awaitable[object]) -> None:
        """Wait for the first awaitable to end, raise its exception, and cancel the others."""
        tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()
