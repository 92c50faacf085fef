"""Parsing of log bytes with timestamps, line by line."""

from datetime import UTC, datetime, timedelta

import pytest

from toprung.collectors.log_reader import TAIL_LINES, TAIL_WIDTH, LogReader
from toprung.metrics.line_format import MAX_TEXT, LineFormat

GRAMMAR = LineFormat(("acc",))
STAMP = b"2026-01-02T03:04:05.123456789Z "
TIME = datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)


def read(reader, chunk):
    """Read a chunk and return its reports."""
    return [seen for seen in reader.feed(chunk) if seen is not None]


def values(seen):
    """Return the values and steps of reports."""
    return [(next(iter(each.report.steps.values()), None), each.report.values.get("acc")) for each in seen]


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
def test_a_report_has_the_time_of_its_line(line, time):
    """Lines without a time are not lines of the program."""
    assert [seen.time for seen in read(LogReader(GRAMMAR, lambda: TIME), line)] == ([time] if time else [])


def test_lines_are_joined_across_chunks():
    """A line counts when it is complete."""
    reader = LogReader(GRAMMAR, lambda: TIME)
    assert read(reader, STAMP + b"acc=0.") == []
    assert values(read(reader, b"25\n" + STAMP)) == [(None, 0.25)]
    assert reader.since == TIME


def test_the_end_of_the_log_completes_the_last_line():
    """The rest of the log is a line."""
    reader = LogReader(GRAMMAR, lambda: TIME)
    assert read(reader, STAMP + b"acc=0.5") == []
    assert values(filter(None, reader.close())) == [(None, 0.5)]
    assert list(reader.close()) == []


def test_a_new_connection_skips_lines_that_were_read():
    """The server sends the whole second again. The number of lines at the same time distinguishes them."""
    reader = LogReader(GRAMMAR, lambda: TIME)
    lines = [
        stamp(1) + b"acc=1\n",
        stamp(2) + b"acc=2\n",
        stamp(2) + b"acc=3\n",
        stamp(2) + b"acc=4\n",
        stamp(3) + b"acc=5\n",
    ]
    before = read(reader, b"".join(lines[:3]) + lines[3][:-4])
    reader.reopen()
    after = read(reader, b"".join(lines))
    assert values(after) == [(None, 4), (None, 5)]
    reader.reopen()
    assert values(read(reader, lines[4] + stamp(4) + b"acc=6\n")) == [(None, 6)]
    assert [seen.position for seen in (*before, *after)] == [
        seen.position for seen in read(LogReader(GRAMMAR, lambda: TIME), b"".join(lines))
    ]


def test_a_clock_that_is_set_back_loses_no_line():
    """Within a connection each line counts, for any time."""
    reader = LogReader(GRAMMAR, lambda: TIME)
    first, second = read(reader, stamp(9) + b"acc=1\n" + stamp(3) + b"acc=2\n")
    assert first.position < second.position


def test_a_line_without_end_has_bounded_memory():
    """The last part of the line is kept, and counts at its end."""
    reader = LogReader(GRAMMAR, lambda: TIME)
    read(reader, STAMP + b"acc=1 ")
    sizes = []
    for _ in range(50):
        read(reader, b"x" * MAX_TEXT)
        sizes.append(len(reader._text))
    assert max(sizes) <= MAX_TEXT
    seen = read(reader, b" acc=2\n" + STAMP + b"acc=3\n")
    assert values(seen) == [(None, None), (None, 2), (None, 3)]
    assert seen[0].report.skipped.startswith("acc=1 ")


@pytest.mark.parametrize(
    ("line", "reports"),
    [
        pytest.param(b"x" * 3 * MAX_TEXT + b" acc=0.5", [(None, 0.5)], id="at-its-end"),
        pytest.param(b"\r".join(b"%d/9 acc=0.%d" % (n, n) for n in range(10)) * 9999, [(None, 0.9)], id="a-long-bar"),
        pytest.param(b"train_acc=" + b"0" * (MAX_TEXT - 8), [], id="a-name-is-not-cut"),
    ],
)
def test_the_end_of_a_long_line_counts(line, reports):
    """The length of the line and the chunks do not matter."""
    reader, log = LogReader(GRAMMAR, lambda: TIME), STAMP + line + b"\n"
    seen = [each for start in range(0, len(log), 16384) for each in read(reader, log[start : start + 16384])]
    assert values(seen) == reports


