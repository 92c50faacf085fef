"""The objectives of an Experiment: the metrics to optimize."""

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from toprung.api.v1alpha1.base import Model
from toprung.api.v1alpha1.cross_field import CrossFieldRule, duplicate_errors
from toprung.errors import FieldError

METRIC_NAME = r"^[A-Za-z_]([A-Za-z0-9_./:@%()#'+* -]*[A-Za-z0-9_./:@%()#'+*-])?$"
MetricName = Annotated[str, Field(pattern=METRIC_NAME, max_length=128)]
"""Name of a metric. Some frameworks use spaces and quotes, as in valid_0's auc."""


class MetricGoal(Model):
    """A metric and the direction in which to optimize it."""

    metric: MetricName
    """Name of the metric, as the training program prints it."""
    type: Literal["minimize", "maximize"]
    """Whether to minimize or maximize the metric."""


def _duplicate_metrics(values: Sequence[str]) -> Iterator[FieldError]:
    return duplicate_errors("additionalMetrics", values)


class Objective(MetricGoal):
    """The metric to optimize."""

    RULES: ClassVar[tuple[CrossFieldRule, ...]] = (
        CrossFieldRule(
            fields=("additional_metrics", "metric"),
            cel="!(self.metric in self.additionalMetrics)",
            holds=lambda additional, metric: metric not in additional,
            message="must not contain the metric of the objective",
            fix="Remove it.",
        ),
        CrossFieldRule(
            fields=("additional_metrics",),
            cel=None,
            no_cel="the schema has x-kubernetes-list-type: set",
            find_errors=_duplicate_metrics,
            message="additionalMetrics must be unique",
        ),
    )

    goal: float | None = None
    """The Experiment succeeds when a trial reaches this value."""
    strategy: Literal["best", "last"] = "best"
    """Whether the score of a trial is its best or its last value."""
    additional_metrics: Annotated[
        tuple[MetricName, ...], Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "set"})
    ] = ()
    """Other metrics to record. They affect no decision."""
