"""The Experiment: what a user wants, and what came of it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from toprung.api.crd.cel import CelRule, validations
from toprung.api.messages import shown
from toprung.api.names import EXPERIMENT_NAME, MAX_EXPERIMENT_NAME
from toprung.api.patterns import compile_pattern, compile_patterns
from toprung.api.v1alpha1 import experiment_rules
from toprung.api.v1alpha1.algorithms import Algorithm, TpeSettings
from toprung.api.v1alpha1.base import Duration, Model, OneOf, ParameterValue
from toprung.api.v1alpha1.conditions import Condition
from toprung.api.v1alpha1.early_stopping import EarlyStopping, MetricName
from toprung.api.v1alpha1.parameters import Parameter, ParameterName
from toprung.api.v1alpha1.space_rules import RULES as SPACE_RULES
from toprung.errors import FieldError

ParameterAssignments = Annotated[dict[ParameterName, ParameterValue], Field(max_length=64)]


class MetricGoal(Model):
    """A metric and which way it is to go."""

    metric: MetricName
    """The name of the metric, as the training program prints it."""
    type: Literal["minimize", "maximize"]
    """Whether small or large values are good."""


class Objective(MetricGoal):
    """What is optimized."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            CelRule(
                "!(self.metric in self.additionalMetrics)",
                message="additionalMetrics names the objective's own metric; remove it there",
                path=".additionalMetrics",
            )
        )
    )

    goal: float | None = None
    """The experiment succeeds as soon as a trial is this good."""
    strategy: Literal["best", "last"] = "best"
    """Whether a trial is scored by its best or by its last value."""
    additional_metrics: Annotated[
        tuple[MetricName, ...], Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "set"})
    ] = ()
    """Other metrics to record; they decide nothing."""

    def cross_field_errors(self) -> Iterable[FieldError]:
        """Check that each metric is named once."""
        named = [self.metric]
        for i, metric in enumerate(self.additional_metrics):
            if metric in named:
                yield FieldError(f"additionalMetrics[{i}]", f"{shown(metric)} is named already; remove it")
            named.append(metric)


_GROUPS = "{0}.contains('(?P<name>') && {0}.contains('(?P<value>')"


class StdoutMetrics(Model):
    """Metrics are lines that the program prints; see docs/metrics.md for what to print with which framework."""

    format: Literal["auto", "json"] | None = None
    """auto (the default): JSON objects, name=value, name: value, Python dicts, the lines of XGBoost and LightGBM, and
    tables with a header line. json: JSON objects only."""
    pattern: Annotated[str | None, Field(max_length=1024)] = None
    """One custom format: like `patterns` with one entry."""
    patterns: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=1024)], ...] | None, Field(min_length=1, max_length=8)
    ] = None
    """Custom formats instead: RE2 expressions with the groups `name`, `value` and, where lines have one, `step`. Each
    is searched in each line."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            CelRule(
                f"!has(self.pattern) || ({_GROUPS.format('self.pattern')})",
                message="write the groups (?P<name>...) and (?P<value>...) into the pattern",
                path=".pattern",
            ),
            CelRule(
                f"!has(self.patterns) || self.patterns.all(p, {_GROUPS.format('p')})",
                message="write the groups (?P<name>...) and (?P<value>...) into each pattern",
                path=".patterns",
            ),
            CelRule(
                "(has(self.format) ? 1 : 0) + (has(self.pattern) ? 1 : 0) + (has(self.patterns) ? 1 : 0) <= 1",
                message="only one of format, pattern and patterns may be set; remove the others",
            ),
        )
    )

    @property
    def all_patterns(self) -> tuple[str, ...]:
        """The custom formats, however they are written."""
        return self.patterns or (() if self.pattern is None else (self.pattern,))

    def cross_field_errors(self) -> Iterable[FieldError]:
        """Check that one way is chosen, and that the patterns are RE2 expressions with their groups."""
        if sum(each is not None for each in (self.format, self.pattern, self.patterns)) > 1:
            yield FieldError("", "only one of format, pattern and patterns may be set; remove the others")
        for i, pattern in enumerate(self.all_patterns):
            try:
                compile_pattern(pattern)
            except ValueError as error:
                yield FieldError("pattern" if self.patterns is None else f"patterns[{i}]", str(error))
                return  # to compile a pattern that is too large takes long: once is enough
        try:
            compile_patterns(self.all_patterns)
        except ValueError as error:
            yield FieldError("patterns", str(error))


class Metrics(OneOf):
    """Where metrics come from; exactly one member must be set."""

    stdout: StdoutMetrics | None = None


class Checkpoint(Model):
    """Where trials keep checkpoints, so that retries and later budgets resume instead of starting again."""

    volume: Annotated[dict[str, Any], Field(min_length=1, max_length=1)]
    """A volume source of a Pod, such as {persistentVolumeClaim: {claimName: ckpt}}."""
    mount_path: Annotated[str, Field(pattern=r"^/", max_length=256)] = "/checkpoints"
    """Where the volume is mounted; each trial has a folder of its own in it."""


class PodRetention(Model):
    """Which finished Pods are kept; they hold no GPU, and their logs are worth having."""

    keep: Literal["all", "failed", "none"] = "all"
    """all, those of failed trials only, or none."""
    ttl: Duration | None = None
    """How long after its end a kept Pod is removed; unset: it stays as long as the Experiment."""


class TrialTemplate(Model):
    """How a trial is run."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            CelRule(
                "!has(self.primaryContainer) "
                "|| self.template.spec.containers.exists(c, c.name == self.primaryContainer)",
                message="primaryContainer must be the name of one of the template's containers",
                path=".primaryContainer",
            )
        )
    )

    retries: Annotated[int, Field(ge=0, le=100)] = 0
    """How often a trial whose program failed is tried again; disruptions (eviction, a lost node) do not count."""
    max_trial_duration: Duration | None = None
    """How long one attempt may run. A trial that exceeds it is not tried again: it is Stopped with the value that it
    has reported, or Failed without one."""
    silence_timeout: Duration | None = None
    """How long a trial may report no metric. After this time it ends as Failed with reason Silent. Unset: no limit."""
    node_lost_timeout: Duration | None = None
    """With spec.checkpoint: how long the next attempt waits for a deleted Pod that should have ended, but whose node
    does not answer. Two attempts must not write one checkpoint. Unset: 10m. Without spec.checkpoint the next attempt
    starts when the deletion begins."""
    primary_container: Annotated[str | None, Field(min_length=1, max_length=63)] = None
    """Name of the container whose output and exit code count. Unset: the container that the annotation
    kubectl.kubernetes.io/default-container of the template names, or else the first container."""
    template: dict[str, Any]
    """A PodTemplateSpec; ${parameters.NAME}, ${resource}, ${trial.name} and ${trial.index} are replaced in it."""


