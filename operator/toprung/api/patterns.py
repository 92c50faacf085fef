"""Compiles custom patterns of metric lines: RE2 expressions with bounded cost (ADR 8)."""

import re
from collections.abc import Sequence
from typing import Any

import re2

MAX_PROGRAM = 400
"""Largest number of RE2 instructions of all patterns of an Experiment. A typical pattern has 20 to 60."""
_MAX_MEMORY = 256 * 1024
"""Bytes of RE2's automaton. A larger automaton takes longer to build than it saves."""
_NOT_GROUPS = re.compile(r"\\Q.*?(?:\\E|\Z)|\\.|\[\^?\]?(?:\\.|[^\]\\])*+\]", re.DOTALL)
_GROUP = re.compile(r"\(\?P?<(\w+)>")
_FIX = r"Use groups as in (?P<name>\w+): (?P<value>[0-9.e+-]+|nan)."


def compile_patterns(patterns: Sequence[str]) -> tuple[Any, ...]:
    """Compile the patterns of one experiment.

    Raises:
        ValueError: a pattern is invalid, or all patterns together are too large; the message contains the fix.
    """
    compiled = tuple(compile_pattern(pattern) for pattern in patterns)
    size = sum(_size(pattern) for pattern in compiled)
    if size > MAX_PROGRAM:
        raise ValueError(
            f"Invalid value: the patterns compile to {size} instructions, of which at most {MAX_PROGRAM} are allowed. "
            "Shorten them."
        )
    return compiled


def compile_pattern(pattern: str) -> Any:
    r"""Compile an expression with the groups `name` and `value`, such as ``(?P<name>\w+): (?P<value>[0-9.]+)``.

    The group `step` is optional.

    Raises:
        ValueError: the pattern is invalid; the message contains the fix.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        detail = error.args[0].decode(errors="replace")
        if "too large" in detail:
            raise ValueError(_too_large(pattern)) from error
        raise ValueError(
            f"Invalid value: {pattern!r}: must be an RE2 expression: {detail}. RE2 has no look-around."
        ) from error
    _check_groups(pattern)
    if _size(compiled) > MAX_PROGRAM:
        raise ValueError(_too_large(pattern))
    return compiled


def _check_groups(pattern: str) -> None:
    groups = _GROUP.findall(_NOT_GROUPS.sub("", pattern))
    missing = [name for name in ("name", "value") if name not in groups]
    if missing:
        required = f"the group{'s' * (len(missing) - 1)} {' and '.join(missing)}"
        raise ValueError(f"Invalid value: {pattern!r}: requires {required}. {_FIX}")
    duplicate = next((name for name in groups if groups.count(name) > 1), None)
    if duplicate is not None:
        raise ValueError(
            f"Invalid value: {pattern!r}: must have the group {duplicate} once. "
            "Use one pattern for each format in spec.metrics.stdout.patterns."
        )


def _size(compiled: Any) -> int:
    return max(int(compiled.programsize), int(compiled.reverseprogramsize))


def _too_large(pattern: str) -> str:
    shown = pattern if len(pattern) <= 64 else f"{pattern[:61]}..."  # noqa: PLR2004 - fits into a message
    return (
        f"Invalid value: {shown!r}: compiles to more than {MAX_PROGRAM} instructions. "
        "Use smaller repeat counts, such as + instead of {0,250}."
    )
