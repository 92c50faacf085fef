"""How losers are stopped early: one rule that compares trials, and stops of single trials beside it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from toprung.api.crd.cel import CelRule, validations
from toprung.api.messages import shown
from toprung.api.v1alpha1.base import Model
from toprung.errors import FieldError

MetricName = Annotated[
    str, Field(pattern=r"^[A-Za-z_]([A-Za-z0-9_./:@%()#'+* -]*[A-Za-z0-9_./:@%()#'+*-])?$", max_length=128)
]
"""As the program prints it; frameworks use blanks and quotes, such as valid_0's auc."""
StepName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_./:@-]*$", max_length=128)]
Resource = Annotated[int, Field(ge=1, le=10**9)]
Variant = Literal["promotion", "stopping"]

MAX_LEVELS = 64
"""Rungs of one trial at most; each is an entry in its status."""


class RungSettings(Model):
    """What all rules with rungs at minResource * reductionFactor^k have in common."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            CelRule(
                "self.minResource <= self.maxResource",
                message="minResource is above maxResource; swap them",
                path=".minResource",
            )
        )
    )

    resource: StepName = "epoch"
    """What a trial's progress is counted in: the name its reports give it."""
    min_resource: Resource = 1
    """Resource of the first rung; nothing is stopped before it."""
    max_resource: Resource
    """Resource that a trial gets at most; the last rung."""
    reduction_factor: Annotated[int, Field(ge=2, le=100)] = 3
    """One trial in this many continues from a rung; with asha's rungSkew on average, over the rungs."""

    def cross_field_errors(self) -> Iterable[FieldError]:
        """Check that the first rung is not above the last."""
        if self.min_resource > self.max_resource:
            yield FieldError("minResource", f"{self.min_resource} is above maxResource {self.max_resource}; swap them")

    @property
    def rungs(self) -> int:
        """How many rungs there are from minResource to maxResource, both included."""
        count, level = 1, self.min_resource
        while level < self.max_resource:
            count, level = count + 1, level * self.reduction_factor
        return count


class AshaSettings(RungSettings):
    """Asynchronous successive halving (Li et al., MLSys 2020)."""

    variant: Variant | None = None
    """promotion: a trial that is not among the best of its rung pauses, and continues from its checkpoint once it
    is (needs spec.checkpoint). stopping: it stops for good. Unset: promotion where spec.checkpoint is set."""
    brackets: Annotated[int, Field(ge=1, le=32)] = 1
    """Into how many brackets trials are spread; bracket s starts at rung minResource * reductionFactor^s."""
    rung_skew: Annotated[float, Field(ge=0, le=1)] | None = None
    """How much stricter low rungs are than high rungs. The number of trials that reach the last rung stays the same.
    One trial in reductionFactor^(1 + rungSkew) continues from the first rung, and one in
    reductionFactor^(1 - rungSkew) from the last rung but one. 0 treats all rungs alike: use it where early values
    mislead. Defaults to 0.7 for promotion and to 0.5 for stopping."""

    def cross_field_errors(self) -> Iterable[FieldError]:
        """Check as well that there is a rung for each bracket to start at."""
        errors = tuple(RungSettings.cross_field_errors(self))
        yield from errors
        if not errors and self.brackets > self.rungs:
            yield FieldError("brackets", f"{self.brackets} is more than there are rungs; write at most {self.rungs}")


class HyperbandSettings(RungSettings):
    """Asynchronous Hyperband: ASHA over every bracket, in Hyperband's proportions (Li et al., JMLR 2018).

    With a model-based algorithm such as tpe it is BOHB (Falkner et al., ICML 2018).
    """

    variant: Variant | None = None
    """As for asha."""


