"""The models of the API define the status: each field that is written is in the model, and the reverse."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from support.specs import experiment_spec
from toprung.api.v1alpha1.base import Model
from toprung.api.v1alpha1.experiment_status import ExperimentStatus
from toprung.api.v1alpha1.trial import TrialState, TrialStatus
from toprung.metrics.types import Ignored, IgnoredReports, Mean, Observation, Position, Progress, Reading, Settled
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.trial import DeviceRecord, Lineage, RungRecord, RungVerdict, TrialRecord
from toprung.objects.trial_json import trial_status
from toprung.planning.completion import Completion
from toprung.planning.status import StatusInput, status_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EARLIER = Observation(1, 0.5, NOW, {"loss": 0.7})
LATEST = Observation(3, 0.6, NOW, {"loss": 0.6})
PROGRESS = Progress(
    latest=LATEST,
    best=LATEST,
    curve=((1, 0.5), (3, 0.6)),
    mean=Mean(2, 0.55),
    latest_complete=LATEST,
    pending=(4, {"loss": 0.5}),
    settled=Settled(EARLIER, Mean(1, 0.5)),
    reading=Reading(2, Position(NOW, 1), 1, "epoch", 1, 1, 2, 3, 4, stepped=True),
    ignored={Ignored.NO_STEP: IgnoredReports(2, "acc=0.5")},
    excess=1,
)
TRIAL = TrialRecord(
    "team/exp",
    "uid-exp",
    "exp-0",
    "uid-0",
    0,
    {"lr": 0.1},
    NOW,
    state=TrialState.SUCCEEDED,
    reason="TrialSucceeded",
    message="best acc 0.6 at step 3",
    start_time=NOW,
    completion_time=NOW,
    progress=PROGRESS,
    rungs=(RungRecord(1, 0.5, RungVerdict.CONTINUE, NOW, best=0.5, mean=0.5),),
    lineage=(Lineage(1, "exp-1", 2, {"lr": 0.2}, offset=1, extended=1),),
    node="node-a",
    image_id="sha256:0",
    devices=(DeviceRecord("nvidia.com/gpu", 1, "H100"),),
    accelerator_seconds=1.5,
)
GOAL = {"metric": "acc", "type": "maximize", "goal": 0.5}
LIMITS = {"maxFailedTrialCount": 1, "maxDuration": "1h", "stopWhenNoProgress": {"trials": 3, "minDelta": 0.1}}
SEVERAL = [{"metric": "acc", "type": "maximize"}, {"metric": "loss", "type": "maximize"}]


def fields(model: type[Model], prefix: str = "") -> Iterator[str]:
    """Yield the paths of all fields of a model, with those of the models inside it."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        yield path
        if (inner := model_in(field.annotation)) is not None:
            yield from fields(inner, f"{path}.")


def written(status: Any, model: type[Model], prefix: str = "") -> Iterator[str]:
    """Yield the paths of all fields of a status that are not null."""
    inner = {field.alias or name: model_in(field.annotation) for name, field in model.model_fields.items()}
    for name, value in status.items():
        if value is not None:
            yield f"{prefix}{name}"
            items = value if isinstance(value, list) else [value]
            below = inner.get(name)
            for item in items if below is not None else ():
                yield from written(item, below, f"{prefix}{name}.")


def model_in(annotation: Any) -> type[Model] | None:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    return next((found for part in get_args(annotation) if (found := model_in(part)) is not None), None)


def experiment_status(trials: tuple[TrialRecord, ...], **spec: Any) -> dict[str, object]:
    experiment = ExperimentRecord("team", "exp", "uid-exp", 1, NOW, experiment_spec(**spec), start_time=NOW)
    ended = Completion(succeeded=True, reason="GoalReached", message="exp-0 reached acc 0.6")
    now = NOW + timedelta(minutes=1)
    return status_of(StatusInput(experiment, trials, len(trials), ended, None, None, None, now))


def front() -> tuple[TrialRecord, ...]:
    """Return more trials on the Pareto front than a status has room for."""
    observations = [Observation(3, float(n), NOW, {"loss": -float(n)}) for n in range(70)]
    return tuple(
        replace(TRIAL, name=f"exp-{n}", index=n, progress=replace(PROGRESS, latest_complete=each))
        for n, each in enumerate(observations)
    )


@pytest.mark.parametrize(
    ("model", "statuses"),
    [
        pytest.param(TrialStatus, [trial_status(TRIAL)], id="Trial"),
        pytest.param(
            ExperimentStatus,
            [
                experiment_status((TRIAL,), objective=GOAL, **LIMITS),
                experiment_status(front(), objective=None, objectives=SEVERAL),
            ],
            id="Experiment",
        ),
    ],
)
def test_the_written_fields_are_those_of_the_model(model, statuses):
    """No field is written that the model lacks, and the model has no field that is never written."""
    assert {path for status in statuses for path in written(status, model)} == set(fields(model))
