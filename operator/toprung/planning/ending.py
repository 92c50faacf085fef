"""When an experiment is over: one small policy each, the first that applies decides.

The policies read only what the cluster keeps, so an experiment that is over stays over after a restart, and one whose
limits are raised goes on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from toprung.api.base import format_duration
from toprung.api.conditions import Reason
from toprung.api.trial import TrialState
from toprung.metrics.progress import score
from toprung.metrics.types import Observation
from toprung.planning.incumbent import reaches_goal, scored_by
from toprung.planning.records import ExperimentRecord, TrialRecord


@dataclass(frozen=True, slots=True)
class Facts:
    """What the policies look at.

    Attributes:
        trials: all trials as they are after this pass.
        best: the incumbent and its observation.
        made: trials ever made; active: those that run or may go on; failed: those that failed.
        exhausted: no configuration is left for another trial.
    """

    experiment: ExperimentRecord
    trials: tuple[TrialRecord, ...]
    best: tuple[TrialRecord, Observation] | None
    made: int
    active: int
    failed: int
    exhausted: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """Why the experiment is over, and whether that is a success."""

    succeeded: bool
    reason: Reason
    message: str


Policy = Callable[[Facts], Ended | None]


def goal_reached(facts: Facts) -> Ended | None:
    """A trial is as good as objective.goal."""
    objective = facts.experiment.spec.primary
    if facts.best is None or not reaches_goal(facts.best[1].value, objective):
        return None
    trial, observation = facts.best
    sign = ">=" if objective.type == "maximize" else "<="
    message = f"{trial.name} reached {objective.metric} {observation.value:.6g} {sign} {objective.goal:.6g}"
    return Ended(succeeded=True, reason=Reason.GOAL_REACHED, message=message)


def too_many_failed(facts: Facts) -> Ended | None:
    """More trials than maxFailedTrialCount have failed."""
    limit = facts.experiment.spec.max_failed_trial_count
    if limit is None or facts.failed <= limit:
        return None
    message = f"{facts.failed} trials failed, more than maxFailedTrialCount {limit}; see the failed Trials' messages"
    return Ended(succeeded=False, reason=Reason.MAX_FAILED_TRIALS_REACHED, message=message)


def time_is_up(facts: Facts) -> Ended | None:
    """The experiment has taken maxDuration."""
    limit, start = facts.experiment.spec.max_duration, facts.experiment.start_time
    end = facts.experiment.completion_time or facts.now
    if limit is None or start is None or end - start < limit:
        return None
    return _by_limit(facts, Reason.MAX_DURATION_REACHED, f"maxDuration {format_duration(limit)} is over")


def all_trials_done(facts: Facts) -> Ended | None:
    """All of maxTrialCount have ended."""
    limit = facts.experiment.spec.max_trial_count
    if facts.made < limit or facts.active:
        return None
    return _by_limit(facts, Reason.MAX_TRIALS_REACHED, f"all {facts.made} trials have ended")


def stands_still(facts: Facts) -> Ended | None:
    """As many trials as noProgress.trials have ended in a row and made nothing better."""
    limit = facts.experiment.spec.no_progress
    if limit is None or (idle := _ended_since_progress(facts, limit.min_delta)) < limit.trials:
        return None
    by = f" by more than {limit.min_delta:g}" if limit.min_delta else ""
    return _by_limit(facts, Reason.NO_PROGRESS, f"the last {idle} trials made the best no better{by}")


def space_exhausted(facts: Facts) -> Ended | None:
    """Every configuration of a finite space has been tried."""
    if facts.active or not (facts.exhausted or _was_exhausted(facts.experiment)):
        return None
    return _by_limit(
        facts, Reason.SEARCH_SPACE_EXHAUSTED, f"the search space has no configuration beyond the {facts.made} tried"
    )


POLICIES: tuple[Policy, ...] = (
    goal_reached,
    too_many_failed,
    time_is_up,
    stands_still,
    all_trials_done,
    space_exhausted,
)


def end_of(facts: Facts) -> Ended | None:
    """Say whether and why the experiment is over."""
    return next((ended for policy in POLICIES if (ended := policy(facts)) is not None), None)


def _ended_since_progress(facts: Facts, min_delta: float) -> int:
    """Count the trials that have ended since the best became better; failed ones say nothing about progress."""
    objective = facts.experiment.spec.primary
    maximize = objective.type == "maximize"
    ended = [trial for trial in facts.trials if trial.state in (TrialState.SUCCEEDED, TrialState.STOPPED)]
    best, idle = float("-inf"), 0
    for trial in sorted(ended, key=lambda trial: (_second(trial.completion_time or facts.now), trial.index)):
        observation = scored_by(trial, objective)
        value = score(observation.value, maximize=maximize) if observation is not None else float("-inf")
        idle = 0 if value > best + min_delta else idle + 1
        best = value if idle == 0 else best
    running = score(facts.best[1].value, maximize=maximize) if facts.best is not None else best
    return 0 if running > best + min_delta else idle


def _second(moment: datetime) -> datetime:
    """Give the time as it comes back from the cluster, lest the order of the ends changes with that."""
    return moment.replace(microsecond=0)


def _by_limit(facts: Facts, reason: Reason, message: str) -> Ended:
    """Reaching a limit is a success if there is anything to show for it."""
    if facts.best is None:
        return Ended(
            succeeded=False, reason=Reason.NO_TRIAL_SUCCEEDED, message=f"{message}, and none has a finite objective"
        )
    trial, observation = facts.best
    metric = facts.experiment.spec.primary.metric
    return Ended(
        succeeded=True, reason=reason, message=f"{message}; best {metric} {observation.value:.6g} by {trial.name}"
    )


def _was_exhausted(experiment: ExperimentRecord) -> bool:
    """The samplers need not be asked again after a restart.

    That no trial succeeded is also the end by another limit; but then, with the same spec, that limit's policy says so
    before this is asked.
    """
    return any(
        condition.status
        and (
            condition.reason == Reason.SEARCH_SPACE_EXHAUSTED
            or (
                condition.reason == Reason.NO_TRIAL_SUCCEEDED and condition.observed_generation == experiment.generation
            )
        )
        for condition in experiment.conditions
    )
