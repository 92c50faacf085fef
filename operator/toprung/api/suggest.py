"""What an author may have meant."""

from collections.abc import Sequence
from difflib import get_close_matches


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Suggest the nearest known word, or list them all."""
    folded = {candidate.lower(): candidate for candidate in reversed(known)}
    if near := get_close_matches(word.lower(), folded, n=1, cutoff=0.6):
        return f"did you mean {folded[near[0]]}?"
    if not known:
        return "there is none to name"
    return f"write one of {', '.join(known)}"