class SuccessiveHalvingSettings(RungSettings):
    """Synchronous successive halving in batches (Jamieson and Talwalkar, AISTATS 2016); needs spec.checkpoint."""

    trials: Annotated[int, Field(ge=1, le=100000)]
    """Trials of a batch; maxTrialCount must be a multiple of it."""

    def cross_field_errors(self) -> Iterable[FieldError]:
        """Check as well that a batch is large enough to leave one trial at the last rung."""
        errors = tuple(RungSettings.cross_field_errors(self))
        yield from errors
        least = self.reduction_factor ** (self.rungs - 1)
        if not errors and self.trials < least:
            rungs = f"{self.rungs} rungs of which each keeps one in {self.reduction_factor}"
            yield FieldError("trials", f"{self.trials} are too few for {rungs}; write at least {least}")


class MedianSettings(Model):
    """Stops a trial whose best is worse than the median of the others' means (Golovin et al., Vizier, KDD 2017)."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            CelRule(
                "self.gracePeriod <= self.maxResource",
                message="gracePeriod is above maxResource; lower it",
                path=".gracePeriod",
            )
        )
    )

    resource: StepName = "epoch"
    """What a trial's progress is counted in: the name its reports give it."""
    max_resource: Resource
    """Resource that a trial gets at most."""
    interval: Resource | None = None
    """At which multiples trials are compared; unset: 1, or what makes 64 comparisons."""
    grace_period: Resource = 1
    """Nothing is stopped before this much resource."""
    min_trials: Annotated[int, Field(ge=1, le=100000)] = 3
    """How many other trials must have come as far."""

    @property
    def step(self) -> int:
        """The interval, or the default for it."""
        return self.interval or self._default_interval()

    def cross_field_errors(self) -> Iterable[FieldError]:
        """Check that there is something to compare, and not too much."""
        if self.grace_period > self.max_resource:
            yield FieldError("gracePeriod", f"{self.grace_period} is above maxResource {self.max_resource}; lower it")
        elif self.interval and _multiples(self.interval, self.grace_period, self.max_resource) >= MAX_LEVELS:
            least = self._default_interval()
            yield FieldError(
                "interval", f"{self.interval} gives more than {MAX_LEVELS} comparisons; write {least} or more"
            )

    def _default_interval(self) -> int:
        """Leave less than MAX_LEVELS multiples from gracePeriod to below maxResource, which is a level of its own."""
        return max(0, self.max_resource - 1 - self.grace_period) // (MAX_LEVELS - 1) + 1


def _multiples(interval: int, first: int, end: int) -> int:
    """Count the multiples of `interval` in [first, end)."""
    return (end - 1) // interval - (first - 1) // interval


class PbtSettings(Model):
    """Population based training (Jaderberg et al., arXiv:1711.09846); needs spec.checkpoint.

    The population is all trials, and they run side by side.
    """

    model_config = ConfigDict(
        json_schema_extra=validations(
            CelRule(
                "self.perturbationInterval < self.maxResource",
                message="perturbationInterval must be below maxResource, or no trial is ever compared; lower it",
                path=".perturbationInterval",
            )
        )
    )

    resource: StepName = "epoch"
    """What a trial's progress is counted in: the name its reports give it."""
    perturbation_interval: Resource
    """At which multiples a trial is compared with the population, and may copy checkpoint and parameters of a
    better one."""
    max_resource: Resource
    """Resource that a trial gets at most."""
    quantile_fraction: Annotated[float, Field(gt=0, le=0.5)] = 0.2
    """Fraction of the population, in the bottom and top quantiles; one trial at least. Bottom trials copy from top
    trials."""
    resample_probability: Annotated[float, Field(ge=0, le=1)] = 0.25
    """Probability that a parameter is resampled instead of perturbed."""
    perturbation_factors: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1, max_length=16)] = (
        0.8,
        1.2,
    )
    """One of these multiplies a number that is perturbed; a value of a list becomes one of its neighbours."""

    def cross_field_errors(self) -> Iterable[FieldError]:
        """Check that there is something to compare, and not too much."""
        if self.perturbation_interval >= self.max_resource:
            message = f"{self.perturbation_interval} is not below maxResource {self.max_resource}; lower it"
            yield FieldError("perturbationInterval", message)
        elif _multiples(self.perturbation_interval, 1, self.max_resource) >= MAX_LEVELS:
            least = (self.max_resource - 1) // MAX_LEVELS + 1
            yield FieldError(
                "perturbationInterval",
                f"{self.perturbation_interval} gives more than {MAX_LEVELS} comparisons; write {least} or more",
            )


