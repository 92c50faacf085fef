"""A rule of early stopping with one bar: who is below it at a given step stops."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, model_validator

from toprung.early_stopping import RungResult, Decision, Verdict


class Settings(BaseModel, extra="forbid"):
    """What an Experiment may say under `settings`."""

    rung: Annotated[int, Field(ge=1)]
    """The step at which trials are judged."""
    end: Annotated[int, Field(ge=1)]
    """The last step of a trial."""
    least: float = 0.0
    """Who has less stops; scores are normalised, larger is better: of a metric to minimize, minus its value."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.rung >= self.end:
            raise ValueError(f"rung {self.rung} is not below end {self.end}; write less")
        return self


class Ceiling:
    """Stops whom it finds below the bar; compares nobody with anybody."""

    pauses = False
    compares_curves = False

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._scores: dict[tuple[int, int], float] = {}

    def bracket(self, index: int) -> int:  # noqa: ARG002 - there is one
        """Give 0."""
        return 0

    def levels(self, bracket: int) -> tuple[int, ...]:  # noqa: ARG002 - there is one
        """Give the steps at which trials are judged; the last one is where they end."""
        return (self._settings.rung, self._settings.end)

    def record(self, result: RungResult) -> None:
        """Note a score; a trial's first at a level counts."""
        self._scores.setdefault((result.resource, result.index), result.score)

    def decide(self, result: RungResult) -> Verdict:
        """Compare with the bar; what is not finite is below it."""
        least = self._settings.least
        good = self._scores[result.resource, result.index] >= least
        return Verdict(Decision.CONTINUE if good else Decision.STOP, f"{'at least' if good else 'below'} {least}")

    def mark_continued(self, result: RungResult) -> None:
        """Nobody waits."""

    def mark_finished(self, bracket: int, index: int) -> None:
        """Nobody is waited for."""

    def next_promotion(self, *, idle_slot: bool = False) -> None:
        """Nobody is paused."""


def make(settings: Mapping[str, Any], seed: int) -> Ceiling:  # noqa: ARG001 - it casts no dice
    """Make the rule; what pydantic raises of wrong settings is shown in the Experiment's condition."""
    return Ceiling(Settings.model_validate(settings))
