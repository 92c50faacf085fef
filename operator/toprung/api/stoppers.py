"""How losers are stopped early: one member of a union each, with typed settings."""

from typing import Annotated, Literal

from pydantic import Field

from toprung.api.base import Model

MetricName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_./:@-]*$", max_length=128)]


class AshaSettings(Model):
    """Asynchronous successive halving (Li et al., MLSys 2020)."""

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


class EarlyStopping(Model):
    """Exactly one of the members must be set."""

    asha: AshaSettings | None = None
