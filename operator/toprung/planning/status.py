"""The Experiment's status, worked out anew in each pass from what the cluster keeps."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from toprung.api.names import LABEL_EXPERIMENT
from toprung.api.v1alpha1.conditions import ConditionRecord, ConditionType, Reason
from toprung.api.v1alpha1.experiment import TrialCounts
from toprung.api.v1alpha1.trial import TrialState
from toprung.metrics.status import display_value
from toprung.metrics.types import Observation
from toprung.objects.conditions import BlockReason, Conditions, clear_condition, set_condition, to_json
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.sizes import bounded
from toprung.objects.timestamps import timestamp
from toprung.objects.trial import TrialRecord
from toprung.planning.completion import Completion, limits_of
from toprung.planning.pareto import front_status
from toprung.planning.pending import PATIENCE, program_started
from toprung.planning.scoring import incumbent

Claim = tuple[ConditionType, bool, str, str]
"""A condition, whether it holds, its reason and its message."""
UNFINISHED = "the experiment has not ended"
MANAGED = "No trial starts until this is corrected. Running trials follow the last valid spec."
FINAL = ("trials", "best", "paretoFront", "paretoFrontSize", "omitted", "accelerators")
"""Fields of the status that stay as they are once the experiment is complete, even if its Trials are deleted."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the status tells.

    Attributes:
        experiment: as it was before this pass.
        trials: all trials as they are after it.
        created_count: trials ever made before this pass.
        ended: why the experiment is over, None while it is not.
        refused: why something of this pass could not be done, None where all was.
        blocked: why trials can't start, None where they can.
        waiting: what Pods wait for that take longer than usual to start, None where none does.
        max_resource: what a full trial gets, to say what early stopping saved; None without early stopping.
    """

    experiment: ExperimentRecord
    trials: tuple[TrialRecord, ...]
    created_count: int
    ended: Completion | None
    refused: BlockReason | None
    blocked: BlockReason | None
    waiting: BlockReason | None
    max_resource: int | None
    now: datetime


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


def status_of(outlook: Outlook) -> dict[str, object]:
    """Give the whole status as JSON, None for what must be absent."""
    experiment, counts = outlook.experiment, count_trials(outlook.trials, outlook.created_count)
    conditions = _conditions(outlook)
    start = experiment.start_time or (outlook.now if outlook.created_count else None)
    end = _end(outlook, start)
    results = _results(outlook, counts)
    done = sum(int(results["trials"].get(state, 0)) for state in ("stopped", "succeeded", "failed"))
    return {
        "observedGeneration": experiment.generation,
        "state": _state(conditions, counts),
        "conditions": [to_json(condition) for condition in conditions.values()],
        "startTime": timestamp(start) if start is not None else None,
        "completionTime": timestamp(end) if end is not None else None,
        "limits": limits_of(experiment.spec) if end is not None else None,
        "done": f"{done}/{experiment.spec.max_trial_count}",
        "programStarted": program_started(experiment, outlook.trials) or None,
        "selector": f"{LABEL_EXPERIMENT}={experiment.name}",
        **results,
    }


def _results(outlook: Outlook, counts: TrialCounts) -> dict[str, Any]:
    """Return what came of the trials; of a complete experiment what its status says already."""
    experiment = outlook.experiment
    if outlook.ended is not None and experiment.completion_time is not None and "trials" in experiment.status:
        return {name: experiment.status.get(name) for name in FINAL}
    return {
        "trials": counts.model_dump(),
        **_with_omissions(
            best=incumbent(outlook.trials, experiment.spec.primary_objective),
            front=front_status(outlook.trials, experiment.spec),
        ),
        "accelerators": _accelerators(outlook),
    }


def _with_omissions(*, best: tuple[TrialRecord, Observation] | None, front: Mapping[str, Any]) -> Mapping[str, object]:
    """Return best and front, and in status.omitted what of them has no room in the status."""
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


def _end(outlook: Outlook, start: datetime | None) -> datetime | None:
    """Return the completionTime: never before the start, though the clock may have been set back."""
    if outlook.ended is None:
        return None
    end = outlook.experiment.completion_time or _whole_second_after(outlook.now)
    return max(end, start) if start is not None else end


def condition_summary(status: Mapping[str, Any]) -> set[tuple[str, str, str]]:
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


def blocked_status(conditions: Conditions, generation: int, reason: BlockReason, now: datetime) -> dict[str, object]:
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


def _claims(outlook: Outlook) -> Iterable[Claim]:
    """Say which condition holds, and why or why not."""
    ended, suspended = outlook.ended, outlook.experiment.spec.suspend and outlook.ended is None
    yield _validity(outlook.experiment)
    trouble = outlook.refused or (None if ended or suspended else outlook.blocked)
    yield _progress(outlook, trouble, suspended=suspended)
    if suspended:
        yield ConditionType.SUSPENDED, True, Reason.SUSPENDED, "spec.suspend is true: no trial starts"
    else:
        yield ConditionType.SUSPENDED, False, Reason.RESUMED, "spec.suspend is false"
    if trouble is not None:
        yield ConditionType.BLOCKED, True, trouble.reason, trouble.message
    else:
        yield ConditionType.BLOCKED, False, Reason.UNBLOCKED, "nothing keeps trials from starting"
    reason, message = (ended.reason, ended.message) if ended is not None else (Reason.TRIALS_RUNNING, UNFINISHED)
    yield ConditionType.SUCCEEDED, ended is not None and ended.succeeded, reason, message
    yield ConditionType.FAILED, ended is not None and not ended.succeeded, reason, message
    yield ConditionType.FINISHED, ended is not None, reason, message


def _validity(experiment: ExperimentRecord) -> Claim:
    if experiment.invalid:
        return ConditionType.VALID, False, Reason.INVALID, f"{experiment.invalid}\n{MANAGED}"
    ignored = f"; ignored are:\n{experiment.ignored}" if experiment.ignored else ""
    return ConditionType.VALID, True, Reason.VALID, f"the manifest keeps all rules{ignored}"


def _progress(outlook: Outlook, trouble: BlockReason | None, *, suspended: bool) -> Claim:
    """Say whether trials run. Between two trials it stays as it was: a Pod usually starts within seconds."""
    ended = outlook.ended
    if ended is not None:
        return ConditionType.RUNNING, False, ended.reason, ended.message
    if suspended:
        return ConditionType.RUNNING, False, Reason.SUSPENDED, "spec.suspend is true"
    running = any(trial.state is TrialState.RUNNING for trial in outlook.trials)
    ends = (trial.completion_time for trial in outlook.trials if trial.completion_time is not None)
    between = any(outlook.now - end < PATIENCE for end in ends)
    wait = (None if between else trouble) or outlook.waiting
    if running or (wait is None and program_started(outlook.experiment, outlook.trials)):
        return ConditionType.RUNNING, True, Reason.TRIALS_RUNNING, "trials are run"
    reason, message = (wait.reason, wait.message) if wait is not None else (Reason.STARTING, "the first trials start")
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
