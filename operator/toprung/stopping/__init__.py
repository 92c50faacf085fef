"""Early stopping: who goes on from a rung; pure, and rebuilt from the records in the Trials."""

from collections.abc import Callable, Mapping
from typing import Any

from toprung.api.stoppers import EarlyStopping
from toprung.stopping.asha import Asha
from toprung.stopping.types import Arrival, Outcome, Stopper, Verdict

__all__ = ["Arrival", "Outcome", "Stopper", "Verdict", "stopper_for"]

_RULES: Mapping[str, Callable[[Any, int], Stopper]] = {"asha": Asha}
"""Member of spec.earlyStopping -> what builds its rule from the member's settings and the experiment's seed."""


def stopper_for(early_stopping: EarlyStopping | None, seed: int) -> Stopper | None:
    """Build the rule that an experiment asks for, without any records; None where it asks for none."""
    for member, build in _RULES.items():
        settings = getattr(early_stopping, member, None)
        if settings is not None:
            return build(settings, seed)
    return None
