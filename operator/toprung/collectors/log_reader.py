"""Parses the bytes of a container's log with timestamps into reports with their times and places."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from toprung.collectors.overwriting import Part, shortened, split_parts
from toprung.metrics.line_format import MAX_TEXT, LineFormat, LineParser, decode, plain
from toprung.metrics.types import Position, Report

TAIL_LINES = 10
TAIL_WIDTH = 200
COMPARED_LINES = 1_000
"""Lines at the beginning in which a metric's name is also looked for in another case."""
MAX_UNREAD = 3
"""Maximum number of kept lines that have a metric's name and no value."""
_STAMP_WIDTH = 40
"""Longer than any RFC 3339 time."""
_KEPT_TAIL = 8 * TAIL_WIDTH
"""Bytes of a line in the tail: enough characters even where they are long or colour codes are between them."""
_LOST = b"unable to retrieve container logs for "
"""The response, with status 200, of a kubelet whose runtime has removed the container with its log."""
_REWRITTEN = 512
"""Bytes by which a part that is rewritten grows before it is shortened."""
_SLICE = 4 * 1024
"""Bytes with backspaces that are read without a pause."""
_OVERLAP = 256
"""Bytes kept of a text that is not read, for a name that is cut."""


@dataclass(frozen=True, slots=True)
class TimedReport:
    """A report in a log.

    Attributes:
        time: when its line began; for all but the first of a line that comes in pieces, when they were read.
        position: its place, the same whenever the log is read.
    """

    time: datetime
    position: Position
    report: Report


