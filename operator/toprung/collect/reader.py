"""Bytes of a container's log with timestamps -> reports with their times."""

from collections import deque
from datetime import datetime

from toprung.metrics.grammar import MAX_LINE, Grammar, decode, parse_line, plain
from toprung.metrics.types import Report

TAIL_LINES = 10
TAIL_WIDTH = 200
_STAMP_WIDTH = 40
"""Longer than any RFC 3339 time."""
_KEPT = MAX_LINE + 2 * _STAMP_WIDTH
"""Bytes of an unfinished line that are kept: enough to see that it is too long."""
_KEPT_TAIL = 8 * TAIL_WIDTH
"""Bytes of a line in the tail: enough characters even where they are long or colour codes are between them."""


class LogReader:
    """Reads `pods/log?timestamps=true`, in chunks cut anywhere, over connections broken anywhere.

    Memory is bounded whatever the program prints. A line without a timestamp is the kubelet's word, not the program's:
    it is part of the tail, and never a report.

    Attributes:
        since: time of the last complete line, from which the log is to be asked for anew; None before the first.
        lines: how many of the program's lines were read, each once.
    """

    def __init__(self, grammar: Grammar) -> None:
        self.since: datetime | None = None
        self.lines = 0
        self._grammar = grammar
        self._partial = b""
        self._tail: deque[bytes] = deque(maxlen=TAIL_LINES)
        self._seen_at_since = 0
        self._to_skip = 0
        self._skipping = False

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines that are not blank, without colours, each cut to TAIL_WIDTH characters; for messages."""
        return tuple(_for_people(line) for line in self._tail)

    def feed(self, chunk: bytes) -> list[tuple[datetime, Report]]:
        """Read the lines that a chunk completes."""
        *lines, rest = (self._partial + chunk).split(b"\n")
        self._partial = rest[:_KEPT]
        return [report for line in lines if (report := self._read(line)) is not None]

    def close(self) -> list[tuple[datetime, Report]]:
        """Read what is left at the log's end as a line: a program need not end its last."""
        rest, self._partial = self._partial, b""
        report = self._read(rest) if rest else None
        return [report] if report is not None else []

    def reopen(self) -> None:
        """Get ready for the log from `since` on: lines that were read already are skipped when they come again.

        The API server cuts sinceTime to the second, and lines may share a time: those of `since` itself are counted.
        """
        self._partial = b""
        self._skipping = self.since is not None
        self._to_skip = self._seen_at_since

    def _read(self, line: bytes) -> tuple[datetime, Report] | None:
        time, text = _split_time(line)
        if time is None:
            self._keep(line)
            return None
        if self._skipping and self._known(time):
            return None
        self._seen_at_since = self._seen_at_since + 1 if time == self.since else 1
        self.since = time
        self.lines += 1
        self._keep(text)
        report = parse_line(decode(text), self._grammar)
        return (time, report) if report is not None else None

    def _known(self, time: datetime) -> bool:
        if self.since is not None and time < self.since:
            return True
        if time == self.since and self._to_skip > 0:
            self._to_skip -= 1
            return True
        self._skipping = False
        return False

    def _keep(self, line: bytes) -> None:
        shown = line.rstrip().rpartition(b"\r")[2]
        if shown:
            self._tail.append(shown[:_KEPT_TAIL])


def _split_time(line: bytes) -> tuple[datetime | None, bytes]:
    stamp = line[: _STAMP_WIDTH + 1].partition(b" ")[0]
    if len(stamp) > _STAMP_WIDTH or not stamp[:4].isdigit():
        return None, line
    try:
        time = datetime.fromisoformat(stamp.decode("ascii"))
    except ValueError:
        return None, line
    return (time, line[len(stamp) + 1 :]) if time.tzinfo is not None else (None, line)


def _for_people(line: bytes) -> str:
    return "".join(character if character.isprintable() else " " for character in plain(decode(line)))[:TAIL_WIDTH]