class StopWhenNoProgress(Model):
    """The experiment ends when this many trials in a row have ended and made the best no better."""

    trials: Annotated[int, Field(ge=1, le=100000)]
    """How many; failed ones are not counted."""
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    """By how much a value must be better than the best to count as progress."""


class WarmStart(Model):
    """What the algorithm knows from the start."""

    experiments: Annotated[
        tuple[Annotated[str, Field(pattern=EXPERIMENT_NAME, max_length=MAX_EXPERIMENT_NAME)], ...],
        Field(min_length=1, max_length=16, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ]
    """Experiments of this namespace with the same objective: their trials that had ended when this one was made, and
    that lie in its search space, are observations of the algorithm; their configurations are not tried again."""

    def cross_field_errors(self) -> Iterable[FieldError]:
        """Check that each experiment is named once."""
        for i, name in enumerate(self.experiments):
            if name in self.experiments[:i]:
                yield FieldError(f"experiments[{i}]", f"{shown(name)} is named already; remove it")


class ExperimentSpec(Model):
    """What the user wants."""

    model_config = ConfigDict(json_schema_extra=validations(*experiment_rules.RULES))

    objective: Objective | None = None
    """What is optimized, where it is one metric."""
    objectives: Annotated[
        tuple[MetricGoal, ...] | None,
        Field(
            min_length=2,
            max_length=4,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["metric"]},
        ),
    ] = None
    """What is optimized, where it is several metrics at once. A trial is scored by its last report of all of them at
    one step; early stopping, stopWhenNoProgress and status.best go by the first of them. Stands in place of
    `objective`."""
    parameters: Annotated[
        tuple[Parameter, ...],
        Field(
            min_length=1,
            max_length=64,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                **validations(*SPACE_RULES),
            },
        ),
    ]
    """The search space."""
    initial_trials: Annotated[tuple[ParameterAssignments, ...], Field(max_length=256)] = ()
    """Configurations to try first, in this order; what a configuration leaves out is proposed by the algorithm."""
    warm_start: WarmStart | None = None
    """Other experiments to learn from."""
    # no default in the schema for unions: a manifest that names another member later would find two of them set
    algorithm: Annotated[Algorithm, Field(default_factory=lambda: Algorithm(tpe=TpeSettings()))]
    """How configurations are proposed; unset: tpe: {}."""
    early_stopping: EarlyStopping | None = None
    parallel_trial_count: Annotated[int, Field(ge=1, le=10000)] = 1
    """How many trials run at once; `kubectl scale --replicas` sets it."""
    max_trial_count: Annotated[int, Field(ge=1, le=100000)]
    """How many trials are run in all; may be raised later, even after the end."""
    max_failed_trial_count: Annotated[int | None, Field(ge=0, le=100000)] = None
    """The experiment fails when more trials than this have failed; unset: only maxTrialCount ends it."""
    max_duration: Duration | None = None
    """How long the experiment may take."""
    stop_when_no_progress: StopWhenNoProgress | None = None
    """Ends an experiment that stands still."""
    suspend: bool = False
    """true: running trials are stopped at once (resumed from their checkpoints later), and none start."""
    metrics: Annotated[Metrics, Field(default_factory=lambda: Metrics(stdout=StdoutMetrics()))]
    """Where metrics come from; unset: stdout: {}."""
    checkpoint: Checkpoint | None = None
    pod_retention: PodRetention = PodRetention()
    trial_template: TrialTemplate

    @property
    def all_objectives(self) -> tuple[MetricGoal, ...]:
        """All objectives, the first one first."""
        return self.objectives or (self.primary_objective,)

    @property
    def primary_objective(self) -> Objective:
        """The objective that early stopping and the incumbent go by: of several the first; the others are recorded."""
        if self.objective is not None:
            return self.objective
        assert self.objectives is not None  # noqa: S101 - one of both is set, see cross_field_errors()
        first, *others = self.objectives
        recorded = tuple(other.metric for other in others)
        return Objective(metric=first.metric, type=first.type, strategy="last", additional_metrics=recorded)

    def cross_field_errors(self) -> Iterable[FieldError]:
        """Check the fields against each other."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return experiment_rules.validate(fields | {"parameters": dict(enumerate(self.parameters))})


class TrialCounts(Model):
    """How many trials are in each state."""

    pending: int = 0
    running: int = 0
    paused: int = 0
    stopped: int = 0
    succeeded: int = 0
    failed: int = 0
    total: int = 0


class BestTrial(Model):
    """The incumbent."""

    trial: str
    """Name of the Trial."""
    value: float
    """Its value of the objective."""
    display_value: str | None = None
    """The value to six digits, for the printer column."""
    step: float
    """The step at which it was reported."""
    parameters: ParameterAssignments
    """Its configuration."""


class ParetoFrontTrial(Model):
    """A trial than which no other is better in one objective without being worse in another."""

    trial: str
    """Name of the Trial."""
    values: dict[MetricName, float]
    """Its value of each objective."""
    parameters: ParameterAssignments
    """Its configuration."""


class StopWhenNoProgressLimit(Model):
    """spec.stopWhenNoProgress as it was at the end."""

    trials: int
    min_delta: float = 0.0


class Limits(Model):
    """The limits that were in force when the experiment ended; an edit of one of them may reopen it."""

    max_trial_count: int | None = None
    max_failed_trial_count: int | None = None
    max_duration: str | None = None
    goal: float | None = None
    stop_when_no_progress: StopWhenNoProgressLimit | None = None


class Accelerators(Model):
    """Device time of accelerators: the extended resources on the operator's list, and claims of DRA."""

    seconds: float = 0.0
    """Device-seconds used."""
    saved_seconds: float = 0.0
    """Device-seconds that early stopping did not spend, at each stopped trial's own pace."""


