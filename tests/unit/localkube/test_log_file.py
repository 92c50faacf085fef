"""The log on disk: splitting into records, rotation, and no lost bytes within the limit."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localkube.node.log_file import MAX_PIECE, LineSplitter, LogFile, old_file, timestamp


@given(st.lists(st.one_of(st.binary(max_size=60), st.just(b"x" * 40_000), st.just(b"\n")), max_size=12))
def test_no_byte_is_lost(chunks: list[bytes]) -> None:
    """The joined records equal the stream, with a final newline; no piece exceeds 16 KiB."""
    splitter = LineSplitter("stdout")
    records = [record for chunk in chunks for record in splitter.feed(chunk)] + splitter.finish()
    whole = b"".join(chunks)
    assert b"".join(text + (b"\n" if ends else b"") for _, text, ends in records) == (
        whole + b"\n" if whole and not whole.endswith(b"\n") else whole
    )
    assert all(len(text) <= MAX_PIECE for _, text, _ in records)


def test_a_line_without_end_is_not_kept_in_memory() -> None:
    """After a megabyte without a newline, less than a piece is in memory."""
    splitter = LineSplitter("stdout")
    pieces = [record for _ in range(16) for record in splitter.feed(b"x" * 65_536)]
    assert len(pieces) * MAX_PIECE >= 16 * 65_536 - MAX_PIECE
    assert not any(ends for _, _, ends in pieces)


def test_rotation_keeps_one_old_file(tmp_path: Path) -> None:
    """At most two files of the size limit exist, and the newest lines are in them."""
    path = tmp_path / "0.log"
    log = LogFile(path, max_bytes=1000)
    for number in range(200):
        log.write([("stdout", f"line {number}".encode(), True)])
    log.close()
    assert path.stat().st_size <= 1000
    assert old_file(path).stat().st_size <= 1000
    assert sorted(file.name for file in tmp_path.iterdir()) == ["0.log", "0.log.old"]
    lines = (old_file(path).read_text() + path.read_text()).splitlines()
    assert [line.split(" ", 3)[3] for line in lines] == [f"line {n}" for n in range(200 - len(lines), 200)]
    assert lines == sorted(lines)


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [
        pytest.param(0, "1970-01-01T00:00:00.000000000Z", id="epoch"),
        pytest.param(1_767_225_600_000_000_007, "2026-01-01T00:00:00.000000007Z", id="nanoseconds"),
    ],
)
def test_timestamps_have_nine_digits(nanoseconds: int, expected: str) -> None:
    """The order of timestamps as text is their order in time."""
    assert timestamp(nanoseconds) == expected


@pytest.mark.parametrize(
    ("chunks", "records"),
    [
        pytest.param([b"\r1/9", b"\r2/9"], [b"\r1/9", b"\r2/9"], id="carriage-returns"),
        pytest.param([b"1/9\b\b\b", b"2/9"], [b"1/9\b\b\b"], id="backspaces"),
        pytest.param([b"text\r", b"\nmore"], [b"text\r"], id="a-line-that-ends-in-both"),
        pytest.param([b"loading"], [], id="an-ordinary-line"),
    ],
)
def test_a_progress_bar_is_written_immediately(chunks: list[bytes], records: list[bytes]) -> None:
    """A line that overwrites itself can be followed before it ends."""
    splitter = LineSplitter("stdout")
    assert [text for chunk in chunks for _, text, _ in splitter.feed(chunk)] == records