@pytest.mark.parametrize(
    ("line", "live", "ended"),
    [
        pytest.param(
            b"\repoch=1, acc=0.1\repoch=2, acc=0.2\repoch=3, acc=0.3",
            [(1, 0.1)],
            [(2, 0.2), (3, 0.3)],
            id="a-step-each",
        ),
        pytest.param(
            b"\rEpoch 0: 50% acc=0.1\rEpoch 0: 100% acc=0.2\rEpoch 1: 50% acc=0.2\rEpoch 1: 100% acc=0.3\r",
            [(0, 0.2)],
            [(1, 0.3)],
            id="last-part-of-a-step",
        ),
        pytest.param(b"1/2 acc: 0.9\b\b\b\b\r2/2 acc: 0.5\r", [], [(None, 0.5)], id="backspaces-without-step"),
        pytest.param(b"epoch=1 acc=0.1\repoch=1 acc=", [], [(1, 0.1)], id="a-part-without-value"),
        pytest.param(b" 50%|##  |\r{'acc': '0.5', 'epoch': '1.5'}", [], [(1.5, 0.5)], id="a-dict-behind-a-bar"),
        pytest.param(b"acc=0,5\racc=0.6", [], [(None, 0.6)], id="a-broken-part-is-overwritten"),
    ],
)
def test_progress_bars_are_read_live(line, live, ended):
    """The last part of a step counts once the next step is read, or at the end of the line."""
    reader = LogReader(GRAMMAR, lambda: TIME)
    assert values(read(reader, STAMP + line)) == live
    assert values(read(reader, b"\n")) == ended


@pytest.mark.parametrize("chunk", [1000, 16384, 10**6])
@pytest.mark.parametrize(
    ("line", "skipped"),
    [
        pytest.param(b"acc=0.5 " + b"x" * 5 * MAX_TEXT, ["acc=0.5 xxx"], id="a-pair"),
        pytest.param(
            b'{"acc": 0.5, "image": "' + b"x" * 5 * MAX_TEXT + b'"}', ['"acc": 0.5, "image": "xxx'], id="json"
        ),
        pytest.param(b"x" * 990 + b" acc=0.5 " + b"x" * 5 * MAX_TEXT, ["acc=0.5 xxx"], id="across-chunks"),
        pytest.param(b"train_acc=0.5 " + b"x" * 5 * MAX_TEXT, [], id="another-metric"),
    ],
)
def test_a_metric_at_the_start_of_a_long_line_is_reported_as_skipped(line, skipped, chunk):
    """Only the end of a line is read. The trial records the skipped metric."""
    reader, log = LogReader(GRAMMAR, lambda: TIME), STAMP + line + b"\n"
    seen = [each for start in range(0, len(log), chunk) for each in read(reader, log[start : start + chunk])]
    assert values(seen) == [(None, None)] * len(skipped)
    assert [each.report.skipped[: len(text)] for each, text in zip(seen, skipped, strict=True)] == skipped
    assert reader.tail != ()


@pytest.mark.parametrize(
    ("line", "reports"),
    [
        pytest.param(b"epoch=1 acc=0.9\b\b\b0.5", [(1, 0.5)], id="a-number"),
        pytest.param(b"epoch=1 acc=0.95\b\b\b\b0.5", [(1, 0.55)], id="the-rest-stays"),
        pytest.param(b"epoch=1 acc=0.9\b\b\b", [(1, 0.9)], id="nothing-printed-after-them"),
        pytest.param(b"acc=0.9 \b/\b-\b|\b ", [(None, 0.9)], id="a-spinner"),
        pytest.param(b"acc=0.1" + b"\b" * 7 + b"acc=0.2" + b"\b" * 9 + b"acc=0.3", [(None, 0.3)], id="to-the-start"),
        pytest.param(
            b"T: epoch=1 acc=0.1" + b"\b" * 15 + b"epoch=2 acc=0.2" + b"\b" * 15 + b"epoch=3 acc=0.3",
            [(1, 0.1), (2, 0.2), (3, 0.3)],
            id="behind-a-label",
        ),
        pytest.param("é█ acc=0.9\b\b\b0.5".encode(), [(None, 0.5)], id="characters-not-bytes"),
        pytest.param(b"\x1b[1macc=0.9\x1b[0m\b\b\b0.5", [(None, 0.5)], id="colours-have-no-width"),
        pytest.param(b"acc=0.9 " + b"\b/\b-" * 3000 + b"\b epoch=1", [(1, 0.9)], id="an-endless-spinner"),
    ],
)
@pytest.mark.parametrize("chunk", [7, 16384])
def test_backspaces_rewrite_the_end_of_a_line(line, reports, chunk):
    """The line is what a terminal shows, for any chunks."""
    reader, log = LogReader(GRAMMAR, lambda: TIME), STAMP + line + b"\n"
    seen = [each for start in range(0, len(log), chunk) for each in read(reader, log[start : start + chunk])]
    assert values(seen) == reports


