"""Builds the status of an Experiment, in each reconciliation from what the cluster stores."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from toprung.api.names import LABEL_EXPERIMENT
from toprung.api.v1alpha1.conditions import ConditionRecord, ConditionType, Reason
from toprung.api.v1alpha1.experiment_status import TrialCounts
from toprung.api.v1alpha1.trial import TrialState
from toprung.metrics.status import display_value
from toprung.metrics.types import Observation
from toprung.objects.conditions import BlockReason, Conditions, clear_condition, set_condition, to_json
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.sizes import bounded
from toprung.objects.trial import TrialRecord
from toprung.planning.completion import Completion, limits_of
from toprung.planning.pareto import front_status
from toprung.planning.pending import START_GRACE, program_started
from toprung.planning.scoring import incumbent
from toprung.timestamps import timestamp

ConditionClaim = tuple[ConditionType, bool, str, str]
"""A condition, whether it holds, its reason and its message."""
NOT_ENDED = "the experiment has not ended"
INVALID_NOTE = "No trial starts until this is corrected. Running trials follow the last valid spec."
FINAL_FIELDS = ("trials", "best", "paretoFront", "paretoFrontSize", "omitted", "accelerators")
"""Fields of the status that stay as they are once the experiment is complete, even if its Trials are deleted."""


@dataclass(frozen=True, slots=True)
class StatusInput:
    """The input of a status.

    Attributes:
        experiment: the Experiment as it is stored.
        trials: all trials, in the state that is written.
        created_count: trials that were created before this reconciliation.
        ended: why the experiment has ended, None while it continues.
        blocked: why trials cannot start or a write is refused, None if nothing blocks the experiment.
        waiting: what Pods wait for that take longer than usual to start, None if none does.
        max_resource: resource of a full trial, for the savings of early stopping; None without early stopping.
    """

    experiment: ExperimentRecord
    trials: tuple[TrialRecord, ...]
    created_count: int
    ended: Completion | None
    blocked: BlockReason | None
    waiting: BlockReason | None
    max_resource: int | None
    now: datetime

    @property
    def suspended(self) -> bool:
        """Return whether spec.suspend keeps trials from starting."""
        return self.experiment.spec.suspend and self.ended is None


def count_trials(trials: Iterable[TrialRecord], created_count: int) -> TrialCounts:
    """Count the trials by state; one whose Trial was deleted counts only in the total."""
    states = Counter(trial.state for trial in trials)
    return TrialCounts(
        pending=states[TrialState.PENDING],
        running=states[TrialState.RUNNING],
        paused=states[TrialState.PAUSED],
        stopped=states[TrialState.STOPPED],
        succeeded=states[TrialState.SUCCEEDED],
        failed=states[TrialState.FAILED],
        total=created_count,
    )


def status_of(inputs: StatusInput) -> dict[str, object]:
    """Return the whole status as JSON, with None for fields that must be absent."""
    experiment, counts = inputs.experiment, count_trials(inputs.trials, inputs.created_count)
    conditions = _conditions(inputs)
    start = experiment.start_time or (inputs.now if inputs.created_count else None)
    end = _end(inputs, start)
    results = _results(inputs, counts)
    done = sum(int(results["trials"].get(state, 0)) for state in ("stopped", "succeeded", "failed"))
    return {
        "observedGeneration": experiment.generation,
        "state": _state(conditions, counts),
        "conditions": [to_json(condition) for condition in conditions.values()],
        "startTime": timestamp(start) if start is not None else None,
        "completionTime": timestamp(end) if end is not None else None,
        "limits": limits_of(experiment.spec) if end is not None else None,
        "done": f"{done}/{experiment.spec.max_trial_count}",
        "programStarted": program_started(experiment, inputs.trials) or None,
        "selector": f"{LABEL_EXPERIMENT}={experiment.name}",
        **results,
    }


def _results(inputs: StatusInput, counts: TrialCounts) -> dict[str, Any]:
    """Return the results of the trials; those of a complete experiment stay as they are stored."""
    experiment = inputs.experiment
    if inputs.ended is not None and experiment.completion_time is not None and "trials" in experiment.status:
        return {name: experiment.status.get(name) for name in FINAL_FIELDS}
    return {
        "trials": counts.model_dump(),
        **_with_omissions(
            best=incumbent(inputs.trials, experiment.spec.primary_objective),
            front=front_status(inputs.trials, experiment.spec),
        ),
        "accelerators": _accelerators(inputs),
    }


def _with_omissions(*, best: tuple[TrialRecord, Observation] | None, front: Mapping[str, Any]) -> Mapping[str, object]:
    """Return the best trial and the Pareto front, and in status.omitted the parts that exceed the size limit."""
    shown, members = _best(best), front["paretoFront"] or ()
    omitted = []
    if len(members) < (front["paretoFrontSize"] or 0):
        omitted.append(f"paretoFront has {len(members)} of {front['paretoFrontSize']} trials")
    if best is not None and shown is not None:
        known, all_of = shown["parameters"], best[0].current_parameters
        if len(known) < len(all_of):
            omitted.append(f"best.parameters has {len(known)} of {len(all_of)}")
    message = f"{'; '.join(omitted)}. The Trials have all of them." if omitted else None
    return {"best": shown, **front, "omitted": message}


def _end(inputs: StatusInput, start: datetime | None) -> datetime | None:
    """Return the completionTime: never before the start, though the clock may have been set back."""
    if inputs.ended is None:
        return None
    end = inputs.experiment.completion_time or _whole_second_after(inputs.now)
    return max(end, start) if start is not None else end


def condition_summary(status: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    """Return type, status and reason of each condition; the message of Blocked changes with every Pod."""
    return {(each["type"], each["status"], each["reason"]) for each in status.get("conditions") or ()}


def _whole_second_after(moment: datetime) -> datetime:
    """Round up: a maxDuration of 1.5 s that is over must still be over when both ends are read in whole seconds."""
    return moment + timedelta(microseconds=-moment.microsecond % 1_000_000)


def invalid_status(conditions: Conditions, generation: int, message: str, now: datetime) -> dict[str, object]:
    """Build the part of the status that an invalid spec changes."""
    invalid = ConditionRecord(ConditionType.VALID, False, Reason.INVALID, message, generation, now)  # noqa: FBT003
    return {
        "observedGeneration": generation,
        "state": "Invalid",
        "conditions": [to_json(condition) for condition in set_condition(conditions, invalid).values()],
    }


def blocked_status(conditions: Conditions, generation: int, reason: BlockReason, now: datetime) -> dict[str, object]:
    """Build the part of the status that changes where no plan can be made."""
    blocked = ConditionRecord(ConditionType.BLOCKED, True, reason.reason, reason.message, generation, now)  # noqa: FBT003
    return {"conditions": [to_json(condition) for condition in set_condition(conditions, blocked).values()]}


def _conditions(inputs: StatusInput) -> Conditions:
    """Set the conditions; one that was never true is absent, except for Valid and Running."""
    conditions: Conditions = {each.type: each for each in inputs.experiment.conditions}
    for kind, holds, reason, message in _claims(inputs):
        claim = ConditionRecord(kind, holds, reason, message, inputs.experiment.generation, inputs.now)
        if holds or kind is ConditionType.RUNNING:
            conditions = set_condition(conditions, claim)
        else:
            conditions = clear_condition(conditions, claim)
    return conditions


def _claims(inputs: StatusInput) -> Iterable[ConditionClaim]:
    """Return each condition, whether it is true, and why."""
    ended, blocked = inputs.ended, inputs.blocked
    yield _validity(inputs.experiment)
    yield _progress(inputs)
    if inputs.suspended:
        yield ConditionType.SUSPENDED, True, Reason.SUSPENDED, "spec.suspend is true: no trial starts"
    else:
        yield ConditionType.SUSPENDED, False, Reason.RESUMED, "spec.suspend is false"
    if blocked is not None:
        yield ConditionType.BLOCKED, True, blocked.reason, blocked.message
    else:
        yield ConditionType.BLOCKED, False, Reason.UNBLOCKED, "nothing prevents trials from starting"
    reason, message = (ended.reason, ended.message) if ended is not None else (Reason.TRIALS_RUNNING, NOT_ENDED)
    yield ConditionType.SUCCEEDED, ended is not None and ended.succeeded, reason, message
    yield ConditionType.FAILED, ended is not None and not ended.succeeded, reason, message
    yield ConditionType.FINISHED, ended is not None, reason, message


def _validity(experiment: ExperimentRecord) -> ConditionClaim:
    if experiment.invalid:
        return ConditionType.VALID, False, Reason.INVALID, f"{experiment.invalid}\n{INVALID_NOTE}"
    ignored = f"; ignored fields:\n{experiment.ignored}" if experiment.ignored else ""
    return ConditionType.VALID, True, Reason.VALID, f"the spec is valid{ignored}"


def _progress(inputs: StatusInput) -> ConditionClaim:
    """Return the condition Running. It stays true between two trials: a Pod usually starts within seconds."""
    ended = inputs.ended
    if ended is not None:
        return ConditionType.RUNNING, False, ended.reason, ended.message
    if inputs.suspended:
        return ConditionType.RUNNING, False, Reason.SUSPENDED, "spec.suspend is true"
    running = any(trial.state is TrialState.RUNNING for trial in inputs.trials)
    ends = (trial.completion_time for trial in inputs.trials if trial.completion_time is not None)
    between = any(inputs.now - end < START_GRACE for end in ends)
    wait = (None if between else inputs.blocked) or inputs.waiting
    if running or (wait is None and program_started(inputs.experiment, inputs.trials)):
        return ConditionType.RUNNING, True, Reason.TRIALS_RUNNING, "trials are running"
    reason, message = (
        (wait.reason, wait.message) if wait is not None else (Reason.STARTING, "the first trials are starting")
    )
    return ConditionType.RUNNING, False, reason, message


def _state(conditions: Conditions, counts: TrialCounts) -> str:
    """Return the conditions in one word."""
    true = {kind for kind, condition in conditions.items() if condition.status}
    running, blocked = ConditionType.RUNNING in true, ConditionType.BLOCKED in true
    queued = conditions[ConditionType.RUNNING].reason == Reason.QUEUED
    states = {
        "Succeeded": ConditionType.SUCCEEDED in true,
        "Failed": ConditionType.FAILED in true,
        "Suspended": ConditionType.SUSPENDED in true,
        "Invalid": ConditionType.VALID not in true,
        "Running": running and (counts.running > 0 or not blocked),
        "Blocked": blocked,
        "Queued": queued,
        "Starting": counts.total > 0,
    }
    return next((state for state, holds in states.items() if holds), "Pending")


def _best(best: tuple[TrialRecord, Observation] | None) -> Mapping[str, Any] | None:
    if best is None:
        return None
    trial, observation = best
    return {
        "trial": trial.name,
        "value": observation.value,
        "displayValue": display_value(observation.value),
        "step": observation.step,
        "parameters": bounded(trial.current_parameters),
    }


def _accelerators(inputs: StatusInput) -> Mapping[str, float]:
    used = sum(trial.accelerator_seconds for trial in inputs.trials)
    saved = sum(_saved(trial, inputs.max_resource) for trial in inputs.trials)
    return {"seconds": round(used, 1), "savedSeconds": round(saved, 1)}


def _saved(trial: TrialRecord, max_resource: int | None) -> float:
    """Return the device-seconds that the rest of an early-stopped trial would have taken at its own pace."""
    latest = trial.progress.latest
    if max_resource is None or trial.reason != Reason.EARLY_STOPPED or latest is None or latest.step < 1:
        return 0.0
    return trial.accelerator_seconds * max(0, max_resource - latest.step) / latest.step
