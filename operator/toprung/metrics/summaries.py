"""Names with their numbers in lines without signs between them.

- ``| ep_rew_mean | 21.4 |``: a row of two cells (Stable-Baselines3, Lightning's ``validate`` and ``test``)
- `` * Acc@1 35.031 Acc@5 60.2``: a summary of names and numbers in turn (the examples of PyTorch and torchvision)
"""

import re
from collections.abc import Collection

from toprung.metrics.line_contents import LineContents, read_cells
from toprung.metrics.numerals import number

MAX_LENGTH = 1024
"""Characters of such a line at most."""
_ROW = re.compile(r"\s*+[|│┃]([^|│┃]++)[|│┃]([^|│┃]++)[|│┃]\s*+\Z")
_SUMMARY = re.compile(r"\s*+(?:\*|Test:)[ \t]")


def parse_summary(text: str, metrics: Collection[str]) -> LineContents:
    """Return the metrics of a line that consists of names and numbers, in cells or behind a sign; without a step."""
    if len(text) > MAX_LENGTH:
        return LineContents()
    if row := _ROW.match(text):
        name, value = row[1].strip(), row[2].strip()
        return read_cells([(name, value)]) if name in metrics else LineContents()
    start = _SUMMARY.match(text)
    words = text[start.end() :].split() if start else []
    names, numbers = words[::2], [number(word) for word in words[1::2]]
    if len(names) != len(numbers) or None in numbers or any(number(name) is not None for name in names):
        return LineContents()
    return read_cells(pair for pair in zip(names, numbers, strict=True) if pair[0] in metrics)
