"""Splits lines that overwrite themselves by carriage returns and backspaces, as a terminal shows them."""

import re
from dataclasses import dataclass

from toprung.metrics.line_format import decode, plain

_RETURNS = re.compile(rb"\r+")
_BACKSPACES = re.compile(rb"\x08+")


@dataclass(frozen=True, slots=True)
class Part:
    """The beginning of a part that may still change.

    Attributes:
        text: as it was printed, with its backspaces.
        done: number of its bytes in the parts that were returned.
    """

    text: bytes = b""
    done: int = 0


class _Screen:
    """One line of a terminal; its cursor is behind the last character that was printed."""

    def __init__(self) -> None:
        self._cells: list[str] = []
        self._cursor = 0

    def print(self, text: bytes) -> None:
        characters = plain(decode(text))
        self._cells[self._cursor : self._cursor + len(characters)] = characters
        self._cursor += len(characters)

    def back(self, count: int) -> tuple[bool, bool]:
        """Move the cursor back. Return whether it is at the start, and whether it passed at least half of the line."""
        self._cursor = max(0, self._cursor - count)
        return self._cursor == 0, 2 * count >= len(self._cells)

    def shown(self) -> bytes:
        return "".join(self._cells).encode(errors="replace")

    def redrawn(self) -> bytes:
        """Return bytes that show the same line with the same cursor."""
        return self.shown() + b"\b" * (len(self._cells) - self._cursor)


def split_parts(part: Part, *, ends: bool) -> tuple[list[bytes], Part]:
    """Return the parts of a line, and the beginning of the next one.

    A carriage return ends a part, and so do backspaces up to its start. Other backspaces rewrite the end of a part. It
    is a part before that, too, if at least half of it is rewritten: so the work is linear in the backspaces.

    Args:
        part: with all that was printed since the last part.
        ends: whether the line ends here.
    """
    if b"\b" not in part.text:
        *parts, rest = _RETURNS.split(part.text)
        return ([*parts, rest], Part()) if ends else (parts, Part(rest))
    *segments, last = _RETURNS.split(part.text)
    parts, done = [], part.done
    for segment in segments:
        parts += _rewritten(Part(segment, done), ends=True)[0]
        done = 0
    more, rest = _rewritten(Part(last, done), ends=ends)
    return parts + more, rest


def shortened(part: Part) -> Part:
    """Return a part without its rewritten bytes."""
    if b"\b" not in part.text:
        return part
    screen, at = _Screen(), 0
    for run in _BACKSPACES.finditer(part.text):
        screen.print(part.text[at : run.start()])
        screen.back(len(run[0]))
        at = run.end()
    screen.print(part.text[at:])
    text = screen.redrawn()
    return Part(text, len(text))


def _rewritten(part: Part, *, ends: bool) -> tuple[list[bytes], Part]:
    text, screen = part.text, _Screen()
    parts: list[bytes] = []
    begin = at = 0
    done = part.done
    for run in _BACKSPACES.finditer(text):
        if run.end() == len(text):  # nothing is printed after it, or more backspaces are
            break
        screen.print(text[at : run.start()])
        at = run.end()
        to_start, over_half = screen.back(len(run[0]))
        if to_start or (over_half and at > done):
            parts.append(screen.shown())
        if to_start:
            begin, screen = at, _Screen()
        done = max(done, at)
    if not ends:
        return parts, Part(text[begin:], max(0, done - begin))
    screen.print(text[at:].rstrip(b"\b"))
    return [*parts, screen.shown()], Part()
