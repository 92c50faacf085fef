"""What verdicts say, and what all rules say alike."""

from toprung.early_stopping.rungs import Rung
from toprung.early_stopping.types import Decision, RungResult, Verdict


def judge_not_finite(result: RungResult, *, rivals: bool, first: bool) -> Verdict | None:
    """Stop what is not finite where a rival is, or past the first rung; None where it is judged like any other."""
    if rivals:
        return Verdict(Decision.STOP, f"not finite, others are at rung {result.resource}")
    if not first:
        return Verdict(Decision.STOP, f"not finite past the first rung, at rung {result.resource}")
    return None


def place(rung: Rung, result: RungResult) -> str:
    """Say the trial's place in a rung: 14th of 20 at rung 3."""
    return f"{_ordinal(rung.rank(result.index))} of {len(rung)} at rung {result.resource}"


def go_on(places: int) -> str:
    """Say how many go on from a rung."""
    return "the best goes on" if places == 1 else f"the best {places} go on"


def _ordinal(number: int) -> str:
    teens = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
