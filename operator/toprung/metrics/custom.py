"""Custom formats: RE2 patterns of the user, searched in each line in bounded time."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from toprung.api.patterns import compile_patterns
from toprung.metrics.line_contents import LineContents, NotANumber, read_cells
from toprung.metrics.numerals import ARROW, numeric, phrase

MAX_TEXT = 2 * 1024
"""Characters of a line that patterns are searched in: its last ones."""
MAX_WORK = 1_000_000
"""Instructions times characters of all searches in one line; about 10 ms where RE2 has to use its slowest engine."""
_CUT_BEFORE = re.compile(r"(?:[0-9A-Za-z_]|[0-9][.,'’]|(?:\A|[^\w])[.]|(?:\A|[\s=:(\[,;|])[-−])\Z")
_CUT_AFTER = re.compile(
    r"[0-9A-Za-z_]|[.,;'’:+\-\u00a0\u202f][0-9]|[ ]\.?[0-9]"
    r"|[ ](?:[mun]?s|secs?|seconds?|minutes?|hours?|percent)(?![\w=:])"
    rf"|[ \t]{{0,4}}(?:[%‰°]|{ARROW}|[<>=!~]{{1,3}}[ \t]{{0,4}}[-+]?[.]?[0-9]|/[ \t]{{0,4}}[0-9]|of[ ][0-9])"
)
_STEP_CUT_AFTER = re.compile(r"[0-9A-Za-z_%]|[.,;'][0-9]|[ ][0-9]")
"""What makes a match a part of something else."""
_BLANK = re.compile(r"(?:\(\?:)?(?:\\s|\\t|\[(?!\^)|[ ])")
"""A pattern that begins with a blank."""
_PATTERN_TOKEN = re.compile(r"\\.|\[\^?\]?[^\]]*\]|[()]")


class CustomReader:
    """Searches the patterns of one experiment, with the groups `name`, `value` and, if there is one, `step`.

    Raises:
        ValueError: a pattern cannot be used.
    """

    def __init__(self, patterns: Sequence[str], step_name: str) -> None:
        self._patterns = compile_patterns(patterns)
        self._step_name = step_name

    def parse(self, text: str) -> LineContents:
        """Return the matches of all patterns; the first pattern that reads a name has it."""
        searched = _last_words(text)
        founds = [read_cells(self._pairs(pattern, searched)) for pattern in self._patterns]
        values: dict[str, float] = {}
        ambiguous: dict[str, str] = {}
        for found in founds:
            ambiguous |= {name: each for name, each in found.ambiguous.items() if name not in values}
            values |= {name: each for name, each in found.values.items() if name not in values | ambiguous}
        rejected = {name: each for found in reversed(founds) for name, each in found.rejected.items()}
        return LineContents(
            values, {name: rejected[name] for name in rejected if name not in values | ambiguous}, ambiguous
        )

    def _pairs(self, pattern: Any, text: str) -> Iterator[tuple[str, str | NotANumber]]:
        stepped = False
        searches = max(1, MAX_WORK // (pattern.programsize * (len(text) + 1)))
        for match in islice(pattern.finditer(text), searches):
            groups = match.groupdict()
            if groups["name"] is not None and groups["value"] is not None:
                yield groups["name"], _in_full(match, "value", text)
            if groups.get("step") is not None and not stepped:
                stepped = True
                yield self._step_name, _in_full(match, "step", text)


def _in_full(match: Any, group: str, text: str) -> str | NotANumber:
    """Return the text of a group, rejected where it is a part of a longer number or of a word."""
    groups, pattern = match.re.groupindex, match.re.pattern
    found: str = match.group(group)
    start, end = match.span(groups[group])
    if not numeric(found):
        return found
    before, after = f"(?P<{group}>".join(pattern.split(f"(?<{group}>")).split(f"(?P<{group}>", 1)
    bare = start == match.end(groups["name"])
    if _cut_before(text, start, "" if bare else before, bare=bare) or _cut_after(
        text, end, after if end < match.end() else "", step=group == "step"
    ):
        return NotANumber(phrase(text, match.start(), start))
    return found


def _cut_before(text: str, start: int, written: str, *, bare: bool) -> bool:
    """Return whether a number begins before `start`; not for a letter that the pattern has there."""
    cut = _CUT_BEFORE.search(text[max(0, start - 2) : start])
    if cut is None:
        return False
    return not (cut[0].isalpha() and (bare or written.lower().endswith(cut[0].lower())))


def _cut_after(text: str, end: int, written: str, *, step: bool) -> bool:
    """Return whether a number continues behind `end`; not for a unit that the pattern has there."""
    cut = (_STEP_CUT_AFTER if step else _CUT_AFTER).match(text, end)
    if cut is None:
        return False
    if cut[0].startswith(" ") and cut[0][-1].isalnum() and _BLANK.match(_behind_group(written)):
        return False
    sign = cut[0].strip()[:1]
    if sign.isdigit() or sign in ".,;":
        return True
    unit = re.compile(r"\)(?:\\s[*+?]?|[ ])?\\?" + re.escape(sign), re.IGNORECASE)
    return unit.search(written) is None


def _behind_group(written: str) -> str:
    """Return the part of a pattern behind the group whose contents `written` begins with."""
    depth = 1
    for token in _PATTERN_TOKEN.finditer(written):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if depth == 0:
            return written[token.end() :]
    return ""


def _last_words(text: str) -> str:
    """Return the end of a long text, from the start of a word on."""
    return text if len(text) <= MAX_TEXT else text[-MAX_TEXT:].partition(" ")[2]
