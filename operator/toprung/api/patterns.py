"""A user's own pattern for metric lines: RE2, whose time is linear in the line, whatever the pattern (ADR 8)."""

from typing import Any

import re2


def compile_pattern(pattern: str) -> Any:
    r"""Compile an expression with the groups `name` and `value`, such as ``(?P<name>\w+): (?P<value>[0-9.]+)``.

    Raises:
        ValueError: it is none, or lacks a group; says what to write instead.
    """
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        fault = error.args[0].decode(errors="replace")
        raise ValueError(f"{pattern!r} is not an RE2 expression: {fault}; write it without look-around") from error
    missing = {"name", "value"} - compiled.groupindex.keys()
    if missing:
        raise ValueError(
            f"{pattern!r} has no group {' and '.join(sorted(missing))}; "
            r"write it like (?P<name>\w+): (?P<value>[0-9.e+-]+|nan)"
        )
    return compiled
