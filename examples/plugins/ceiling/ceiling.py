"""An early-stopping rule with one threshold: a trial below it at a given step stops."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, model_validator

from toprung.early_stopping import RungResult, Decision, Verdict


class Settings(BaseModel, extra="forbid"):
    """The `settings` of an Experiment."""

    rung: Annotated[int, Field(ge=1)]
    """The step at which trials are compared with the threshold."""
    end: Annotated[int, Field(ge=1)]
    """The last step of a trial."""
    least: float = 0.0
    """Trials with a lower score stop. Scores are normalized, larger is better: a minimized metric is negated."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.rung >= self.end:
            raise ValueError(f"rung {self.rung} is not below end {self.end}; write less")
        return self


class Ceiling:
    """Stops trials below the threshold; compares no trials with each other."""

    pauses = False
    compares_curves = False

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._scores: dict[tuple[int, int], float] = {}

    def bracket(self, index: int) -> int:  # noqa: ARG002 - there is one
        """Return 0: there is one bracket."""
        return 0

    def levels(self, bracket: int) -> tuple[int, ...]:  # noqa: ARG002 - there is one
        """Return the step of the comparison and the last step."""
        return (self._settings.rung, self._settings.end)

    def record(self, result: RungResult) -> None:
        """Record a score; the first one of a trial at a level counts."""
        self._scores.setdefault((result.resource, result.index), result.score)

    def decide(self, result: RungResult) -> Verdict:
        """Compare the score with the threshold; a non-finite score is below it."""
        least = self._settings.least
        good = self._scores[result.resource, result.index] >= least
        return Verdict(Decision.CONTINUE if good else Decision.STOP, f"{'at least' if good else 'below'} {least}")

    def mark_continued(self, result: RungResult) -> None:
        """Do nothing: no trial pauses."""

    def mark_finished(self, bracket: int, index: int) -> None:
        """Do nothing: no trial waits for another."""

    def next_promotion(self, *, idle_slot: bool = False) -> None:
        """Return None: no trial pauses."""


def make(settings: Mapping[str, Any], seed: int) -> Ceiling:  # noqa: ARG001 - the rule draws nothing
    """Build the rule; the condition of the Experiment shows validation errors of the settings."""
    return Ceiling(Settings.model_validate(settings))