class StopperPlugin(Model):
    """A custom rule, from the entry point group toprung.stoppers."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    """Name of the entry point."""
    resource: StepName = "epoch"
    """What a trial's progress is counted in: the name its reports give it."""
    settings: Annotated[dict[str, Any], Field(max_length=64)] = Field(default_factory=dict)
    """What the rule is to know; it checks them itself."""


class PatienceSettings(Model):
    """Stops a trial that does not get better."""

    steps: Resource
    """Over how many steps the best must have got better."""
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    """By more than how much."""


class ThresholdSettings(Model):
    """Stops a trial that is hopeless from the start."""

    step: Resource
    """From which step on."""
    value: float
    """What the best so far must reach by then; worse ones stop, whichever way the objective goes."""


ComparingRule = (
    AshaSettings | HyperbandSettings | SuccessiveHalvingSettings | MedianSettings | PbtSettings | StopperPlugin
)

COMPARING = ("asha", "hyperband", "successiveHalving", "median", "pbt", "plugin")
"""Members of spec.earlyStopping that compare trials; at most one is set."""
SINGLE = ("patience", "threshold")
"""Members that look at each trial for itself; they stand alone or beside any other."""
_TOO_MANY = f"two rules can't decide both; keep one of {', '.join(COMPARING)}"
_NONE = f"set one of {', '.join((*COMPARING, *SINGLE))}, such as asha: {{maxResource: 27}}"
_COUNT = f"[{', '.join(f'has(self.{name})' for name in COMPARING)}].filter(x, x).size()"
_ALONE = " || ".join(f"has(self.{name})" for name in SINGLE)


class EarlyStopping(Model):
    """At most one rule that compares trials, from asha to plugin; patience and threshold beside it or alone."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            CelRule(f"{_COUNT} <= 1", message=_TOO_MANY), CelRule(f"{_COUNT} > 0 || {_ALONE}", message=_NONE)
        )
    )

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
        """The settings of the rule that compares trials, None where each is looked at for itself alone."""
        return next(iter(self.comparing().values()), None)

    def cross_field_errors(self) -> Iterable[FieldError]:
        """Count the rules."""
        found = self.comparing()
        if len(found) > 1:
            yield FieldError("", f"{' and '.join(found)} are set; {_TOO_MANY}")
        elif not found and self.patience is None and self.threshold is None:
            yield FieldError("", f"no member is set; {_NONE}")

    def comparing(self) -> dict[str, ComparingRule]:
        """Give member -> settings of the rules that compare trials; one at most in a valid experiment."""
        rules = (self.asha, self.hyperband, self.successive_halving, self.median, self.pbt, self.plugin)
        return {name: rule for name, rule in zip(COMPARING, rules, strict=True) if rule is not None}


def _given(member: str, field: str = "") -> str:
    """CEL over a spec: the member, and the field in it, are set."""
    path = f"self.earlyStopping.{member}"
    return f"has(self.earlyStopping) && has({path})" + (f" && has({path}.{field})" if field else "")


SPEC_RULES = (
    *(
        CelRule(
            f"!({_given(name)})"
            f" || ((!has(self.objective) || self.earlyStopping.{name}.resource != self.objective.metric)"
            " && (!has(self.objectives)"
            f" || !self.objectives.exists(o, o.metric == self.earlyStopping.{name}.resource)))",
            message="the resource is what progress is counted in, not the objective; write resource: epoch or the like",
            path=f".earlyStopping.{name}.resource",
        )
        for name in COMPARING
    ),
    *(
        CelRule(
            f"has(self.checkpoint) || !({_given(name, 'variant')}) || self.earlyStopping.{name}.variant != 'promotion'",
            message="promotion continues from checkpoints; set spec.checkpoint, or write variant: stopping",
            path=f".earlyStopping.{name}.variant",
        )
        for name in ("asha", "hyperband")
    ),
    CelRule(
        f"has(self.checkpoint) || !({_given('successiveHalving')})",
        message="successiveHalving continues from checkpoints; set spec.checkpoint, or write asha instead",
        path=".earlyStopping.successiveHalving",
    ),
    CelRule(
        f"!({_given('successiveHalving')}) || self.maxTrialCount % self.earlyStopping.successiveHalving.trials == 0",
        message="maxTrialCount must be a multiple of successiveHalving.trials, or the last batch is never full",
        path=".earlyStopping.successiveHalving.trials",
    ),
    CelRule(
        f"has(self.checkpoint) || !({_given('pbt')})",
        message="pbt copies checkpoints; set spec.checkpoint",
        path=".earlyStopping.pbt",
    ),
    CelRule(
        f"!({_given('pbt')}) || self.parallelTrialCount == self.maxTrialCount",
        message="the population of pbt runs side by side; write parallelTrialCount and maxTrialCount alike",
        path=".parallelTrialCount",
    ),
)
"""Rules between early stopping and the rest of an Experiment's spec."""


