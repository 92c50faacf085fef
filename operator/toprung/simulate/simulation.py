"""Runs one experiment in virtual time: an event heap, a simulated cluster, and the operator's planner.

The planner receives the same complete snapshot as in the operator and makes every decision. These parts are simpler:
actions and suggestions take no time, Pods start and stop at once, nothing fails, and no status is written.
"""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from math import isfinite

from toprung.api.v1alpha1.experiment import ExperimentSpec
from toprung.early_stopping import Stopper
from toprung.metrics.progress import observe, score
from toprung.metrics.types import Tracking
from toprung.objects.experiment import ExperimentRecord
from toprung.objects.trial import TrialRecord
from toprung.planning.actions import Action, CreatePod, CreateTrial, DeletePod, StopPod, WriteTrial
from toprung.planning.early_stopping import build_rule
from toprung.planning.plan import make_plan
from toprung.planning.plan_cache import PlanCache
from toprung.planning.snapshot import Snapshot
from toprung.search.types import Configuration
from toprung.simulate.cluster import NAME, NAMESPACE, START, UID, Attempt, Cluster, time_of
from toprung.simulate.configuration_source import ConfigurationSource
from toprung.simulate.learning_curves import InvalidTable, Table

_DEADLINE = -1
"""Stands for maxDuration in the event heap, which has indices of trials otherwise."""


@dataclass(frozen=True, slots=True)
class Run:
    """The result of a simulated experiment.

    Attributes:
        trials: all trials, by index.
        rows: index of a trial -> its row of the table.
        incumbents: (seconds since the start, value) of each report that was better than all before.
        seconds: duration of the experiment.
        steps: steps trained in all.
        starts: attempts started in all.
        reason: the reason of the condition that ends the experiment.
    """

    trials: tuple[TrialRecord, ...]
    rows: Mapping[int, int]
    incumbents: tuple[tuple[float, float], ...]
    seconds: float
    steps: int
    starts: int
    reason: str


def refuse_unrecorded(spec: ExperimentSpec) -> None:
    """Check that recorded curves suffice to simulate the experiment.

    Raises:
        InvalidTable: trials change their parameters while they run, have several objectives, or use trials of other
            experiments.
    """
    if spec.early_stopping is not None and spec.early_stopping.pbt is not None:
        raise InvalidTable("spec.earlyStopping.pbt changes parameters while a trial runs, which no table has recorded")
    if spec.objectives is not None:
        raise InvalidTable("spec.objectives can't be simulated: a recorded curve is of one metric; write objective")
    if spec.warm_start is not None:
        names = ", ".join(spec.warm_start.experiments)
        raise InvalidTable(f"spec.warmStart can't be simulated: no table has the trials of {names}; leave it out")


