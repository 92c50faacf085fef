"""The Experiment's status, worked out anew in each pass from what the cluster keeps."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from toprung.api.conditions import ConditionRecord, ConditionType, Reason
from toprung.api.experiment import TrialCounts
from toprung.api.names import LABEL_EXPERIMENT
from toprung.api.trial import TrialState
from toprung.metrics.status import brief
from toprung.metrics.types import Observation
from toprung.planning.conditions import Conditions, clear_condition, set_condition, timestamp, to_json
from toprung.planning.ending import Ended
from toprung.planning.front import front_status
from toprung.planning.incumbent import incumbent
from toprung.planning.records import ExperimentRecord, TrialRecord, Trouble


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the status tells.

    Attributes:
        experiment: as it was before this pass.
        trials: all trials as they are after it.
        made: trials ever made before this pass.
        ended: why the experiment is over, None while it is not.
        refused: why something of this pass could not be done, None where all was.
        trouble: why trials can't start, None where they can.
        max_resource: what a full trial gets, to say what early stopping saved; None without early stopping.
    """

    experiment: ExperimentRecord
    trials: tuple[TrialRecord, ...]
    made: int
    ended: Ended | None
    refused: Trouble | None
    trouble: Trouble | None
    max_resource: int | None
    now: datetime


def count_trials(trials: Iterable[TrialRecord], made: int) -> TrialCounts:
    """Count the trials by state; one whose Trial was deleted counts only in the total."""
    states = Counter(trial.state for trial in trials)
    return TrialCounts(
        pending=states[TrialState.PENDING],
        running=states[TrialState.RUNNING],
        paused=states[TrialState.PAUSED],
        stopped=states[TrialState.STOPPED],
        succeeded=states[TrialState.SUCCEEDED],
        failed=states[TrialState.FAILED],
        total=made,
    )


def status_of(outlook: Outlook) -> dict[str, object]:
    """Give the whole status as JSON, None for what must be absent."""
    experiment, counts = outlook.experiment, count_trials(outlook.trials, outlook.made)
    conditions = _conditions(outlook)
    start = experiment.start_time or (outlook.now if outlook.made else None)
    end = (experiment.completion_time or _whole_second_after(outlook.now)) if outlook.ended is not None else None
    done = counts.stopped + counts.succeeded + counts.failed
    return {
        "observedGeneration": experiment.generation,
        "state": _state(conditions, counts),
        "conditions": [to_json(condition) for condition in conditions.values()],
        "startTime": timestamp(start) if start is not None else None,
        "completionTime": timestamp(end) if end is not None else None,
        "done": f"{done}/{experiment.spec.max_trial_count}",
        "selector": f"{LABEL_EXPERIMENT}={experiment.name}",
        "trials": counts.model_dump(),
        "best": _best(incumbent(outlook.trials, experiment.spec.primary)),
        **front_status(outlook.trials, experiment.spec),
        "accelerators": _accelerators(outlook),
    }