def validate_early_stopping(fields: Mapping[str, Any]) -> Iterator[FieldError]:
    """Check early stopping against the rest of the spec; paths are relative to it.

    Args:
        fields: name of a field of ExperimentSpec -> its value, for those that could be read.
    """
    stopping: EarlyStopping | None = fields.get("early_stopping")
    for name, rule in stopping.comparing().items() if stopping is not None else ():
        yield from _rule_errors(name, rule, fields)


def _rule_errors(name: str, rule: ComparingRule, fields: Mapping[str, Any]) -> Iterator[FieldError]:
    all_objectives = (fields.get("objective"), *(fields.get("objectives") or ()))
    if rule.resource in (aim.metric for aim in all_objectives if aim is not None):
        message = f"{shown(rule.resource)} is the objective; name what progress is counted in, such as epoch"
        yield FieldError(f"earlyStopping.{name}.resource", message)
    if fields.get("checkpoint", True) is None:
        yield from _checkpoint_errors(name, rule)
    count, parallel = fields.get("max_trial_count"), fields.get("parallel_trial_count")
    if isinstance(rule, PbtSettings) and None not in (count, parallel) and parallel != count:
        message = f"{parallel} is not maxTrialCount {count}: the population of pbt runs side by side"
        yield FieldError("parallelTrialCount", f"{message}; write both alike")
    if isinstance(rule, SuccessiveHalvingSettings) and count is not None and count % rule.trials:
        message = f"{rule.trials} does not divide maxTrialCount {count}: the last batch would never be full"
        yield FieldError(
            f"earlyStopping.{name}.trials",
            f"{message}; write maxTrialCount: {count - count % rule.trials or rule.trials}",
        )


def _checkpoint_errors(name: str, rule: ComparingRule) -> Iterator[FieldError]:
    if isinstance(rule, AshaSettings | HyperbandSettings) and rule.variant == "promotion":
        message = "promotion continues from checkpoints; set spec.checkpoint, or write variant: stopping"
        yield FieldError(f"earlyStopping.{name}.variant", message)
    if isinstance(rule, SuccessiveHalvingSettings):
        message = "continues from checkpoints; set spec.checkpoint, or write asha instead"
        yield FieldError(f"earlyStopping.{name}", message)
    if isinstance(rule, PbtSettings):
        yield FieldError(f"earlyStopping.{name}", "copies checkpoints from trial to trial; set spec.checkpoint")
