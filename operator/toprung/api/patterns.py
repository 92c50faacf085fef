"""Custom patterns of metric lines: RE2 expressions whose cost is bounded (ADR 8)."""

import re
from collections.abc import Sequence
from typing import Any

import re2

MAX_PROGRAM = 400
"""RE2 instructions of all patterns of an experiment together; an ordinary one has 20 to 60."""
_MAX_MEMORY = 256 * 1024
"""Bytes of RE2's automaton: larger ones take longer to build than they save."""
_NOT_GROUPS = re.compile(r"\\Q.*?(?:\\E|\Z)|\\.|\[\^?\]?(?:\\.|[^\]\\])*+\]", re.DOTALL)
_GROUP = re.compile(r"\(\?P?<(\w+)>")
_ADVICE = r"write it like (?P<name>\w+): (?P<value>[0-9.e+-]+|nan)"


def compile_patterns(patterns: Sequence[str]) -> tuple[Any, ...]:
    """Compile the patterns of one experiment.

    Raises:
        ValueError: one cannot be used, or all together are too large; says how to fix it.
    """
    compiled = tuple(compile_pattern(pattern) for pattern in patterns)
    size = sum(_size(pattern) for pattern in compiled)
    if size > MAX_PROGRAM:
        raise ValueError(
            f"the patterns compile to {size} instructions together, of which at most {MAX_PROGRAM} are allowed; "
            "make them shorter"
        )
    return compiled


def compile_pattern(pattern: str) -> Any:
    r"""Compile an expression with the groups `name` and `value`, such as ``(?P<name>\w+): (?P<value>[0-9.]+)``.

    A group `step` is optional. The step may be in a pattern of its own only with a name and a value.

    Raises:
        ValueError: it cannot be used; says how to fix it.
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
        raise ValueError(f"{pattern!r} is not an RE2 expression: {detail}; write it without look-around") from error
    _check_groups(pattern)
    if _size(compiled) > MAX_PROGRAM:
        raise ValueError(_too_large(pattern))
    return compiled


def _check_groups(pattern: str) -> None:
    groups = _GROUP.findall(_NOT_GROUPS.sub("", pattern))
    missing = [name for name in ("name", "value") if name not in groups]
    if missing:
        raise ValueError(f"{pattern!r} has no group {' and '.join(missing)}; {_ADVICE}")
    duplicate = next((name for name in groups if groups.count(name) > 1), None)
    if duplicate is not None:
        raise ValueError(
            f"{pattern!r} has the group {duplicate} more than once, and only the first would count; "
            "write one pattern for each format in spec.metrics.stdout.patterns"
        )


def _size(compiled: Any) -> int:
    return max(int(compiled.programsize), int(compiled.reverseprogramsize))


def _too_large(pattern: str) -> str:
    shown = pattern if len(pattern) <= 64 else f"{pattern[:61]}..."  # noqa: PLR2004 - what fits into a message
    return (
        f"{shown!r} compiles to more than the {MAX_PROGRAM} instructions that are allowed; "
        "use smaller repeat counts, such as + instead of {0,250}"
    )
