"""Masks texts in a line that are no reports: quoted strings, nested dicts, arguments of a program and URLs."""

import re

_TOKEN = re.compile(r"\\.|(?<!\w)[\"']|[\"'](?!\w)|[{}]")
_KEY_END = re.compile(r"[ \t]{0,4}[=:]")
_TEXT = re.compile(r"[\s=:]")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,15}+://[^\s\"'<>,]*+")
_NAMESPACE = re.compile(r"\bNamespace\(")
"""The arguments of a program, as argparse shows them."""
_COMMANDS = "python[0-9.]*|torchrun|accelerate|deepspeed|mpirun|srun|exec|env|echo|printf|bash|sh|uv|poetry"
_TRACE = re.compile(
    r"\s*+\+{1,8}+ (?:[^\s=]{1,64}+=\S*+ ){0,16}+(?:[^\s=]{0,256}/)?"
    rf"(?:{_COMMANDS}|[^\s=/]{{1,128}}\.(?:py|sh))(?=\s|\Z)"
)
"""A command that `sh -x` prints before it runs it: `+ python train.py loss=0.01`."""


def is_shell_trace(text: str) -> bool:
    """Return whether a line is a command that a shell traces."""
    return _TRACE.match(text) is not None


def without_program_text(text: str) -> str:
    """Return the text with blanks in place of URLs and of the first ``Namespace(...)``; as long as before."""
    if "://" in text:
        text = _URL.sub(lambda url: " " * len(url[0]), text)
    if (opened := _NAMESPACE.search(text)) is not None:
        end = _closing(text, opened.end())
        text = text[: opened.start()] + " " * (end - opened.start()) + text[end:]
    return text


def _closing(text: str, start: int) -> int:
    """Return the place behind the bracket that closes the one before `start`; the end where none does."""
    depth = 1
    for sign in re.finditer(r"[()]", text[start:]):
        depth += 1 if sign[0] == "(" else -1
        if depth == 0:
            return start + sign.end()
    return len(text)


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
