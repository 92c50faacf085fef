"""The words between the planner and a stopping rule."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Decision(StrEnum):
    """What a trial does after a rung; the values are what Trial.status.rungs[].verdict records."""

    CONTINUE = "Continue"
    STOP = "Stop"
    PAUSE = "Pause"
    EXPLOIT = "Exploit"


@dataclass(frozen=True, slots=True)
class RungResult:
    """A trial's record at a rung.

    Attributes:
        bracket: index of the bracket, 0 is the most aggressive.
        resource: level of the rung, in units of resource.
        index: index of the trial; ties go to the smaller one.
        score: larger is better, whatever the objective's direction; -inf for what is not finite and for failures.
        best: the best score up to there, for rules that compare curves; None: the score.
        mean: of the finite scores up to there, -inf where there is none, likewise.
    """

    bracket: int
    resource: int
    index: int
    score: float
    best: float | None = None
    mean: float | None = None


@dataclass(frozen=True, slots=True)
class Exploit:
    """How a trial takes over from a better one and explores from there.

    Attributes:
        donor: index of the trial whose checkpoint and parameters are taken.
        seed: of the perturbation; 64 bits, another for each takeover.
        resample_probability: of each parameter, to be drawn anew instead of perturbed.
        factors: one of them multiplies a number that is perturbed.
    """

    donor: int
    seed: int
    resample_probability: float
    factors: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision and, for people, why.

    Attributes:
        outcome: what the trial does now.
        exploit: how, where the outcome is EXPLOIT, and only there.
        message: completes the sentence "<metric> <value> is ..."; never empty. A rule sees scores, whose direction is
            normalised, and so leaves the value itself to :meth:`about`.
    """

    outcome: Decision
    message: str
    exploit: Exploit | None = None

    def about(self, metric: str, value: float) -> str:
        """Say it of the value that the trial reported: "val_accuracy 0.871 is 14th of 20 at rung 3, ..."."""
        return f"{metric} {value:.6g} is {self.message}"


class Stopper(Protocol):
    """One early-stopping rule over the trials of one experiment.

    Holds nothing but records; rebuilt from Trial.status.rungs after a restart, and then equal to the live one.

    Verdicts are sticky because the planner keeps them: it records an result, asks once, writes record and verdict into
    Trial.status.rungs together, and never asks about a rung that has a verdict there. The rule itself answers from the
    records it has at the time. A report that jumps over rungs is an result at each of them, all recorded before the
    first is judged, from the lowest; the trial goes on where every verdict says so, and one that is to pause waits at
    the highest. A failed trial is recorded with score -inf at the rung it was heading for, and not judged.

    A rule that pauses keeps paused trials as candidates: whenever a slot is free the planner asks for a `promotion`
    before it starts a new configuration, and once more where there is none left. A trial that goes on from a rung, at
    once or later, is `release`d from it. One that has ended, whatever the reason, is `withdraw`n.

    A trial that exploits ends its attempt, and begins another one with the donor's checkpoint and perturbed parameters;
    it goes on to its next rung, and is not released from the one it leaves. What it had reported beyond is not judged.
    """

    @property
    def pauses(self) -> bool:
        """Whether trials may be paused, so that they must be able to go on from a checkpoint."""
        ...

    @property
    def compares_curves(self) -> bool:
        """Whether results must have `best` and `mean`, which then have to be kept with the records."""
        ...

    def bracket(self, index: int) -> int:
        """Give the bracket of the trial of that index, the same at every call."""
        ...

    def levels(self, bracket: int) -> tuple[int, ...]:
        """Give the rung levels of a bracket, ascending; the last is maxResource."""
        ...

    def record(self, result: RungResult) -> None:
        """Take note of an result; one that is known already changes nothing."""
        ...

    def decide(self, result: RungResult) -> Verdict:
        """Decide about a recorded result; asks nothing but the records, and changes none."""
        ...

    def mark_continued(self, result: RungResult) -> None:
        """Take note that a recorded trial has gone on from that rung; twice changes nothing."""
        ...

    def mark_finished(self, bracket: int, index: int) -> None:
        """Take note that a trial has ended: it comes to no further rung; twice changes nothing.

        It has records or none; its Trial may have been deleted, and its records with it, or will never be made.
        """
        ...

    def next_promotion(self, *, idle_slot: bool = False) -> RungResult | None:
        """Give the paused trial that is to go on next, by its record at the rung where it waits; changes nothing.

        Args:
            idle_slot: whether the slot would stay free otherwise, for there is no new configuration left to start.
        """
        ...
