"""A cluster in virtual time: Trials and Pods as records, and the effect of the planner's actions on them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from toprung.api.v1alpha1.trial import TrialState
from toprung.metrics.types import Progress
from toprung.objects.pod import PodPhase, PodRecord
from toprung.objects.trial import TrialRecord
from toprung.planning.actions import CreatePod, CreateTrial, DeletePod, StopPod
from toprung.planning.snapshot import Collected
from toprung.simulate.learning_curves import Curve

START = datetime(2000, 1, 1, tzinfo=UTC)
NAMESPACE, NAME, UID = "simulated", "experiment", "experiment"


def time_of(seconds: float) -> datetime:
    """Return the time that many seconds after the start of the experiment."""
    return START + timedelta(seconds=seconds)


@dataclass(slots=True)
class Attempt:
    """A Pod and the training in it.

    Attributes:
        progress: everything that the trial has reported, earlier attempts included.
        step: the last step that is trained.
        last: the step after which the Pod succeeds.
        due: when the next report comes, in seconds since the start of the experiment.
    """

    pod: PodRecord
    index: int
    curve: Curve
    progress: Progress
    step: int
    last: int
    due: float

    def schedule(self, now: float) -> None:
        """Set the time of the next report, in seconds since the start of the experiment."""
        self.due = max(self.due, now) + self.curve.seconds[self.step]

    def succeed(self, now: float) -> None:
        """End the Pod with exit code 0."""
        self.pod = replace(self.pod, phase=PodPhase.SUCCEEDED, finished=time_of(now), exit_code=0)


@dataclass(slots=True)
class Cluster:
    """The Trials and Pods of one experiment. Pods start when they are created, and end when they are stopped.

    Attributes:
        start_cost: seconds from the creation of a Pod to the start of its first step.
        trials: index -> Trial, ascending.
        attempts: index of a trial -> its Pod, as long as it exists.
        steps: steps trained in all.
        starts: Pods created in all.
    """

    start_cost: float
    trials: dict[int, TrialRecord] = field(default_factory=dict)
    attempts: dict[int, Attempt] = field(default_factory=dict)
    steps: int = 0
    starts: int = 0

    @property
    def pods(self) -> Mapping[str, tuple[PodRecord, ...]]:
        """The Pods by the name of their Trial."""
        return {attempt.pod.trial: (attempt.pod,) for attempt in self.attempts.values()}

    @property
    def collected(self) -> Mapping[str, Collected]:
        """The reports of each Pod by its UID."""
        return {
            attempt.pod.uid: Collected(attempt.progress, drained=attempt.pod.ended)
            for attempt in self.attempts.values()
        }

    def create_trial(self, action: CreateTrial, now: float) -> TrialRecord:
        """Add a Trial and return it."""
        name, experiment = f"{NAME}-{action.index}", f"{NAMESPACE}/{NAME}"
        trial = TrialRecord(experiment, UID, name, name, action.index, action.parameters, time_of(now), action.bracket)
        self.trials[trial.index] = trial
        return trial

    def write_trial(self, trial: TrialRecord) -> None:
        """Replace a Trial. If it has ended or paused and its Pod has ended, delete the Pod."""
        self.trials[trial.index] = trial
        at_rest = trial.state.terminal or trial.state is TrialState.PAUSED
        attempt = self.attempts.get(trial.index)
        if at_rest and attempt is not None and attempt.pod.ended:
            del self.attempts[trial.index]

    def create_pod(self, action: CreatePod, curve: Curve, levels: tuple[int, ...], now: float) -> Attempt:
        """Start an attempt, which continues after the last step that its trial has reported.

        Args:
            action: names the trial and the number of the attempt.
            curve: what the training reports.
            levels: rung levels of the trial; it ends at the last one. Empty without rungs.
            now: seconds since the start of the experiment.
        """
        trial = self.trials[action.index]
        name, started = f"{trial.name}-{action.attempt}", time_of(now)
        pod = PodRecord(
            trial.experiment_key, trial.uid, name, name, trial.name, action.attempt, PodPhase.RUNNING, started,
            started=started,
        )  # fmt: skip
        done = int(trial.progress.latest.step) if trial.progress.latest is not None else 0
        last = min((len(curve.values), *levels[-1:]))
        attempt = Attempt(pod, trial.index, curve, trial.progress, done, last, now + self.start_cost)
        attempt.schedule(now)
        self.attempts[trial.index] = attempt
        self.starts += 1
        return attempt

    def stop_pod(self, action: StopPod | DeletePod) -> bool:
        """Remove a Pod. Return whether it existed."""
        found = [index for index, attempt in self.attempts.items() if attempt.pod.name == action.name]
        for index in found:
            del self.attempts[index]
        return bool(found)
