"""Custom formats: RE2 patterns of the user, searched in each line in bounded time."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from toprung.api.patterns import compile_patterns
from toprung.metrics.found import Found, found_in

MAX_TEXT = 2 * 1024
"""Characters of a line that patterns are searched in: its last ones."""
MAX_WORK = 1_000_000
"""Instructions times characters of all searches in one line; about 10 ms where RE2 has to use its slowest engine."""


class CustomReader:
    """Searches the patterns of one experiment, with the groups `name`, `value` and, if there is one, `step`.

    Raises:
        ValueError: a pattern cannot be used.
    """

    def __init__(self, patterns: Sequence[str], step_name: str) -> None:
        self._patterns = compile_patterns(patterns)
        self._step_name = step_name

    def parse(self, text: str) -> Found:
        """Return the matches of all patterns, those of the first one first."""
        searched = _last_words(text)
        return found_in(pair for pattern in self._patterns for pair in self._pairs(pattern, searched))

    def _pairs(self, pattern: Any, text: str) -> Iterator[tuple[str, str]]:
        searches = max(1, MAX_WORK // (pattern.programsize * (len(text) + 1)))
        for match in islice(pattern.finditer(text), searches):
            groups = match.groupdict()
            if groups["name"] is not None and groups["value"] is not None:
                yield groups["name"], groups["value"]
            if groups.get("step") is not None:
                yield self._step_name, groups["step"]


def _last_words(text: str) -> str:
    """Return the end of a long text, from the start of a word on."""
    return text if len(text) <= MAX_TEXT else text[-MAX_TEXT:].partition(" ")[2]
