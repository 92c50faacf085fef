"""Early stopping of an Experiment: at most one rule that compares trials, and the rules patience and threshold."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from toprung.api.v1alpha1.base import Model
from toprung.api.v1alpha1.cross_field import CrossFieldRule
from toprung.api.v1alpha1.early_stopping_rules import (
    ASHA_RULES,
    MEDIAN_RULES,
    PBT_RULES,
    RUNG_RULES,
    SUCCESSIVE_HALVING_RULES,
    UNION_RULES,
    median_interval,
    rung_count,
)

STEP_NAME = r"^[A-Za-z_][A-Za-z0-9_./:@-]*$"
StepName = Annotated[str, Field(pattern=STEP_NAME, max_length=128)]
Resource = Annotated[int, Field(ge=1, le=10**9)]
Variant = Literal["promotion", "stopping"]


class RungSettings(Model):
    """Settings that all rules with rungs share. The rungs are at minResource * reductionFactor^k."""

    RULES: ClassVar[tuple[CrossFieldRule, ...]] = RUNG_RULES

    resource: StepName = "epoch"
    """Name of the step that measures a trial's progress, as the trial reports it."""
    min_resource: Resource = 1
    """Resource of the first rung. No trial stops before it."""
    max_resource: Resource
    """Largest resource of a trial, and resource of the last rung."""
    reduction_factor: Annotated[int, Field(ge=2, le=100)] = 3
    """One trial in reductionFactor continues from a rung."""

    @property
    def rungs(self) -> int:
        """Number of rungs from minResource to maxResource, both included."""
        return rung_count(self.min_resource, self.max_resource, self.reduction_factor)


class AshaSettings(RungSettings):
    """Asynchronous successive halving (Li et al., MLSys 2020)."""

    RULES: ClassVar[tuple[CrossFieldRule, ...]] = (*RUNG_RULES, *ASHA_RULES)

    variant: Variant | None = None
    """What happens to a trial that is not among the best of its rung. promotion: the trial pauses, and resumes from its
    checkpoint when it is among the best; requires spec.checkpoint. stopping: the trial stops. Defaults to promotion
    with spec.checkpoint, and to stopping without it."""
    brackets: Annotated[int, Field(ge=1, le=32)] = 1
    """Number of brackets. Bracket s starts at rung minResource * reductionFactor^s."""
    rung_skew: Annotated[float, Field(ge=0, le=1)] | None = None
    """How much stricter low rungs are than high rungs. The number of trials that reach the last rung stays the same.
    One trial in reductionFactor^(1 + rungSkew) continues from the first rung, and one in
    reductionFactor^(1 - rungSkew) from the last rung but one. The geometric mean of these numbers over the rungs is
    reductionFactor. 0 treats all rungs alike: use it if early values mislead. Defaults to 0.7 for promotion and to 0.5
    for stopping."""


class HyperbandSettings(RungSettings):
    """Asynchronous Hyperband: ASHA over all brackets, in the proportions of Hyperband (Li et al., JMLR 2018). With a
    model-based algorithm such as tpe, this is BOHB (Falkner et al., ICML 2018).
    """

    variant: Variant | None = None
    """Same as the variant of asha."""


class SuccessiveHalvingSettings(RungSettings):
    """Synchronous successive halving in batches (Jamieson and Talwalkar, AISTATS 2016). Requires spec.checkpoint."""

    RULES: ClassVar[tuple[CrossFieldRule, ...]] = (*RUNG_RULES, *SUCCESSIVE_HALVING_RULES)

    trials: Annotated[int, Field(ge=1, le=100000)]
    """Number of trials in a batch. maxTrialCount is a multiple of it."""


