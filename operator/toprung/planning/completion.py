"""Determines when an experiment ends, by a chain of policies of which the first that applies decides.

The policies read only what the cluster keeps, so they decide the same after a restart. Their decision is final: once an
experiment is complete, only an edit of its limits reopens it.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from math import isfinite

from toprung.api.v1alpha1.base import format_duration
from toprung.api.v1alpha1.conditions import ConditionType, Reason
from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.api.v1alpha1.trial import TrialState
from toprung.metrics.progress import score
from toprung.metrics.types import Observation
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.trial import TrialRecord
from toprung.planning.scoring import reaches_goal, scored_by

MAX_CAUSES = 3
"""Different causes of failure that a message names."""
MAX_CAUSE = 200
"""Characters of one cause."""


@dataclass(frozen=True, slots=True)
class CompletionInput:
    """The input of the policies.

    Attributes:
        trials: all trials as they are after this reconciliation.
        best: the incumbent and its observation.
        created_count: trials ever made; active: those that run or may continue; failed: those that failed.
        exhausted: no configuration is left for another trial.
    """

    experiment: ExperimentRecord
    trials: tuple[TrialRecord, ...]
    best: tuple[TrialRecord, Observation] | None
    created_count: int
    active: int
    failed: int
    exhausted: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class Completion:
    """The reason for the end of the experiment, and whether it is a success."""

    succeeded: bool
    reason: str
    message: str


Policy = Callable[[CompletionInput], Completion | None]


def deadline_of(experiment: ExperimentRecord) -> datetime | None:
    """Return when maxDuration is over, None without one or before the start."""
    limit, start = experiment.spec.max_duration, experiment.start_time
    return start + limit if limit is not None and start is not None else None


def was_active(trial: TrialRecord, deadline: datetime | None) -> bool:
    """Return whether the trial is pending or running, or was until the deadline stopped it."""
    if trial.state in (TrialState.PENDING, TrialState.RUNNING):
        return True
    if deadline is None or trial.reason != Reason.EXPERIMENT_ENDED:
        return False
    return trial.completion_time is not None and trial.completion_time >= _second(deadline)


def goal_reached(inputs: CompletionInput) -> Completion | None:
    """Complete the experiment if a trial is as good as objective.goal."""
    objective = inputs.experiment.spec.primary_objective
    if inputs.best is None or not reaches_goal(inputs.best[1].value, objective):
        return None
    trial, observation = inputs.best
    sign = ">=" if objective.type == "maximize" else "<="
    message = f"{trial.name} reached {objective.metric} {observation.value:.6g} {sign} {objective.goal:.6g}"
    return Completion(succeeded=True, reason=Reason.GOAL_REACHED, message=message)


def too_many_failed(inputs: CompletionInput) -> Completion | None:
    """End the experiment if more trials than maxFailedTrialCount have failed."""
    limit = inputs.experiment.spec.max_failed_trial_count
    if limit is None or inputs.failed <= limit:
        return None
    message = f"{inputs.failed} trials failed, more than maxFailedTrialCount {limit}: {_causes(inputs.trials)}"
    return Completion(succeeded=False, reason=Reason.MAX_FAILED_TRIALS_REACHED, message=message)


def max_duration_reached(inputs: CompletionInput) -> Completion | None:
    """End the experiment after maxDuration. The last policy: the others apply to events before the deadline."""
    limit, deadline = inputs.experiment.spec.max_duration, deadline_of(inputs.experiment)
    if limit is None or deadline is None or (inputs.experiment.completion_time or inputs.now) < deadline:
        return None
    return _by_limit(inputs, Reason.MAX_DURATION_REACHED, f"maxDuration {format_duration(limit)} is over")


def all_trials_done(inputs: CompletionInput) -> Completion | None:
    """Complete the experiment if all of maxTrialCount have ended."""
    limit = inputs.experiment.spec.max_trial_count
    if inputs.created_count < limit or inputs.active:
        return None
    have = "have" if inputs.created_count > 1 else "has"
    return _by_limit(inputs, Reason.MAX_TRIALS_REACHED, f"{_all_trials(inputs)} {have} ended")


def no_progress(inputs: CompletionInput) -> Completion | None:
    """Complete the experiment if stopWhenNoProgress.trials in a row have ended without a better value."""
    limit = inputs.experiment.spec.stop_when_no_progress
    if limit is None or (idle := _ended_since_progress(inputs, limit.min_delta)) < limit.trials:
        return None
    by = f" by more than {limit.min_delta:g}" if limit.min_delta else ""
    return _by_limit(inputs, Reason.NO_PROGRESS, f"none of the last {idle} trials improved the best value{by}")


def space_exhausted(inputs: CompletionInput) -> Completion | None:
    """Complete the experiment if every configuration of a finite space has been tried."""
    if inputs.active or not (inputs.exhausted or _was_exhausted(inputs.experiment)):
        return None
    return _by_limit(
        inputs,
        Reason.SEARCH_SPACE_EXHAUSTED,
        f"the search space has no configuration beyond the {inputs.created_count} tried",
    )


POLICIES: tuple[Policy, ...] = (
    goal_reached,
    too_many_failed,
    no_progress,
    all_trials_done,
    space_exhausted,
    max_duration_reached,
)


def completion_of(inputs: CompletionInput) -> Completion | None:
    """Return whether and why the experiment is over; a complete one stays as it ended while any limit holds."""
    ended = next((ended for policy in POLICIES if (ended := policy(inputs)) is not None), None)
    recorded = recorded_end(inputs.experiment)
    return recorded if recorded is not None and (ended is not None or _same_limits(inputs.experiment)) else ended


def recorded_end(experiment: ExperimentRecord) -> Completion | None:
    """Return how a complete experiment ended, by its conditions; None if it is not complete."""
    if experiment.completion_time is None:
        return None
    ends = {ConditionType.SUCCEEDED: True, ConditionType.FAILED: False}
    current = (each for each in experiment.conditions if each.type in ends and each.status)
    return next((Completion(ends[each.type], each.reason, each.message) for each in current), None)


def limits_of(spec: ExperimentSpec) -> dict[str, object]:
    """Return the limits that decide when an experiment is over, as JSON."""
    goal, idle = spec.primary_objective.goal, spec.stop_when_no_progress
    limits = {
        "maxTrialCount": spec.max_trial_count,
        "maxFailedTrialCount": spec.max_failed_trial_count,
        "maxDuration": format_duration(spec.max_duration) if spec.max_duration is not None else None,
        "goal": goal,
        "stopWhenNoProgress": {"trials": idle.trials, "minDelta": idle.min_delta} if idle is not None else None,
    }
    return {name: limit for name, limit in limits.items() if limit is not None}


def _same_limits(experiment: ExperimentRecord) -> bool:
    return experiment.status.get("limits") == limits_of(experiment.spec)


def _ended_since_progress(inputs: CompletionInput, min_delta: float) -> int:
    """Count the trials that have ended since the best became better; failed ones do not count."""
    objective, deadline = inputs.experiment.spec.primary_objective, deadline_of(inputs.experiment)
    maximize = objective.type == "maximize"
    done = (trial for trial in inputs.trials if trial.state in (TrialState.SUCCEEDED, TrialState.STOPPED))
    ended = [trial for trial in done if not was_active(trial, deadline)]
    best, idle = float("-inf"), 0
    for trial in sorted(ended, key=lambda trial: (_second(trial.completion_time or inputs.now), trial.index)):
        observation = scored_by(trial, objective)
        value = score(observation.value, maximize=maximize) if observation is not None else float("-inf")
        idle = 0 if value > best + min_delta else idle + 1
        best = value if idle == 0 else best
    running = score(inputs.best[1].value, maximize=maximize) if inputs.best is not None else best
    return 0 if running > best + min_delta else idle


def _second(moment: datetime) -> datetime:
    """Return the time as the cluster stores it, so that the order of the ends does not change with that."""
    return moment.replace(microsecond=0)


def _by_limit(inputs: CompletionInput, reason: Reason, message: str) -> Completion:
    """Return the end at a limit: a success if there is a best trial."""
    if inputs.best is None:
        return Completion(
            succeeded=False, reason=Reason.NO_TRIAL_SUCCEEDED, message=_without_best(inputs, reason, message)
        )
    trial, observation = inputs.best
    metric = inputs.experiment.spec.primary_objective.metric
    return Completion(
        succeeded=True, reason=reason, message=f"{message}; best {metric} {observation.value:.6g} by {trial.name}"
    )


def _all_trials(inputs: CompletionInput) -> str:
    return f"all {inputs.created_count} trials" if inputs.created_count > 1 else "the only trial"


def _without_best(inputs: CompletionInput, reason: Reason, message: str) -> str:
    """Return why no trial is the best: they failed, reported no finite value or no value, or were deleted."""
    metric = inputs.experiment.spec.primary_objective.metric
    if inputs.trials and inputs.failed == len(inputs.trials) == inputs.created_count:
        start = "" if reason is Reason.MAX_TRIALS_REACHED else f"{message}: "
        return f"{start}{_all_trials(inputs)} failed: {_causes(inputs.trials)}"
    others = [trial for trial in inputs.trials if trial.state is not TrialState.FAILED]
    silent = sum(trial.progress.latest is None for trial in others)
    latest = [trial.progress.last for trial in others if trial.progress.last is not None]
    infinite = sum(not isfinite(observation.value) for observation in latest)
    counts = {
        f"failed ({_causes(inputs.trials)})": inputs.failed,
        f"reported no {metric}": silent,
        f"reported no finite {metric}": infinite,
        "were deleted": inputs.created_count - len(inputs.trials),
    }
    why = ", ".join(f"{count} {what}" for what, count in counts.items() if count > 0)
    outcome = f"{message}, and none has a finite objective"
    return f"{outcome}: {why}" if why else outcome


def _causes(trials: Iterable[TrialRecord]) -> str:
    """Name the most frequent causes of failure, with the number of trials where there are several."""
    causes = Counter(_cause(trial) for trial in trials if trial.state is TrialState.FAILED).most_common()
    if len(causes) == 1:
        return causes[0][0]
    named = [f"{cause} ({count} trials)" if count > 1 else f"{cause} (1 trial)" for cause, count in causes]
    rest = sum(count for _, count in causes[MAX_CAUSES:])
    return "; ".join([*named[:MAX_CAUSES], *([f"other causes ({rest} trials)"] if rest else [])])


def _cause(trial: TrialRecord) -> str:
    """Return the cause of a failure without the number of the attempt and without its output."""
    first = trial.message.partition("\n")[0].partition("; ")[0]
    attempt, separator, cause = first.partition(" failed: ")
    return (cause if separator and attempt.startswith("attempt ") else first)[:MAX_CAUSE] or str(trial.reason)


def _was_exhausted(experiment: ExperimentRecord) -> bool:
    """Return whether a condition records an exhausted space: no request to the sampler is needed after a restart."""
    return any(each.status and each.reason == Reason.SEARCH_SPACE_EXHAUSTED for each in experiment.conditions)
