"""One step of every trial that has not ended: reports, rungs, the end of its attempt."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from toprung.api.conditions import Reason
from toprung.api.trial import TrialState
from toprung.metrics.types import Observation
from toprung.planning.attempts import Attempt, change_of
from toprung.planning.lifecycle import Change, TrialEvent, move
from toprung.planning.records import PodRecord, Snapshot, TrialRecord
from toprung.planning.verdicts import fail_at_next_rung, judge
from toprung.stopping.types import Stopper

FIRST_WRITE_AFTER = timedelta(seconds=1)
"""A trial that is over sooner never has its Running state written: that saves a write for each of many short ones."""
LIVE_WRITE_EVERY = timedelta(seconds=10)
"""How often the reports of a running trial are written down when nothing else is to be said."""


@dataclass(frozen=True, slots=True)
class Step:
    """A trial before and after this pass, with the Pod of its current attempt (None: there is none)."""

    before: TrialRecord
    after: TrialRecord
    pod: PodRecord | None

    @property
    def turned(self) -> bool:
        """Whether the trial must be written now: anything that a restart could not work out again."""
        old, new = self.before, self.after
        return (old.attempt, old.rungs) != (new.attempt, new.rungs) or (new.state.terminal and not old.state.terminal)

    def write_at(self, now: datetime) -> datetime | None:
        """When the trial's status has to be written; None where nothing changed."""
        if self.turned:
            return now
        recorded, latest = self.before.progress.latest, self.after.progress.latest
        if self.before.state is not self.after.state:
            return ((self.pod and self.pod.started) or now) + FIRST_WRITE_AFTER
        if latest is None or (recorded is not None and _told(recorded) == _told(latest)):
            return None
        return now if recorded is None else recorded.time + LIVE_WRITE_EVERY


def current_pod(snapshot: Snapshot, trial: TrialRecord) -> PodRecord | None:
    """The Pod of the trial's current attempt."""
    pods = snapshot.pods.get(trial.name, ())
    return next((pod for pod in pods if pod.attempt == trial.attempt and pod.owner_uid == trial.uid), None)


def advance(snapshot: Snapshot, stopper: Stopper | None, now: datetime) -> tuple[Step, ...]:
    """Bring every trial that has not ended up to date with its Pod and its reports."""
    live = tuple(trial for trial in snapshot.trials if not trial.state.terminal)
    reported = {trial.index: _with_reports(snapshot, trial) for trial in live}
    stops = _apply_verdicts(snapshot, stopper, reported)
    steps = []
    for trial in live:
        pod = current_pod(snapshot, trial)
        after = _after(snapshot, reported[trial.index], pod=pod, stop=stops.get(trial.index), stopper=stopper, now=now)
        steps.append(Step(trial, after, pod))
    return tuple(steps)


def end_all(steps: Iterable[Step], message: str, now: datetime) -> tuple[Step, ...]:
    """Stop what still goes on, because the experiment is over."""
    change = Change(TrialEvent.STOPPED, Reason.EXPERIMENT_ENDED, message)
    return tuple(
        step if step.after.state.terminal else replace(step, after=_moved(step.after, change, step.pod, now))
        for step in steps
    )


def _told(observation: Observation) -> tuple[int, int]:
    """Tell observations of one trial apart; their values would not do, as NaN differs from itself."""
    return observation.step, len(observation.metrics)


def _with_reports(snapshot: Snapshot, trial: TrialRecord) -> TrialRecord:
    pod = current_pod(snapshot, trial)
    collected = snapshot.collected.get(pod.uid) if pod is not None else None
    return trial if collected is None else replace(trial, progress=collected.progress)


def _apply_verdicts(snapshot: Snapshot, stopper: Stopper | None, reported: dict[int, TrialRecord]) -> dict[int, str]:
    """Put new rungs into `reported`; give index -> why, for those that are to be stopped."""
    if stopper is None:
        return {}
    maximize = snapshot.experiment.spec.objective.type == "maximize"
    judged = judge(stopper, snapshot.trials, reported.values(), maximize=maximize)
    reported.update({index: verdict.trial for index, verdict in judged.items()})
    return {index: verdict.stop for index, verdict in judged.items() if verdict.stop is not None}


def _after(
    snapshot: Snapshot,
    trial: TrialRecord,
    *,
    pod: PodRecord | None,
    stop: str | None,
    stopper: Stopper | None,
    now: datetime,
) -> TrialRecord:
    change = _change(snapshot, trial, pod, stop)
    if change is None:
        return trial
    moved = _moved(trial, change, pod, now)
    if moved.state is TrialState.FAILED and stopper is not None:
        return fail_at_next_rung(stopper, moved, now)
    return moved


def _change(snapshot: Snapshot, trial: TrialRecord, pod: PodRecord | None, stop: str | None) -> Change | None:
    if stop is not None:
        return Change(TrialEvent.STOPPED, Reason.EARLY_STOPPED, stop)
    collected = snapshot.collected.get(pod.uid) if pod is not None else None
    if pod is not None and pod.ended and (collected is None or not collected.drained):
        return None  # how it ended is decided when its last line has been read
    tail = collected.tail if collected is not None else ()
    return change_of(Attempt(snapshot.experiment.spec, trial, pod, tail))


def _moved(trial: TrialRecord, change: Change, pod: PodRecord | None, now: datetime) -> TrialRecord:
    moved = move(trial, change, now)
    if pod is None:
        return moved
    moved = replace(moved, start_time=trial.start_time or pod.started, node=pod.node)
    over = moved.state.terminal or moved.attempt != trial.attempt
    return replace(moved, accelerator_seconds=trial.accelerator_seconds + _device_seconds(pod, now)) if over else moved


def _device_seconds(pod: PodRecord, now: datetime) -> float:
    if pod.started is None:
        return 0.0
    return pod.devices * max(0.0, ((pod.finished or now) - pod.started).total_seconds())