def gist(status: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    """Give what the conditions say, without the words: those of Blocked change with every Pod."""
    return {(each["type"], each["status"], each["reason"]) for each in status.get("conditions") or ()}


def _whole_second_after(moment: datetime) -> datetime:
    """Round up: a maxDuration of 1.5 s that is over must still be over when both ends are read in whole seconds."""
    return moment + timedelta(microseconds=-moment.microsecond % 1_000_000)


def invalid_status(conditions: Conditions, generation: int, message: str, now: datetime) -> dict[str, object]:
    """Give what is written into the status of a manifest that breaks the rules: nothing else of it changes."""
    invalid = ConditionRecord(ConditionType.VALID, False, Reason.INVALID, message, generation, now)  # noqa: FBT003
    return {
        "observedGeneration": generation,
        "state": "Invalid",
        "conditions": [to_json(condition) for condition in set_condition(conditions, invalid).values()],
    }


def blocked_status(conditions: Conditions, generation: int, reason: Trouble, now: datetime) -> dict[str, object]:
    """Build what is written into the status where no plan can be made: nothing else of it changes."""
    blocked = ConditionRecord(ConditionType.BLOCKED, True, reason.reason, reason.message, generation, now)  # noqa: FBT003
    return {"conditions": [to_json(condition) for condition in set_condition(conditions, blocked).values()]}


def _conditions(outlook: Outlook) -> Conditions:
    """Set the conditions; those that never held are not mentioned, but for Valid and Running."""
    conditions: Conditions = {each.type: each for each in outlook.experiment.conditions}
    for kind, holds, reason, message in _claims(outlook):
        claim = ConditionRecord(kind, holds, reason, message, outlook.experiment.generation, outlook.now)
        always = holds or kind is ConditionType.RUNNING
        conditions = (set_condition if always else clear_condition)(conditions, claim)
    return conditions


def _claims(outlook: Outlook) -> Iterable[tuple[ConditionType, bool, Reason, str]]:
    """Say which condition holds, and why or why not."""
    ended, suspended = outlook.ended, outlook.experiment.spec.suspend and outlook.ended is None
    trouble = outlook.refused or (None if ended or suspended else outlook.trouble)
    yield ConditionType.VALID, True, Reason.VALID, "the manifest keeps all rules"
    if ended is not None:
        yield ConditionType.RUNNING, False, ended.reason, ended.message
    elif suspended:
        yield ConditionType.RUNNING, False, Reason.SUSPENDED, "spec.suspend is true"
    else:
        yield ConditionType.RUNNING, True, Reason.TRIALS_RUNNING, "trials are run"
    if suspended:
        yield ConditionType.SUSPENDED, True, Reason.SUSPENDED, "spec.suspend is true: no trial starts"
    else:
        yield ConditionType.SUSPENDED, False, Reason.RESUMED, "spec.suspend is false"
    if trouble is not None:
        yield ConditionType.BLOCKED, True, trouble.reason, trouble.message
    else:
        yield ConditionType.BLOCKED, False, Reason.UNBLOCKED, "nothing keeps trials from starting"
    for kind, success in ((ConditionType.SUCCEEDED, True), (ConditionType.FAILED, False)):
        if ended is not None:
            yield kind, ended.succeeded is success, ended.reason, ended.message
        else:
            yield kind, False, Reason.TRIALS_RUNNING, "the experiment goes on"


def _state(conditions: Conditions, counts: TrialCounts) -> str:
    true = {kind for kind, condition in conditions.items() if condition.status}
    for kind in (ConditionType.SUCCEEDED, ConditionType.FAILED, ConditionType.SUSPENDED):
        if kind in true:
            return str(kind)
    if counts.running:
        return "Running"
    if ConditionType.BLOCKED in true:
        return "Blocked"
    return "Running" if counts.total else "Pending"


def _best(best: tuple[TrialRecord, Observation] | None) -> Mapping[str, object] | None:
    if best is None:
        return None
    trial, observation = best
    return {
        "trial": trial.name,
        "value": observation.value,
        "brief": brief(observation.value),
        "step": observation.step,
        "parameters": dict(trial.current_parameters),
    }


def _accelerators(outlook: Outlook) -> Mapping[str, float]:
    used = sum(trial.accelerator_seconds for trial in outlook.trials)
    saved = sum(_saved(trial, outlook.max_resource) for trial in outlook.trials)
    return {"seconds": round(used, 1), "savedSeconds": round(saved, 1)}


def _saved(trial: TrialRecord, max_resource: int | None) -> float:
    """What the rest of an early-stopped trial would have cost at its own pace."""
    latest = trial.progress.latest
    if max_resource is None or trial.reason != Reason.EARLY_STOPPED or latest is None or latest.step < 1:
        return 0.0
    return trial.accelerator_seconds * max(0, max_resource - latest.step) / latest.step
