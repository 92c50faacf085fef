"""Masks texts in a line that are no reports: the contents of quoted strings and of nested dicts."""

import re

_TOKEN = re.compile(r"\\.|(?<!\w)[\"']|[\"'](?!\w)|[{}]")
_KEY_END = re.compile(r"[ \t]{0,4}[=:]")
_TEXT = re.compile(r"[\s=:]")


def mask(text: str, *, strings: bool = True) -> str:
    """Return the text with blanks in place of quoted sentences and of dicts in dicts; as long as before.

    A quoted name or number stays, and so does a string that nothing ends, such as an apostrophe.

    Args:
        text: of one line.
        strings: whether strings are masked; dicts in dicts always are.
    """
    spans, unended = _spans(text, "\"'", strings=strings)
    if unended:
        spans, unended = _spans(text, "\"'".replace(unended, ""), strings=strings)
    if unended:
        spans, _ = _spans(text, "", strings=strings)
    pieces, end = [], 0
    for start, stop in sorted(spans):
        if start >= end:
            pieces += [text[end:start], " " * (stop - start)]
            end = stop
    return "".join((*pieces, text[end:]))


def _spans(text: str, quotes: str, *, strings: bool) -> tuple[list[tuple[int, int]], str]:
    """Return the spans to mask, and the quotation mark that nothing ends; "" without one."""
    spans: list[tuple[int, int]] = []
    quote, opened, depth, nested = "", 0, 0, 0
    for token in _TOKEN.finditer(text):
        sign, at = token[0], token.start()
        if quote:
            if sign == quote:
                quote = ""
                if strings and _TEXT.search(text, opened, at) and not _KEY_END.match(text, at + 1):
                    spans.append((opened, at))
        elif sign in quotes:
            quote, opened = sign, at + 1
        elif sign == "{":
            depth += 1
            nested = at + 1 if depth == 2 else nested  # noqa: PLR2004 - a dict in a dict
        elif sign == "}":
            if depth == 2:  # noqa: PLR2004 - as above
                spans.append((nested, at))
            depth = max(0, depth - 1)
    if depth > 1:
        spans.append((nested, len(text)))
    return spans, quote
