"""Early stopping: the rungs that were reached since the last pass, and what follows for each trial.

Verdicts are sticky because they are written into Trial.status.rungs before anything is done about them, and a rung
that is there is never judged again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from toprung.api.trial import TrialState
from toprung.metrics.progress import score
from toprung.metrics.types import Observation
from toprung.planning.records import RungRecord, RungVerdict, TrialRecord
from toprung.stopping.types import Arrival, Outcome, Stopper

WORST = float("-inf")


@dataclass(frozen=True, slots=True)
class Judged:
    """A trial with its new rungs, and why it is stopped; `stop` is None where it goes on."""

    trial: TrialRecord
    stop: str | None


@dataclass(frozen=True, slots=True)
class _Crossing:
    """A report by which a trial reached one or more rungs it had not reached before."""

    trial: TrialRecord
    observation: Observation
    levels: tuple[int, ...]


def judge(
    stopper: Stopper, trials: Iterable[TrialRecord], live: Iterable[TrialRecord], *, maximize: bool
) -> Mapping[int, Judged]:
    """Judge every rung newly reached by the live trials, in the order of the reports.

    Args:
        stopper: a fresh rule, with no records.
        trials: all trials of the experiment as they are in the cluster: their rungs are the history.
        live: those that go on, with the progress they have made.
        maximize: the objective's direction.

    Returns:
        index -> the trial with its new rungs; trials that reached none are absent.
    """
    crossings = sorted(
        (crossing for trial in live for crossing in _crossings(trial)),
        key=lambda crossing: (crossing.observation.time, crossing.trial.index, crossing.levels),
    )
    if not crossings:
        return {}
    for trial in trials:
        _replay(stopper, trial, maximize=maximize)
    judged: dict[int, Judged] = {}
    for crossing in crossings:
        before = judged.get(crossing.trial.index, Judged(crossing.trial, None))
        if before.stop is None:
            judged[crossing.trial.index] = _cross(stopper, before.trial, crossing, maximize=maximize)
    return judged


def fail_at_next_rung(stopper: Stopper, trial: TrialRecord, now: datetime) -> TrialRecord:
    """Record a failed trial as the worst of the rung it was heading for."""
    reached = {rung.resource for rung in trial.rungs}
    level = next((level for level in stopper.levels(trial.bracket) if level not in reached), None)
    if level is None:
        return trial
    return replace(trial, rungs=(*trial.rungs, RungRecord(level, None, RungVerdict.FAILED, now)))


def _crossings(trial: TrialRecord) -> Iterable[_Crossing]:
    if trial.state is not TrialState.PENDING and trial.state is not TrialState.RUNNING:
        return
    known = {rung.resource for rung in trial.rungs}
    by_step: dict[int, list[int]] = {}
    for level, observation in trial.progress.crossings.items():
        if level not in known:
            by_step.setdefault(observation.step, []).append(level)
    for levels in by_step.values():
        yield _Crossing(trial, trial.progress.crossings[levels[0]], tuple(sorted(levels)))


def _replay(stopper: Stopper, trial: TrialRecord, *, maximize: bool) -> None:
    for rung in trial.rungs:
        stopper.record(Arrival(trial.bracket, rung.resource, trial.index, _score(rung.value, maximize=maximize)))


def _cross(stopper: Stopper, trial: TrialRecord, crossing: _Crossing, *, maximize: bool) -> Judged:
    """Record the report in every rung it crosses, and judge each; the first Stop is the reason."""
    rungs, stop = list(trial.rungs), None
    value = crossing.observation.value
    for level in crossing.levels:
        arrival = Arrival(trial.bracket, level, trial.index, score(value, maximize=maximize))
        stopper.record(arrival)
        verdict = stopper.judge(arrival)
        if verdict.outcome is Outcome.STOP and stop is None:
            stop = f"{value:.6g} is {verdict.message}"
        recorded = RungVerdict.CONTINUE if verdict.outcome is Outcome.CONTINUE else RungVerdict.STOP
        rungs.append(RungRecord(level, _finite(value), recorded, crossing.observation.time))
    return Judged(replace(trial, rungs=tuple(rungs)), stop)


def _score(value: float | None, *, maximize: bool) -> float:
    return WORST if value is None else score(value, maximize=maximize)


def _finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None
