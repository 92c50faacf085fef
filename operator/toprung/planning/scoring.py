"""Scores trials and determines the best one."""

from collections.abc import Iterable
from math import nan

from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.api.v1alpha1.objectives import Objective
from toprung.api.v1alpha1.trial import TrialState
from toprung.metrics.progress import score
from toprung.metrics.types import Observation
from toprung.objects.trial import TrialRecord
from toprung.search.types import Evaluation, EvaluationState

EVALUATION_STATES = {
    TrialState.PENDING: EvaluationState.RUNNING,
    TrialState.RUNNING: EvaluationState.RUNNING,
    TrialState.PAUSED: EvaluationState.STOPPED,
    TrialState.SUCCEEDED: EvaluationState.COMPLETE,
    TrialState.STOPPED: EvaluationState.STOPPED,
    TrialState.FAILED: EvaluationState.FAILED,
}


def scored_by(trial: TrialRecord, objective: Objective) -> Observation | None:
    """Return the observation that scores the trial, None if no finite one does.

    By `best` a running trial counts already; by `last` only one that has ended. A failed trial never counts: there may
    be no model to take from it.
    """
    if trial.state is TrialState.FAILED:
        return None
    if objective.strategy == "best":
        return trial.progress.best
    latest = trial.progress.last
    if not trial.state.terminal or latest is None or not abs(latest.value) < float("inf"):
        return None
    return latest


def incumbent(trials: Iterable[TrialRecord], objective: Objective) -> tuple[TrialRecord, Observation] | None:
    """Return the best trial so far and its scoring observation; ties go to the smaller index."""
    maximize = objective.type == "maximize"
    best: tuple[TrialRecord, Observation] | None = None
    highest = float("-inf")
    for trial in trials:
        observation = scored_by(trial, objective)
        if observation is None:
            continue
        value = score(observation.value, maximize=maximize)
        if best is None or value > highest or (value == highest and trial.index < best[0].index):
            best, highest = (trial, observation), value
    return best


def reaches_goal(value: float, objective: Objective) -> bool:
    """Return whether a value is as good as objective.goal."""
    if objective.goal is None:
        return False
    maximize = objective.type == "maximize"
    return score(value, maximize=maximize) >= score(objective.goal, maximize=maximize)


def scores_of(trial: TrialRecord, spec: ExperimentSpec) -> tuple[float, ...]:
    """Return the trial's scores by several objectives, in their order, -inf for non-finite values.

    Empty for one objective, and for a trial that has no complete report, has not ended, or has failed.
    """
    seen = trial.progress.latest_complete
    if seen is None or not trial.state.terminal or trial.state is TrialState.FAILED:
        return ()
    _, *others = spec.all_objectives
    values = (seen.value, *(seen.metrics.get(goal.metric, nan) for goal in others))  # null is absent once it was stored
    return tuple(
        score(value, maximize=goal.type == "maximize") for goal, value in zip(spec.all_objectives, values, strict=True)
    )


def evaluation(trial: TrialRecord, spec: ExperimentSpec) -> Evaluation:
    """Build the evaluation of the trial for the sampler; after an exploit, with the parameters that produced it."""
    objective = spec.primary_objective
    maximize = objective.type == "maximize"
    observation = scored_by(trial, objective)
    unscored = float("-inf") if trial.state.terminal else None
    value = score(observation.value, maximize=maximize) if observation is not None else unscored
    parameters = trial.current_parameters
    rungs = tuple(
        (rung.resource, float("-inf") if rung.value is None else score(rung.value, maximize=maximize))
        for rung in trial.rungs
        if trial.parameters_at(rung.resource) == parameters
    )
    return Evaluation(trial.index, parameters, EVALUATION_STATES[trial.state], value, rungs, scores_of(trial, spec))
