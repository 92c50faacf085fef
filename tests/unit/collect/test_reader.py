"""Bytes of a log with timestamps, line by line."""

from datetime import UTC, datetime

import pytest

from toprung.collect.reader import TAIL_LINES, TAIL_WIDTH, LogReader
from toprung.metrics.grammar import MAX_LINE, Grammar

GRAMMAR = Grammar(("acc",))
STAMP = b"2026-01-02T03:04:05.123456789Z "
TIME = datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)


def stamp(second):
    return f"2026-01-02T03:04:{second:02}.000000000Z ".encode()


@pytest.mark.parametrize(
    ("line", "time"),
    [
        pytest.param(STAMP + b"acc=1\n", TIME, id="nanoseconds"),
        pytest.param(b"2026-01-02T03:04:05Z acc=1\n", TIME.replace(microsecond=0), id="whole-second"),
        pytest.param(b"2026-01-02T11:04:05.123456+08:00 acc=1\n", TIME, id="another-zone"),
        pytest.param(STAMP + b"acc=1\r\n", TIME, id="carriage-return"),
        pytest.param(b"acc=1\n", None, id="no-time"),
        pytest.param(b"2026-01-02T03:04:05 acc=1\n", None, id="time-without-zone"),
        pytest.param(b"2026-99-99T03:04:05Z acc=1\n", None, id="no-such-time"),
        pytest.param(b"2026" + b"x" * 100 + b" acc=1\n", None, id="long-first-word"),
        pytest.param(b"2026\xff acc=1\n", None, id="binary-first-word"),
        pytest.param(STAMP.rstrip() + b"\n", None, id="time-alone"),
        pytest.param(STAMP + b"\n", None, id="empty-line"),
        pytest.param(b"\n", None, id="nothing"),
    ],
)
def test_times_of_reports(line, time):
    """A report has the time in front of its line; a line without one is not the program's."""
    assert [seen for seen, _ in LogReader(GRAMMAR).feed(line)] == ([time] if time else [])


def test_lines_are_joined_across_chunks():
    """A line counts when it is complete."""
    reader = LogReader(GRAMMAR)
    assert reader.feed(STAMP + b"acc=0.") == []
    assert [report.values for _, report in reader.feed(b"25\n" + STAMP)] == [{"acc": 0.25}]
    assert reader.since == TIME


def test_the_last_line_need_not_end():
    """What is left at the log's end is a line."""
    reader = LogReader(GRAMMAR)
    assert reader.feed(STAMP + b"acc=0.5") == []
    assert [report.values for _, report in reader.close()] == [{"acc": 0.5}]
    assert reader.close() == []


def test_reopening_skips_what_was_read():
    """The server sends the whole second again; lines of the very same time are told apart by their number."""
    reader = LogReader(GRAMMAR)
    lines = [
        stamp(1) + b"acc=1\n",
        stamp(2) + b"acc=2\n",
        stamp(2) + b"acc=3\n",
        stamp(2) + b"acc=4\n",
        stamp(3) + b"acc=5\n",
    ]
    reader.feed(b"".join(lines[:3]) + lines[3][:-4])
    reader.reopen()
    assert [report.values["acc"] for _, report in reader.feed(b"".join(lines))] == [4, 5]
    reader.reopen()
    assert [report.values["acc"] for _, report in reader.feed(lines[4] + stamp(4) + b"acc=6\n")] == [6]


def test_a_clock_that_steps_back_loses_nothing():
    """Within a connection every line counts, whatever its time."""
    reader = LogReader(GRAMMAR)
    assert len(reader.feed(stamp(9) + b"acc=1\n" + stamp(3) + b"acc=2\n")) == 2


def test_endless_lines_cost_bounded_memory():
    """A line that never ends is kept up to the limit; what was before the limit counts when it ends."""
    reader = LogReader(GRAMMAR)
    reader.feed(STAMP + b"acc=1 ")
    for _ in range(50):
        reader.feed(b"x" * MAX_LINE)
        assert len(reader._partial) < MAX_LINE + 100
    assert [report.values for _, report in reader.feed(b" acc=2\n" + STAMP + b"acc=3\n")] == [{"acc": 1}, {"acc": 3}]


@pytest.mark.parametrize(
    ("log", "tail"),
    [
        pytest.param(
            STAMP + b"one\n\n" + STAMP + b"  \n" + STAMP + b"two\n", ("one", "two"), id="blank-lines-left-out"
        ),
        pytest.param(STAMP + b"\x1b[31mred\x1b[0m\tx\x00\n", ("red x ",), id="colours-and-controls"),
        pytest.param(STAMP + b"10%\r50%\r100%\r\n", ("100%",), id="progress-bar"),
        pytest.param(STAMP + "å".encode() * 5000 + b"\n", ("å" * TAIL_WIDTH,), id="cut"),
        pytest.param(
            b"unable to retrieve container logs\n", ("unable to retrieve container logs",), id="the-kubelets-word"
        ),
        pytest.param(
            b"".join(STAMP + b"%d\n" % n for n in range(99)), tuple(map(str, range(99 - TAIL_LINES, 99))), id="last-ten"
        ),
    ],
)
def test_tail(log, tail):
    """The last lines are kept as a person would see them."""
    reader = LogReader(GRAMMAR)
    reader.feed(log)
    assert reader.tail == tail