class MedianSettings(Model):
    """Median stopping: stops a trial whose best value is worse than the median of the other trials' means (Golovin et
    al., Vizier, KDD 2017).
    """

    RULES: ClassVar[tuple[CrossFieldRule, ...]] = MEDIAN_RULES

    resource: StepName = "epoch"
    """Name of the step that measures a trial's progress, as the trial reports it."""
    max_resource: Resource
    """Largest resource of a trial."""
    interval: Resource | None = None
    """Resource between two comparisons. Defaults to the smallest interval with at most 64 comparisons."""
    grace_period: Resource = 1
    """No trial stops before it has used this resource."""
    min_trials: Annotated[int, Field(ge=1, le=100000)] = 3
    """Number of other trials that must have reached the same resource."""

    @property
    def step(self) -> int:
        """The interval, or its default."""
        return self.interval or median_interval(self.max_resource, self.grace_period)


class PbtSettings(Model):
    """Population based training (Jaderberg et al., arXiv:1711.09846). The population is all trials, and they run at the
    same time. Requires spec.checkpoint.
    """

    RULES: ClassVar[tuple[CrossFieldRule, ...]] = PBT_RULES

    resource: StepName = "epoch"
    """Name of the step that measures a trial's progress, as the trial reports it."""
    perturbation_interval: Resource
    """Resource between two comparisons of a trial with the population. After a comparison, the trial may copy the
    checkpoint and the parameters of a better trial."""
    max_resource: Resource
    """Largest resource of a trial."""
    quantile_fraction: Annotated[float, Field(gt=0, le=0.5)] = 0.2
    """Fraction of the population in the bottom and top quantiles, at least one trial. Bottom trials copy from top
    trials."""
    resample_probability: Annotated[float, Field(ge=0, le=1)] = 0.25
    """Probability that a parameter is resampled instead of perturbed."""
    perturbation_factors: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1, max_length=16)] = (
        0.8,
        1.2,
    )
    """Factors to perturb a number: it is multiplied by one of them. An ordinal or categorical value moves to a
    neighbor."""


class StopperPlugin(Model):
    """A user-defined rule, from the entry point group toprung.stoppers."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    """Name of the entry point."""
    resource: StepName = "epoch"
    """Name of the step that measures a trial's progress, as the trial reports it."""
    settings: Annotated[dict[str, Any], Field(max_length=64)] = Field(default_factory=dict)
    """Settings of the rule. The rule validates them."""


class PatienceSettings(Model):
    """Stops a trial that no longer improves."""

    steps: Resource
    """Number of steps within which the best value must improve."""
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    """Smallest improvement that counts."""


class ThresholdSettings(Model):
    """Stops a trial that does not reach a value in time."""

    step: Resource
    """First step at which the rule applies."""
    value: float
    """Value that the best value must reach by this step."""


ComparingRule = (
    AshaSettings | HyperbandSettings | SuccessiveHalvingSettings | MedianSettings | PbtSettings | StopperPlugin
)


class EarlyStopping(Model):
    """Set at most one of asha, hyperband, successiveHalving, median, pbt and plugin, which compare trials. You can add
    patience and threshold, or use them alone.
    """

    RULES: ClassVar[tuple[CrossFieldRule, ...]] = UNION_RULES

    asha: AshaSettings | None = None
    hyperband: HyperbandSettings | None = None
    successive_halving: SuccessiveHalvingSettings | None = None
    median: MedianSettings | None = None
    pbt: PbtSettings | None = None
    plugin: StopperPlugin | None = None
    patience: PatienceSettings | None = None
    threshold: ThresholdSettings | None = None

    @property
    def member(self) -> str | None:
        """Name of the rule that compares trials."""
        return next(iter(self.comparing()), None)

    @property
    def rule(self) -> ComparingRule | None:
        """Settings of the rule that compares trials; None with patience and threshold alone."""
        return next(iter(self.comparing().values()), None)

    def comparing(self) -> dict[str, ComparingRule]:
        """Return member -> settings of the rules that compare trials; at most one in a valid Experiment."""
        rules: dict[str, ComparingRule | None] = {
            "asha": self.asha,
            "hyperband": self.hyperband,
            "successiveHalving": self.successive_halving,
            "median": self.median,
            "pbt": self.pbt,
            "plugin": self.plugin,
        }
        return {name: rule for name, rule in rules.items() if rule is not None}
