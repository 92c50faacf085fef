"""JSON objects as metric lines: ``{"epoch": 3, "val_accuracy": 0.91}``, at the start of a line or behind a log prefix.

Numbers, numbers in strings, NaN and infinities count; nested objects, booleans and null do not, and are no steps.
"""

import json
import re
from collections.abc import Collection
from typing import Any

from toprung.metrics.line_contents import LineContents, read_cells

_TWO_OBJECTS = re.compile(r"\}\s{0,8}+\{")
_DECODER = json.JSONDecoder(parse_int=float)


def parse_json(text: str, names: Collection[str], steps: Collection[str] = ()) -> LineContents | None:
    """Return what a line's JSON object has of these names; None where the line has no object, or another's."""
    start = text.find("{")
    if start < 0 or not text.rstrip().endswith("}"):
        return None
    document = _load(text[start:])
    if document is None or (text[:start].strip() and document.keys().isdisjoint(names)):
        return None
    return read_cells(((name, value) for name, value in document.items() if name in names), steps)


def split_objects(text: str) -> list[str]:
    """Return the JSON objects of a line in which one begins right behind another; else the line alone."""
    if _TWO_OBJECTS.search(text) is None:
        return [text]
    objects, begin, at = [], 0, text.find("{")
    while at >= 0:
        try:
            _, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            return [text]
        objects.append(text[begin:end])
        begin, at = end, text.find("{", end)
        if text[end : at if at >= 0 else None].strip():
            return [text]
    return objects


def _load(text: str) -> dict[str, Any] | None:
    try:
        document = json.loads(text, parse_int=float)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
