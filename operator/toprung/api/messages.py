"""Text for messages: bad values, quoted in bounded length, and the names that their author may have meant."""

import json
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any

from toprung.errors import MAX_FIELD_ERRORS, FieldError, InvalidExperiment

MAX_SHOWN = 60
"""How much of a bad value a message quotes, in characters."""
MAX_SUGGESTED = 5
"""Misspelled names of a message for which the nearest known one is looked for."""
MAX_COUNTED = 5_000
"""Errors that are looked for at most."""
_MAX_WORD = 64
"""Characters of a misspelled name that are compared with the known ones."""
_MAX_LISTED = 20
"""Known names that a message lists."""
_MAX_ITEMS = 4
_MAX_LEVELS = 3


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Suggest the nearest known word, or list the known ones. Takes some milliseconds for 64 long names."""
    folded = {candidate.lower(): candidate for candidate in reversed(known)}
    if near := get_close_matches(word[:_MAX_WORD].lower(), folded, n=1, cutoff=0.6):
        return f"did you mean {folded[near[0]]}?"
    if not known:
        return "none is defined here; remove it"
    return f"write one of {', '.join(known[:_MAX_LISTED])}{', ...' if len(known) > _MAX_LISTED else ''}"


def with_suggestions(errors: Iterable[FieldError]) -> tuple[FieldError, ...]:
    """Complete the messages of errors that are unknown names; those after the first few stay as they are."""
    left, complete = MAX_SUGGESTED, []
    for error in errors:
        if error.unknown_name and left:
            left -= 1
            complete.append(
                FieldError(error.path, f"{error.message}; {did_you_mean(error.unknown_name, error.known_names)}")
            )
        else:
            complete.append(FieldError(error.path, error.message))
    return tuple(complete)


def invalid_experiment(errors: Iterable[FieldError]) -> InvalidExperiment:
    """Build the error of a manifest: the first errors in full, the number of the others."""
    distinct = tuple({(error.path, error.message): error for error in errors}.values())
    return InvalidExperiment(with_suggestions(distinct[:MAX_FIELD_ERRORS]), max(0, len(distinct) - MAX_FIELD_ERRORS))


def bounded(errors: Iterable[FieldError]) -> tuple[FieldError, ...]:
    """Collect errors, at most MAX_COUNTED."""
    return tuple(islice(errors, MAX_COUNTED))


def shortened(text: str, length: int = MAX_SHOWN) -> str:
    """Return a text, cut where it is longer than that."""
    return text if len(text) <= length else f"{text[: length - 3]}..."


def shown(value: Any) -> str:
    """Quote a value as JSON, shortened where it is long; takes the same time for every size."""
    return shortened(_shown(value, 0))


def _shown(value: Any, level: int) -> str:
    if isinstance(value, str):
        return json.dumps(value[: MAX_SHOWN + 1], ensure_ascii=False)
    if isinstance(value, bool | float | None):
        return json.dumps(value)
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
