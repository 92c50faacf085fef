"""How losers are stopped early: one member of a union each, with typed settings."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from toprung.api.base import Model, OneOf
from toprung.api.errors import Fault
from toprung.api.rules import Rule, validations

MetricName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_./:@-]*$", max_length=128)]


class AshaSettings(Model):
    """Asynchronous successive halving (Li et al., MLSys 2020)."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            Rule(
                "self.minResource <= self.maxResource",
                message="minResource is above maxResource; swap them",
                path=".minResource",
            )
        )
    )

    resource: MetricName = "epoch"
    """What a trial's progress is counted in: the name its reports give it."""
    min_resource: Annotated[int, Field(ge=1, le=10**9)] = 1
    """Resource of the first rung; nothing is stopped before it."""
    max_resource: Annotated[int, Field(ge=1, le=10**9)]
    """Resource that a trial gets at most; the last rung."""
    reduction_factor: Annotated[int, Field(ge=2, le=100)] = 3
    """One trial in this many goes on from each rung."""
    variant: Literal["stopping"] = "stopping"
    """stopping: a trial that is not among the best of its rung stops for good."""
    brackets: Annotated[int, Field(ge=1, le=32)] = 1
    """Into how many brackets trials are spread; bracket s starts at rung minResource * reductionFactor^s."""

    def faults(self) -> Iterable[Fault]:
        """Check that there is a rung for each bracket to start at."""
        if self.min_resource > self.max_resource:
            yield Fault("minResource", f"{self.min_resource} is above maxResource {self.max_resource}; swap them")
            return
        rungs = self._rungs()
        if self.brackets > rungs:
            yield Fault("brackets", f"{self.brackets} is more than there are rungs; write at most {rungs}")

    def _rungs(self) -> int:
        levels = [self.min_resource]
        while levels[-1] * self.reduction_factor <= self.max_resource:
            levels.append(levels[-1] * self.reduction_factor)
        return len(levels) + (levels[-1] < self.max_resource)


class EarlyStopping(OneOf):
    """Exactly one of the members must be set."""

    asha: AshaSettings | None = None
