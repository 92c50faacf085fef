"""Masks texts in a line that are no reports: quoted strings, nested dicts, arguments of a program and URLs."""

import re
from collections.abc import Iterable

_TOKEN = re.compile(r"\\.|(?<!\w)[\"']|[\"'](?!\w)|[{}]")
_KEY_END = re.compile(r"[ \t]{0,4}[=:]")
_TEXT = re.compile(r"[\s=:]")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,15}+://[^\s\"'<>,]*+")
_ARGUMENTS = re.compile(r"\b\w{0,64}?(?i:namespace|arguments|args|config|options|params|parameters|settings)\(")
"""The arguments of a program, as argparse and dataclasses show them: `Namespace(`, `TrainingArguments(`."""
_BRACKET = re.compile(r"[()]")
_SCRIPT = r"[^\s=/]{1,128}\.(?:py|sh)"
_INTERPRETERS = "python[0-9.]*|torchrun|accelerate|deepspeed|mpirun|srun|bash|sh|uv|poetry"
_COMMAND = re.compile(
    r"\s*+(?P<prompt>(?:\+{1,8}+|\$) )?(?:[^\s=]{1,64}+=\S*+ ){0,16}+(?:[^\s=]{0,256}/)?"
    rf"(?(prompt)(?:{_INTERPRETERS}|exec|env|echo|printf|{_SCRIPT})"
    rf"|(?:{_INTERPRETERS})(?: \S{{1,256}}+){{0,16}}? (?:-m|(?:[^\s=]{{0,256}}/)?{_SCRIPT}))(?=\s|\Z)"
)
"""A command behind a prompt, as `sh -x` prints it (`+ python train.py`), or an interpreter with a script or module."""


def is_command(text: str) -> bool:
    """Return whether a line is a command that a shell or make prints before it runs it."""
    return _COMMAND.match(text) is not None


def without_program_text(text: str) -> str:
    """Return the text with blanks in place of URLs and of the arguments of a program; as long as before."""
    if "://" in text:
        text = _URL.sub(lambda url: " " * len(url[0]), text)
    arguments = ((opened.start(), _closing(text, opened.end())) for opened in _ARGUMENTS.finditer(text))
    return _blanked(text, arguments)


def _closing(text: str, start: int) -> int:
    """Return the place behind the bracket that closes the one before `start`; the end where none does."""
    depth = 1
    for sign in _BRACKET.finditer(text, start):
        depth += 1 if sign[0] == "(" else -1
        if depth == 0:
            return sign.end()
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
    return _blanked(text, sorted(spans))


def _blanked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Return the text with blanks in place of the spans, which are sorted; those in a span before are skipped."""
    pieces, end = [], 0
    for start, stop in spans:
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
