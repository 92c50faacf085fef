"""The spec of an Experiment."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from toprung.api.crd.cel import validations
from toprung.api.messages import bounded
from toprung.api.names import EXPERIMENT_NAME, MAX_EXPERIMENT_NAME
from toprung.api.v1alpha1 import experiment_rules
from toprung.api.v1alpha1.algorithms import Algorithm, TpeSettings
from toprung.api.v1alpha1.base import Duration, Model
from toprung.api.v1alpha1.cross_field import CrossFieldRule, cel_rules, duplicate_errors
from toprung.api.v1alpha1.early_stopping import EarlyStopping
from toprung.api.v1alpha1.metric_source import Metrics, StdoutMetrics
from toprung.api.v1alpha1.objectives import MetricGoal, Objective
from toprung.api.v1alpha1.parameters import Parameter, ParameterAssignments
from toprung.api.v1alpha1.space_rules import SPACE_RULES
from toprung.api.v1alpha1.trial_template import Checkpoint, PodRetention, TrialTemplate
from toprung.errors import FieldError


class StopWhenNoProgress(Model):
    """Ends the Experiment when no trial improves on the best trial."""

    trials: Annotated[int, Field(ge=1, le=100000)]
    """Number of trials in a row that end without an improvement. Failed trials do not count."""
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    """Smallest improvement that counts."""


def _duplicate_experiments(values: Sequence[str]) -> Iterator[FieldError]:
    return duplicate_errors("experiments", values)


class WarmStart(Model):
    """Other Experiments whose trials the algorithm learns from."""

    RULES: ClassVar[tuple[CrossFieldRule, ...]] = (
        CrossFieldRule(
            fields=("experiments",),
            cel=None,
            no_cel="the schema has x-kubernetes-list-type: set",
            find_errors=_duplicate_experiments,
            message="experiments must be unique",
        ),
    )

    experiments: Annotated[
        tuple[Annotated[str, Field(pattern=EXPERIMENT_NAME, max_length=MAX_EXPERIMENT_NAME)], ...],
        Field(min_length=1, max_length=16, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ]
    """Names of Experiments in this namespace with the same objective. The algorithm learns from their trials that lie
    in the search space and ended before this Experiment was created. It does not repeat their configurations."""


class ExperimentSpec(Model):
    """Desired state of the Experiment."""

    RULES: ClassVar[tuple[CrossFieldRule, ...]] = experiment_rules.EXPERIMENT_RULES

    objective: Objective | None = None
    """The metric to optimize. Set either objective or objectives."""
    objectives: Annotated[
        tuple[MetricGoal, ...] | None,
        Field(
            min_length=2,
            max_length=4,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["metric"]},
        ),
    ] = None
    """Several metrics to optimize at the same time. The score of a trial is its last report with all of them at one
    step. Early stopping, stopWhenNoProgress and status.best use the first objective."""
    parameters: Annotated[
        tuple[Parameter, ...],
        Field(
            min_length=1,
            max_length=64,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                **validations(*cel_rules(SPACE_RULES)),
            },
        ),
    ]
    """The search space."""
    initial_trials: Annotated[tuple[ParameterAssignments, ...], Field(max_length=256)] = ()
    """Configurations of the first trials, in this order. The algorithm chooses the parameters that a configuration
    omits."""
    warm_start: WarmStart | None = None
    # no default in the schema for unions: a manifest that sets another member later would have two members
    algorithm: Annotated[Algorithm, Field(default_factory=lambda: Algorithm(tpe=TpeSettings()))]
    """The algorithm that suggests configurations. Defaults to tpe: {}."""
    early_stopping: EarlyStopping | None = None
    parallel_trial_count: Annotated[int, Field(ge=1, le=10000)] = 1
    """Number of trials that run at the same time. `kubectl scale --replicas` sets it."""
    max_trial_count: Annotated[int, Field(ge=1, le=100000)]
    """Total number of trials. You can raise it at any time, even after the end of the Experiment."""
    max_failed_trial_count: Annotated[int | None, Field(ge=0, le=100000)] = None
    """The Experiment fails when more trials than this fail. Defaults to no limit."""
    max_duration: Duration | None = None
    """Time limit of the Experiment."""
    stop_when_no_progress: StopWhenNoProgress | None = None
    suspend: bool = False
    """Stops all running trials and starts no others while true. When it is false again, the trials resume from their
    checkpoints."""
    metrics: Annotated[Metrics, Field(default_factory=lambda: Metrics(stdout=StdoutMetrics()))]
    """The source of the metrics. Defaults to stdout: {}."""
    checkpoint: Checkpoint | None = None
    pod_retention: PodRetention = PodRetention()
    trial_template: TrialTemplate

    @property
    def all_objectives(self) -> tuple[MetricGoal, ...]:
        """Return all objectives, in their order."""
        return self.objectives or (self.primary_objective,)

    @property
    def primary_objective(self) -> Objective:
        """Return the objective of early stopping and of the best trial; with several objectives, the first one."""
        if self.objective is not None:
            return self.objective
        assert self.objectives is not None  # noqa: S101 - EXPERIMENT_RULES require one of the two
        first, *others = self.objectives
        recorded = tuple(other.metric for other in others)
        return Objective(metric=first.metric, type=first.type, strategy="last", additional_metrics=recorded)

    def cross_field_errors(self) -> tuple[FieldError, ...]:
        """Check the rules between fields, and those of the search space; paths are relative to the spec."""
        parameters: Mapping[int, Any] = dict(enumerate(self.parameters))
        return bounded(experiment_rules.validate({**self.__dict__, "parameters": parameters}))