class ExperimentStatus(Model):
    """What came of it."""

    observed_generation: int | None = None
    state: (
        Literal["Pending", "Queued", "Starting", "Running", "Suspended", "Blocked", "Invalid", "Succeeded", "Failed"]
        | None
    ) = None
    """The conditions in one word."""
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=16, json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
        ),
    ] = ()
    start_time: datetime | None = None
    completion_time: datetime | None = None
    """When the end was recorded. From then on only an edit of the limits changes the end and the best trial."""
    limits: Limits | None = None
    """The limits at the end; absent before."""
    done: str | None = None
    """Trials that have ended, of maxTrialCount: 184/200."""
    program_started: bool | None = None
    """Whether a trial's program has started; spec.trialTemplate may change until then."""
    selector: str | None = None
    """Label selector of the trial Pods, for the scale subresource."""
    trials: TrialCounts = TrialCounts()
    best: BestTrial | None = None
    pareto_front: Annotated[tuple[ParetoFrontTrial, ...] | None, Field(max_length=64)] = None
    """Of several objectives: the Pareto front of the trials that have ended, from the best by the first objective on;
    of more than 64 trials, or of long configurations, some, spread evenly."""
    pareto_front_size: int | None = None
    """How many trials are on the Pareto front."""
    omitted: str | None = None
    """What best and paretoFront leave out, so that the object does not exceed what etcd takes; absent where
    nothing is."""
    accelerators: Accelerators = Accelerators()