@dataclass(slots=True)
class Simulation:
    """One run. Call :meth:`run` once.

    Attributes:
        spec: the experiment. Promotion needs its `checkpoint`, as in a cluster.
        table: the reports of the training.
        source: assigns rows of the table to trials.
        seed: of the experiment, instead of spec.algorithm.seed; the source has its own.
        start_cost: seconds from the creation of a Pod to the start of its first step.
    """

    spec: ExperimentSpec
    table: Table
    source: ConfigurationSource
    seed: int = 0
    start_cost: float = 0.0
    _now: float = 0.0
    _events: list[tuple[float, int, int]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=count)
    _experiment: ExperimentRecord = field(init=False)
    _rule: Stopper | None = field(init=False)
    _cluster: Cluster = field(init=False)
    _suggestions: dict[int, Configuration] = field(default_factory=dict)
    _rows: dict[int, int] = field(default_factory=dict)
    _changed: dict[int, TrialRecord] = field(default_factory=dict)
    _incumbents: list[tuple[float, float]] = field(default_factory=list)
    _plan_cache: PlanCache = field(default_factory=PlanCache)
    _exhausted: bool = False
    _reason: str = ""

    def __post_init__(self) -> None:
        """Create the experiment and an empty cluster."""
        algorithm = self.spec.algorithm.model_copy(update={"seed": self.seed})
        self._experiment = ExperimentRecord(
            namespace=NAMESPACE,
            name=NAME,
            uid=UID,
            generation=1,
            created=START,
            spec=self.spec.model_copy(update={"algorithm": algorithm}),
            start_time=START,
        )
        self._rule = build_rule(self._experiment)
        self._cluster = Cluster(self.start_cost)

    def run(self) -> Run:
        """Simulate until the experiment ends.

        Raises:
            InvalidTable: see :func:`refuse_unrecorded`.
        """
        refuse_unrecorded(self.spec)
        if self.spec.max_duration is not None:
            self._push(self.spec.max_duration.total_seconds(), _DEADLINE)
        self._reconcile()
        while self._events and not self._reason:
            self._now, _, index = heapq.heappop(self._events)
            if index == _DEADLINE or self._report(index):
                self._reconcile()
        return Run(
            trials=tuple(self._cluster.trials.values()),
            rows=self._rows,
            incumbents=tuple(self._incumbents),
            seconds=self._now,
            steps=self._cluster.steps,
            starts=self._cluster.starts,
            reason=self._reason,
        )

    def _push(self, seconds: float, index: int) -> None:
        heapq.heappush(self._events, (seconds, next(self._order), index))

    def _report(self, index: int) -> bool:
        """Report the next step of an attempt. Return whether the planner may have something to decide."""
        attempt = self._cluster.attempts.get(index)
        if attempt is None or attempt.due != self._now:
            return False  # the attempt was stopped after this event was scheduled
        attempt.step += 1
        self._cluster.steps += 1
        objective = self.spec.primary_objective
        value, before = attempt.curve.values[attempt.step - 1], attempt.progress
        attempt.progress = observe(
            before,
            attempt.step,
            {objective.metric: value},
            time=time_of(self._now),
            tracking=Tracking(objective.metric, maximize=objective.type == "maximize", levels=self._levels(index)),
        )
        better = self._record_incumbent(value)
        if attempt.step == attempt.last:
            attempt.succeed(self._now)
        else:
            self._schedule(attempt)
        crossed = len(attempt.progress.crossings) > len(before.crossings)
        return self._needs_plan(crossed=crossed, better=better, ended=attempt.pod.ended)

    def _needs_plan(self, *, crossed: bool, better: bool, ended: bool) -> bool:
        """Return whether the planner may have something to decide after a report."""
        rule = self.spec.early_stopping
        per_trial = rule is not None and (rule.patience is not None or rule.threshold is not None)
        no_progress = self.spec.stop_when_no_progress is not None
        return crossed or ended or per_trial or no_progress or (better and self.spec.primary_objective.goal is not None)

    def _schedule(self, attempt: Attempt) -> None:
        attempt.schedule(self._now)
        self._push(attempt.due, attempt.index)

    def _record_incumbent(self, value: float) -> bool:
        """Record a value that is better than all before. Return whether it is."""
        maximize = self.spec.primary_objective.type == "maximize"
        best = score(self._incumbents[-1][1], maximize=maximize) if self._incumbents else float("-inf")
        if not isfinite(value) or score(value, maximize=maximize) <= best:
            return False
        self._incumbents.append((self._now, value))
        return True

    def _levels(self, index: int) -> tuple[int, ...]:
        return self._rule.levels(self._cluster.trials[index].bracket) if self._rule is not None else ()

    def _reconcile(self) -> None:
        """Plan and execute until a plan leaves nothing to do."""
        while not self._reason:
            planned = make_plan(self._snapshot(), time_of(self._now), self._plan_cache)
            freed = [self._execute(action) for chain in planned.chains for action in chain]
            if planned.ended is not None:
                self._reason = planned.ended.reason
            suggested = self._suggest(planned.suggestions_needed)
            idle = len(self._cluster.attempts) < self.spec.parallel_trial_count
            if not any(freed) and not (suggested and idle):
                return

    def _snapshot(self) -> Snapshot:
        return Snapshot(
            experiment=replace(self._experiment, created_count=len(self._cluster.trials)),
            trials=tuple(self._cluster.trials.values()),
            pods=self._cluster.pods,
            collected=self._cluster.collected,
            suggestions=self._suggestions,
            exhausted=self._exhausted,
        )

    def _execute(self, action: Action) -> bool:
        """Execute an action. Return whether it ended a Pod."""
        match action:
            case CreateTrial(index):
                self._changed[index] = self._cluster.create_trial(action, self._now)
                del self._suggestions[index]
            case WriteTrial(trial):
                self._changed[trial.index] = trial
                self._cluster.write_trial(trial)
            case CreatePod(index):
                curve = self.table.curves[self._rows[index]]
                attempt = self._cluster.create_pod(action, curve, self._levels(index), self._now)
                self._push(attempt.due, index)
            case StopPod() | DeletePod():
                return self._cluster.stop_pod(action)
        return False

    def _suggest(self, needed: tuple[int, ...]) -> bool:
        """Request configurations for trials that have none. Return whether there was a request."""
        missing = tuple(index for index in needed if index not in self._suggestions)
        if not missing or self._exhausted:
            return False
        rows = self.source.choose(missing, tuple(self._changed.values()))
        self._changed.clear()
        self._rows.update(rows)
        self._suggestions.update({index: self.table.curves[row].parameters for index, row in rows.items()})
        self._exhausted = len(rows) < len(missing)
        return True
