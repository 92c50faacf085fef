"""The protocol between the planner and an early-stopping rule."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Decision(StrEnum):
    """The decision about a trial at a rung; Trial.status.rungs[].verdict records the value."""

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
        score: larger is better, whatever the objective's direction; -inf for non-finite values and for failures.
        best: best score up to this rung, for rules that compare curves; None: equal to `score`.
        mean: mean of the finite scores up to this rung, -inf without any; None: equal to `score`.
    """

    bracket: int
    resource: int
    index: int
    score: float
    best: float | None = None
    mean: float | None = None


@dataclass(frozen=True, slots=True)
class Exploit:
    """The copy of a better trial, and the perturbation of its parameters.

    Attributes:
        donor: index of the trial whose checkpoint and parameters are copied.
        seed: of the perturbation; 64 bits, different for each copy.
        resample_probability: probability that a parameter is drawn from its prior instead of perturbed.
        factors: a perturbed number is multiplied by one of them.
    """

    donor: int
    seed: int
    resample_probability: float
    factors: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision and its reason.

    Attributes:
        outcome: the decision.
        message: completes the sentence "<metric> <value> is ..."; never empty. A rule receives normalized scores, so
            :meth:`about` adds the value.
        exploit: set if and only if the outcome is EXPLOIT.
    """

    outcome: Decision
    message: str
    exploit: Exploit | None = None

    def about(self, metric: str, value: float) -> str:
        """Return the message for the reported value: "val_accuracy 0.871 is 14th of 20 at rung 3, ..."."""
        return f"{metric} {value:.6g} is {self.message}"


class Stopper(Protocol):
    """One early-stopping rule over the trials of one experiment.

    A rule holds only records. The planner builds it from Trial.status.rungs at each reconciliation, in any order of the
    trials; equal records lead to equal decisions. A simulation keeps the rule and adds the new records at each plan.

    Verdicts are sticky. The planner records a result, calls `decide` once, and writes record and verdict to
    Trial.status.rungs together. It never calls `decide` again for a rung with a verdict. A report that crosses several
    rungs is a result at each of them: all are recorded before the first decision, from the lowest rung. The trial
    continues if every verdict is CONTINUE. A trial that pauses waits at the highest of these rungs. A failed trial is
    recorded with score -inf at its next rung, without a decision.

    A rule that pauses trials keeps them as candidates. If a slot is free, the planner calls `next_promotion` before it
    starts a new configuration, and again with `idle_slot=True` if no new configuration is left. `mark_continued`
    follows when a trial continues past a rung, at once or later. `mark_finished` follows when a trial has ended for any
    reason.

    A trial that exploits starts a new attempt with the checkpoint of the donor and perturbed parameters, and continues
    to its next rung. `mark_continued` is not called for the rung where it copies. Its reports past that rung are
    ignored.
    """

    @property
    def pauses(self) -> bool:
        """Return whether the rule pauses trials, which then need checkpoints to continue."""
        ...

    @property
    def compares_curves(self) -> bool:
        """Return whether results must have `best` and `mean`, which are then stored with the records."""
        ...

    def bracket(self, index: int) -> int:
        """Return the bracket of a trial; equal at every call."""
        ...

    def levels(self, bracket: int) -> tuple[int, ...]:
        """Return the rung levels of a bracket, ascending; the last is maxResource."""
        ...

    def record(self, result: RungResult) -> None:
        """Record a result. A second record of the same trial and rung has no effect."""
        ...

    def decide(self, result: RungResult) -> Verdict:
        """Decide about a recorded result. Depends on the records only and changes none."""
        ...

    def mark_continued(self, result: RungResult) -> None:
        """Record that a trial has continued past the rung of a recorded result. A second call has no effect."""
        ...

    def mark_finished(self, bracket: int, index: int) -> None:
        """Record that a trial has ended and reaches no further rung. A second call has no effect.

        The trial may have no records: its Trial was deleted together with them, or is never created.
        """
        ...

    def next_promotion(self, *, idle_slot: bool = False) -> RungResult | None:
        """Return the paused trial to continue next, by its result at the rung where it waits. Changes nothing.

        Args:
            idle_slot: whether the slot stays idle otherwise, because no new configuration is left.
        """
        ...
