"""Builds the text of messages: quoted values of bounded length, and suggestions for misspelled names."""

import json
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any

from toprung.errors import MAX_FIELD_ERRORS, FieldError, InvalidExperiment

MAX_SHOWN = 60
"""Characters of a value that a message quotes."""
MAX_SUGGESTED = 5
"""Misspelled names of a message that get a suggestion."""
MAX_COUNTED = 5_000
"""Largest number of errors to look for."""
_MAX_WORD = 64
"""Characters of a misspelled name that are compared with known names."""
_MAX_LISTED = 20
"""Known names that a message lists."""
_MAX_ITEMS = 4
_MAX_PLAIN = 1e16
"""Whole numbers below are shown without a fraction or an exponent."""
_MAX_LEVELS = 3


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Suggest the nearest known name, or list the known names. Takes some milliseconds for 64 long names."""
    folded = {candidate.lower(): candidate for candidate in reversed(known)}
    if near := get_close_matches(word[:_MAX_WORD].lower(), folded, n=1, cutoff=0.6):
        return f"Did you mean {folded[near[0]]}?"
    if not known:
        return "Remove it: no name is valid here."
    return f"Use one of {', '.join(known[:_MAX_LISTED])}{', ...' if len(known) > _MAX_LISTED else ''}."


def with_suggestions(errors: Iterable[FieldError]) -> tuple[FieldError, ...]:
    """Add a suggestion to the first few errors with an unknown name."""
    left, complete = MAX_SUGGESTED, []
    for error in errors:
        if error.unknown_name and left:
            left -= 1
            complete.append(
                FieldError(error.path, f"{error.message}. {did_you_mean(error.unknown_name, error.known_names)}")
            )
        else:
            complete.append(FieldError(error.path, error.message))
    return tuple(complete)


def invalid_experiment(errors: Iterable[FieldError]) -> InvalidExperiment:
    """Build the error of a manifest: the first errors, and the number of the others."""
    distinct = tuple({(error.path, error.message): error for error in errors}.values())
    return InvalidExperiment(with_suggestions(distinct[:MAX_FIELD_ERRORS]), max(0, len(distinct) - MAX_FIELD_ERRORS))


def bounded(errors: Iterable[FieldError]) -> tuple[FieldError, ...]:
    """Collect at most MAX_COUNTED errors."""
    return tuple(islice(errors, MAX_COUNTED))


def shortened(text: str, length: int = MAX_SHOWN) -> str:
    """Return a text, truncated to `length` characters."""
    return text if len(text) <= length else f"{text[: length - 3]}..."


def shown(value: Any) -> str:
    """Quote a value as JSON, truncated to MAX_SHOWN characters; takes constant time."""
    return shortened(_shown(value, 0))


def possible_texts(value: Any) -> tuple[str, ...]:
    """Return the strings that a user may have written for a value. YAML 1.1 reads words such as y as booleans."""
    if isinstance(value, bool):
        return ("y", "yes", "on") if value else ("n", "no", "off")
    return (value,) if isinstance(value, str) else ()


def use_quotes(value: object) -> str:
    """Return the fix for a boolean or number where a string is required."""
    if not isinstance(value, bool):
        return f"Use quotes: {shown(str(shown(value)))}."
    first, second, third = possible_texts(value)
    words = f"{first}, {second} and {third}"
    return f'Use quotes, such as "{first}" or "{shown(value)}": YAML reads {words} as {shown(value)}.'


def _shown(value: Any, level: int) -> str:
    if isinstance(value, str):
        return json.dumps(value[: MAX_SHOWN + 1], ensure_ascii=False)
    if isinstance(value, bool | float | None):
        plain = isinstance(value, float) and value.is_integer() and abs(value) < _MAX_PLAIN
        return f"{value:.0f}" if plain else json.dumps(value)
    if isinstance(value, int):
        return str(value) if value.bit_length() < 4 * MAX_SHOWN else "a number of many digits"
    if isinstance(value, list | tuple):
        return f"[{_joined((_shown(item, level + 1) for item in value), len(value), level)}]"
    if isinstance(value, dict):
        pairs = (f"{_shown(str(key), level)}: {_shown(item, level + 1)}" for key, item in value.items())
        return f"{{{_joined(pairs, len(value), level)}}}"
    return f"a {type(value).__name__}"


def _joined(parts: Iterable[str], count: int, level: int) -> str:
    if level >= _MAX_LEVELS:
        return "..." if count else ""
    return ", ".join([*islice(parts, _MAX_ITEMS), *(["..."] if count > _MAX_ITEMS else [])])
