"""Words for messages: bad values quoted, and what their author may have meant."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

MAX_SHOWN = 60
"""How much of a bad value a message quotes, in characters."""


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Suggest the nearest known word, or list them all."""
    folded = {candidate.lower(): candidate for candidate in reversed(known)}
    if near := get_close_matches(word.lower(), folded, n=1, cutoff=0.6):
        return f"did you mean {folded[near[0]]}?"
    if not known:
        return "there is none to name"
    return f"write one of {', '.join(known)}"


def shown(value: Any) -> str:
    """Quote a value, shortened where it is long."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):
        return "this value"
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."