def test_a_spinner_without_end_has_bounded_memory():
    """Overwritten text is dropped. The rest counts at the end of the line."""
    reader = LogReader(GRAMMAR, lambda: TIME)
    read(reader, STAMP + b"acc=0.9 -")
    sizes = []
    for _ in range(12):
        read(reader, b"\b/\b-" * 4096)
        sizes.append(len(reader._text))
    assert max(sizes) <= MAX_TEXT
    assert values(read(reader, b"\n")) == [(None, 0.9)]


@pytest.mark.parametrize(
    ("line", "reports"),
    [
        pytest.param(b'{"epoch":1,"acc":0.9}{"epoch":2,"acc":0.5}', [(1, 0.9), (2, 0.5)], id="two"),
        pytest.param(b'{"acc":0.9} {"acc":0.5} {"acc":0.4}', [(None, 0.9), (None, 0.5), (None, 0.4)], id="no-steps"),
        pytest.param(b'INFO {"acc":0.9}{"a":"}{"}', [(None, 0.9)], id="with-a-prefix"),
        pytest.param(b'{"acc":0.9}{"acc":0.5', [(None, None)], id="the-second-is-cut"),
    ],
)
def test_each_json_object_of_a_line_is_a_report(line, reports):
    """No object is lost if a program prints objects without line feeds."""
    assert values(read(LogReader(GRAMMAR, lambda: TIME), STAMP + line + b"\n")) == reports


def test_parts_of_an_unfinished_line_have_the_time_at_which_they_are_read():
    """A progress bar of hours does not count as silence. A complete line has its own time."""
    later = TIME + timedelta(hours=1)
    reader = LogReader(GRAMMAR, lambda: later)
    bar = STAMP + b"\repoch=1 acc=0.1\repoch=2 acc=0.2\repoch=3"
    assert [seen.time for seen in (*read(reader, bar), *read(reader, b" acc=0.3\n"))] == [TIME, later, later]
    assert [seen.time for seen in read(LogReader(GRAMMAR, lambda: later), bar + b"\n")] == [TIME, TIME]


def test_a_repeated_unfinished_line_does_not_count_again():
    """Its reports have the same positions after a broken connection."""
    reader, line = LogReader(GRAMMAR, lambda: TIME), STAMP + b"\repoch=1 acc=0.1\repoch=2 acc=0.2\repoch=3 acc=0.3"
    before = read(reader, line)
    reader.reopen()
    after = read(reader, line + b"\n")
    assert [seen.position for seen in after[:1]] == [seen.position for seen in before]
    assert values(after) == [(1, 0.1), (2, 0.2), (3, 0.3)]


def test_unread_lines_with_a_metric_name_are_recorded():
    """The first ones are quoted if a program reports nothing."""
    reader = LogReader(GRAMMAR, lambda: TIME)
    read(reader, b"".join(STAMP + line + b"\n" for line in (b"Acc: 0.5", b"x", b"acc=0,5", b"acc=1", b"acc:", b"acc")))
    assert reader.unread == ("Acc: 0.5", "acc=0,5", "acc:")


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
def test_the_last_lines_are_kept_as_a_terminal_shows_them(log, tail):
    """Blank lines, colours and overwritten text are omitted."""
    reader = LogReader(GRAMMAR, lambda: TIME)
    read(reader, log)
    assert reader.tail == tail