class LogReader:
    """Reads `pods/log?timestamps=true`, in chunks and connections that may end anywhere.

    Memory is bounded whatever the program prints. A line without a timestamp comes from the kubelet, not from the
    program: it is part of the tail, and never a report.

    A line that overwrites itself by carriage returns or backspaces is read part by part as it arrives. A part replaces
    the part before it unless it has another step: of each step, and of a line without steps, the last part counts. Of
    a very long part the end is read.

    Attributes:
        since: newest time of a complete line, from which the log is to be requested again; None before the first.
        lines: how many of the program's lines were read, each once.
        lost: whether the last response of the kubelet was that it no longer has the log.
    """

    def __init__(self, line_format: LineFormat, now: Callable[[], datetime]) -> None:
        self.since: datetime | None = None
        self._now = now
        self.lines = 0
        self.lost = False
        self._parser = LineParser(line_format)
        self._tail: deque[bytes] = deque(maxlen=TAIL_LINES)
        self._unread: dict[str, None] = {}
        self._seen_at_since = 0
        self._to_skip = 0
        self._skipping = False
        self._place = 0
        self._begin_line()

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines that are not blank, without colours, each cut to TAIL_WIDTH characters; for messages."""
        shown = [*self._tail, *([self._shown] if self._shown else [])][-TAIL_LINES:]
        return tuple(_printable(line) for line in shown)

    @property
    def unread(self) -> tuple[str, ...]:
        """The first lines that have the name of a metric but no value in a format that is read; for messages."""
        return tuple(self._unread)

    def feed(self, chunk: bytes) -> Iterator[TimedReport | None]:
        """Read a chunk. Yield reports, and None where a pause is possible."""
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            yield from self._read(line, ends=True)
        yield from self._read(rest, ends=False)

    def close(self) -> Iterator[TimedReport | None]:
        """Read the rest at the log's end as a line: a program need not end its last line."""
        if self._text or self._current_report or self._time:
            yield from self._read(b"", ends=True)

    def reopen(self) -> None:
        """Prepare for the log from `since` on: lines that were read already are skipped when they come again.

        The API server cuts sinceTime to the second, and lines may share a time: those of `since` itself are counted.
        """
        self._begin_line()
        self._skipping = self.since is not None
        self._to_skip = self._seen_at_since

    def _begin_line(self) -> None:
        self._text = b""
        self._done = 0
        self._shorten_at = _REWRITTEN
        self._cut = False
        self._unread_end = b""
        self._unread_metric = ""
        self._time: datetime | None = None
        self._stamped = False
        self._already_read = False
        self._current_report: Report | None = None
        self._places = self._place
        self._clock = self.since
        self._shown = b""
        self._came_in_pieces = False
        self._has_reported = False

    def _read(self, piece: bytes, *, ends: bool) -> Iterator[TimedReport | None]:
        if b"\b" in piece and len(piece) > _SLICE:
            *slices, piece = (piece[start : start + _SLICE] for start in range(0, len(piece), _SLICE))
            for each in slices:
                self._text += each
                if self._stamped and not self._already_read:
                    yield from self._split(ends=False)
                    self._bound()
                yield None
        self._text += piece
        if not self._stamped and (ends or len(self._text) > _STAMP_WIDTH):
            self._open_line()
        if self._already_read or not self._stamped:
            self._text = self._text if not self._stamped else b""
        elif b"\r" in piece or b"\b" in piece or ends:
            yield from self._split(ends=ends)
        self._bound()
        if ends:
            yield from self._end_line()
        else:
            self._came_in_pieces = True

    def _split(self, *, ends: bool) -> Iterator[TimedReport | None]:
        parts, rest = split_parts(Part(self._text, self._done), ends=ends)
        self._text = b""
        for part in parts:
            yield from self._part(part)
        self._text, self._done = rest.text, rest.done

    def _bound(self) -> None:
        """Keep the end of a long part. A rewritten part may be longer by the rewritten bytes."""
        if b"\b" in self._text and len(self._text) > self._shorten_at:
            short = shortened(Part(self._text, self._done))
            self._text = short.text if len(short.text) <= MAX_TEXT else self._cut_head(short.text.rstrip(b"\b"))
            self._done = min(short.done, len(self._text))
            self._shorten_at = len(self._text) * 5 // 4 + _REWRITTEN
        elif b"\b" not in self._text and len(self._text) > MAX_TEXT:
            self._text = self._cut_head(self._text)

    def _cut_head(self, text: bytes) -> bytes:
        """Return the end of a text, and look for a metric in the part that is cut off."""
        self._cut = True
        self._search_unread(text[:-MAX_TEXT])
        return text[-MAX_TEXT:]

    def _search_unread(self, head: bytes) -> None:
        searched = self._unread_end + head
        self._unread_metric = self._unread_metric or self._parser.first_metric(
            decode(searched), 1 if self._unread_end else 0
        )
        self._unread_end = searched[-_OVERLAP:]

    def _open_line(self) -> None:
        self._stamped = True
        self._time, self._text = _split_time(self._text)
        if self._time is None:
            return
        if self._skipping and self._is_known(self._time):
            self._already_read = True
        elif self._clock is None or self._time > self._clock:
            self._clock, self._places = self._time, 0

    def _part(self, part: bytes) -> Iterator[TimedReport | None]:
        if len(part) > MAX_TEXT:
            part = self._cut_head(part)
        if not part.strip():
            return
        self._shown = part.rstrip()[:_KEPT_TAIL]
        if self._cut:
            word, _, part = part.partition(b" ")
            self._search_unread(word + b" ")
            if self._unread_metric and self._time is not None:
                yield self._timed(Report({}, skipped=self._unread_metric))
            self._cut, self._unread_end, self._unread_metric = False, b"", ""
        if self._time is None:
            return
        *texts, text = self._parser.split(decode(part))
        for each in texts:
            yield from self._read_report(each, part)
            if self._current_report is not None:
                yield self._timed(self._current_report)
                self._current_report = None
        yield from self._read_report(text, part)

    def _read_report(self, text: str, part: bytes) -> Iterator[TimedReport | None]:
        report = self._parser.parse(text)
        if report is None:
            if self._parser.names_a_metric(text):
                self._note_unread(part)
                yield None
            elif self.lines < COMPARED_LINES and self._parser.resembles_a_metric(text):
                self._note_unread(part)
            return
        if report.rejected or report.ambiguous:
            self._note_unread(part)
        if self._current_report is not None and self._current_report.steps != report.steps:
            yield self._timed(self._current_report)
            self._current_report = report
        else:
            self._current_report = _redrawn(self._current_report, report)
        yield None

    def _end_line(self) -> Iterator[TimedReport | None]:
        if self._current_report is not None:
            yield self._timed(self._current_report)
        if self._shown:
            self._tail.append(self._shown)
            self.lost = self._time is None and self._shown.startswith(_LOST)
        if self._time is not None and not self._already_read:
            self._seen_at_since = self._seen_at_since + 1 if self._clock == self.since else 1
            self.since, self._place = self._clock, self._places
            self.lines += 1
        self._begin_line()

    def _timed(self, report: Report) -> TimedReport:
        assert self._time is not None  # noqa: S101 - of a line that has a time
        assert self._clock is not None  # noqa: S101 - as above
        time = max(self._time, self._now()) if self._came_in_pieces and self._has_reported else self._time
        self._has_reported = True
        seen = TimedReport(time, Position(self._clock, self._places), report)
        self._places += 1
        return seen

    def _is_known(self, time: datetime) -> bool:
        if self.since is not None and time < self.since:
            return True
        if time == self.since and self._to_skip > 0:
            self._to_skip -= 1
            return True
        self._skipping = False
        return False

    def _note_unread(self, part: bytes) -> None:
        if len(self._unread) < MAX_UNREAD:
            self._unread[_printable(part[-_KEPT_TAIL:]).strip()] = None


def _redrawn(previous: Report | None, report: Report) -> Report:
    """Merge two parts of a line with the same step: the newer one, with metrics that only the older one has."""
    if previous is None or not previous.values or report.values.keys() & previous.values.keys():
        return report
    return replace(report, values={**previous.values, **report.values})


def _split_time(line: bytes) -> tuple[datetime | None, bytes]:
    stamp = line[: _STAMP_WIDTH + 1].partition(b" ")[0]
    if len(stamp) > _STAMP_WIDTH or not stamp[:4].isdigit():
        return None, line
    try:
        time = datetime.fromisoformat(stamp.decode("ascii"))
    except ValueError:
        return None, line
    return (time, line[len(stamp) + 1 :]) if time.tzinfo is not None else (None, line)


def _printable(line: bytes) -> str:
    return "".join(character if character.isprintable() else " " for character in plain(decode(line)))[:TAIL_WIDTH]
